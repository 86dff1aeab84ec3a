"""What kind of mistake an exception tells of, by torch's own words (2.6 to 2.15): the id of its finding."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from reportgen.diagnose.exceptions.traceback import own_frame
from reportgen.diagnose.reading.losses import is_loss
from reportgen.run.records import Failure, Run
from reportgen.run.tags import parse_tag

_I = re.IGNORECASE
# In this order: a device or a dtype that does not fit is told by words that sizes use as well.
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "out_of_memory",
        re.compile(
            r"out of memory|can't allocate memory|not enough memory: you tried to allocate|STATUS_ALLOC_FAILED"
            r"|unable to allocate .* for an array",
            _I,
        ),
    ),
    ("last_batch_size_1", re.compile(r"more than 1 value per channel when training", _I)),
    ("backward_twice", re.compile(r"backward through the graph a second time", _I)),
    (
        "inplace_modified",
        re.compile(r"modified by an inplace operation|used in an in-place operation|being modified inplace", _I),
    ),
    ("detached_graph", re.compile(r"does not require grad and does not have a grad_fn", _I)),
    ("nan_gradient", re.compile(r"^function '\w+' returned nan values in its \d+th output", _I)),
    ("logits_to_bce", re.compile(r"all elements of input should be between 0 and 1", _I)),
    (
        "labels_out_of_range",
        re.compile(
            r"^target -?\d+ is out of bounds|index out of range in self|class values must be (smaller|non-negative)"
            r"|all elements of target should be between 0 and 1|device-side assert"
            r"|^index -?\d+ is out of bounds for dimension 1 with size",
            _I,
        ),
    ),
    (
        "none_instead_of_tensor",
        re.compile(r"expected a proper tensor but got none|must be tensor, not nonetype|but got nonetype$", _I),
    ),
    (
        "device_mismatch",
        re.compile(
            r"on the same device|is not on the expected device|is on \w+, but expected (it|them) to be on"
            r"|placeholder storage has not been allocated on mps|expected object of device type|not at the same device"
            r"|on different devices|two different devices|(to|must) be on (gpu|cuda)",
            _I,
        ),
    ),
    (
        "dtype_mismatch",
        re.compile(
            r"(have|share|be of) (the )?same (dtype|datatype|type)|mixed dtype|scalar type|found dtype \w+ but expected"
            r"|input type \(.*\) and (weight|bias) type \(.*\) should be the same|expected target dtype to be"
            r"|floating point type for target|can't be cast to the desired output type|not implemented for '\w+'"
            r"|does not match weight dtype|tensors used as indices must be|could not infer output dtype"
            r"|only tensors of floating point",
            _I,
        ),
    ),
    (
        "shape_mismatch",
        re.compile(
            r"shapes cannot be multiplied|^size mismatch|\] to have \d+ channels|should contain \d+ elements"
            r"|to match num_features|number of channels in input|given normalized_shape=|must be equal to input_size"
            r"|inconsistent input_size|expecting embedding dimension|size of tensor a \(|the broadcast shape"
            r"|sizes of tensors must match|must have same number of dimensions|each tensor to be equal size"
            r"|is invalid for input of size|expected hidden|expected size for first two dimensions"
            r"|to match target batch_size|target size \(torch\.size|multi-target not supported"
            r"|only batches of spatial targets|expanded size of the tensor|does not broadcast|multiply up to the size"
            r"|kernel size can't be greater|output size is too small|expected [\dnc]d\b|to be \d+d|got \d+d"
            r"|split_sizes to sum|either for all \d+ classes|shape mismatch|must match mat2|could not be broadcast"
            r"|expected target size|dimension out of range|too many indices for tensor|shape of the mask"
            r"|batch or spatial sizes don't match|attn_mask is|src and tgt must be equal"
            r"|inconsistent tensor size|vectors must have same|must have the same shape|same reduction dim",
            _I,
        ),
    ),
)
# Types of torch and PyTorch code that say it all; the words differ from one accelerator to the next.
_TYPES = {"OutOfMemoryError": "out_of_memory", "MemoryError": "out_of_memory"}
_LAYER_TYPES = re.compile(r"input type \((\S+)\) and (?:weight|bias) type \((\S+)\) should be the same", _I)


@dataclass(frozen=True, slots=True)
class Told:
    """What an exception tells: the id of its finding, and the message that does (its own or that of its cause)."""

    id: str
    message: str


def cause_of(run: Run) -> Told | None:
    """The mistake that ended the run, None where no exception did or it is of no kind known."""
    failure = run.failure
    if failure is None:
        return None
    said = [(failure.type, failure.message), *((cause.type, cause.message) for cause in failure.causes)]
    for kind, message in said:
        told = _told(kind, message, failure)
        if told is not None:
            # A gradient of a loss that was NaN before is a symptom, under which the exception would be lost.
            return None if told.id == "nan_gradient" and _loss_broke(run) else told
    return None


def _loss_broke(run: Run) -> bool:
    return any(
        not math.isfinite(value)
        for tag, series in run.scalars.items()
        if is_loss(parse_tag(tag).metric)
        for value in series.values
    )


def _told(kind: str, message: str, failure: Failure) -> Told | None:
    name = kind.rpartition(".")[2]
    if name in _TYPES:
        return Told(_TYPES[name], message)
    found = next((id_ for id_, words in _KINDS if words.search(message)), "")
    if found == "dtype_mismatch" and _elsewhere(message):
        found = "device_mismatch"
    if found == "logits_to_bce" and failure.call is not None and "NaN" in failure.call.expected:
        return None  # numbers broke down before, and it is not the logits that are outside
    if message.startswith("index ") and "dimension" in message and not _indexed(failure):
        return None
    return Told(found, message) if found else None


def _indexed(failure: Failure) -> bool:
    """Whether an index may have come from a tensor of labels: a function's argument, or in the line that raised."""
    frame = own_frame(failure)
    return frame is not None and any(spec.dtype in ("int64", "int32") for spec in frame.tensors)


def _elsewhere(message: str) -> bool:
    """Whether a layer's input and weight differ in where they are: "torch.FloatTensor", "torch.cuda.FloatTensor"."""
    types = _LAYER_TYPES.search(message)
    return types is not None and types[1].rpartition(".")[0] != types[2].rpartition(".")[0]
