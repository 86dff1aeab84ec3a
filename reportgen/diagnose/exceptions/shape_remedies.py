"""What to change where shapes do not fit, by what torch said and what was given to what."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from reportgen.diagnose.exceptions.traceback import own_frame
from reportgen.run.graph import Fault, TensorSpec
from reportgen.run.records import Failure

Advice = tuple[str, str]
# What a fault says to change where that is one size ("Change in_features of fc1 from 1,568 to 800.").
_SIZE = re.compile(r"Change (\w+) of .+ from ([\d,]+) to ([\d,]+)\.")
# The place of a size among a constructor's required arguments, where it is not the first.
_SECOND = ("num_channels",)


def shape_remedy(failure: Failure, message: str) -> Advice:
    """What to do, as a sentence, and the line to write ("" where it cannot be told)."""
    for words, advise in _ADVICE:
        found = re.search(words, message, re.IGNORECASE)
        if found is not None:
            return advise(failure, found)
    return "Print the shapes of what goes in before this line, and make them the same where they have to be.", ""


def changed_line(fault: Fault) -> str:
    """The constructor that a fault proposes, as a change of the line as it was; alone where that is not known."""
    told = _SIZE.fullmatch(fault.change)
    if told is None:
        return fault.code
    argument, old, new = told[1], told[2].replace(",", ""), told[3].replace(",", "")
    before = r"^[\w.]+\(" if f"{argument}=" not in fault.code else rf"^.*\b{argument}="
    if argument in _SECOND and f"{argument}=" not in fault.code:
        before += r"[^,]+, "
    line = re.sub(rf"({before}){new}(?!\d)", rf"\g<1>{old}", fault.code)
    return f"- {line}\n+ {fault.code}" if line != fault.code else fault.code


def _rows(failure: Failure, found: re.Match[str]) -> Advice:
    outputs, targets = int(found[1]), int(found[2])
    told = f"The model gives {outputs:,} rows for {targets:,} targets."
    if targets and outputs > targets:
        return (
            f"{told} A view or reshape in the model has made rows of features (or of steps in time): keep the batch as "
            "it is by flatten(1). For sequences the targets have to be flattened in the same way.",
            "x = x.flatten(1)",
        )
    return f"{told} Take outputs and targets of the same batch, and of the same positions.", ""


def _multi_target(failure: Failure, found: re.Match[str]) -> Advice:
    target = _given(failure, "target")
    if target is not None and len(target.shape) == 2 and target.shape[1] > 1:
        return "Class indices of shape (N,) are expected, one a row: take them of one-hot rows.", (
            "targets = targets.argmax(1)"
        )
    return "Class indices of shape (N,) are expected: drop the dimension of size 1.", "targets = targets.squeeze(1)"


def _spatial(failure: Failure, found: re.Match[str]) -> Advice:
    return "Targets of shape (N, H, W) are expected: drop the dimension of the channel.", "targets = targets.squeeze(1)"


def _unequal(failure: Failure, found: re.Match[str]) -> Advice:
    first, second = _given(failure, "input"), _given(failure, "target")
    told = "Outputs and targets have to be of the same shape."
    if first is None or second is None:
        return told, ""
    if first.shape == (*second.shape, 1):
        return (
            f"{told} The outputs have one dimension of size 1 more.",
            "loss = criterion(outputs.squeeze(-1), targets)",
        )
    if second.shape == (*first.shape, 1):
        return (
            f"{told} The targets have one dimension of size 1 more.",
            "loss = criterion(outputs, targets.squeeze(-1))",
        )
    if first.shape[:1] == second.shape[:1] and len(first.shape) == len(second.shape) == 2:
        told += f" The last layer has to give {second.shape[1]:,} numbers a row, or the targets {first.shape[1]:,}."
    return told, ""


def _view(failure: Failure, found: re.Match[str]) -> Advice:
    numbers = int(found[1])
    given = next((spec for spec in _in_line(failure) if spec.shape and _numel(spec) == numbers), None)
    told = "The number of elements differs."
    if given is not None and len(given.shape) > 1 and given.shape[0]:
        told = (
            f"{given.name} is {given.shape}, which makes {numbers // given.shape[0]:,} features for each of its rows."
        )
    return f"{told} Flatten all but the batch, and give the next layer as many features.", "x = x.flatten(1)"


def _numel(spec: TensorSpec) -> int:
    product = 1
    for size in spec.shape:
        product *= size
    return product


def _stacked(failure: Failure, found: re.Match[str]) -> Advice:
    if any("collate" in frame.path for frame in (*failure.frames, *(f for c in failure.causes for f in c.frames))):
        return (
            "The rows of the data set differ in shape, so that no batch can be made of them: resize, crop or pad them, "
            "or pad in a collate_fn.",
            "loader = DataLoader(dataset, batch_size=..., collate_fn=pad)",
        )
    return "Bring the tensors to one shape before they are put together: pad, crop or resize them.", ""


def _hidden(failure: Failure, found: re.Match[str]) -> Advice:
    return (
        "The hidden state was made for another batch size or number of layers (layers, batch, hidden size). A last, "
        "smaller batch and batch_first=True are the usual reasons: make the state of each batch anew.",
        "hidden = torch.zeros(layers, inputs.size(0), hidden_size)",
    )


def _small(failure: Failure, found: re.Match[str]) -> Advice:
    return "The picture is smaller than the kernel by then: give larger ones, or take out a layer that halves them.", ""


def _weights(failure: Failure, found: re.Match[str]) -> Advice:
    return f"The loss takes a weight for each of {int(found[1]):,} classes.", ""


def _broadcast(failure: Failure, found: re.Match[str]) -> Advice:
    call = failure.call
    if call is not None and _given(failure, "target") is not None:
        return _unequal(failure, found)
    first, second, dim = int(found[1]), int(found[2]), int(found[3])
    return (
        f"In dimension {dim} one has {first:,} and the other {second:,}: change the layer that makes either, or "
        "bring one to the shape of the other (as a 1x1 convolution on a shortcut does).",
        "",
    )


def _linear(failure: Failure, found: re.Match[str]) -> Advice:
    arrive, fit = (int(size) for size in found.groups() if size is not None)
    return f"The layer takes {fit:,} features and is given {arrive:,}: change one of them.", ""


def _dimension(failure: Failure, found: re.Match[str]) -> Advice:
    return (
        "The tensor has fewer dimensions than the line counts on: look for a squeeze, or a batch that is missing.",
        "",
    )


def _given(failure: Failure, name: str) -> TensorSpec | None:
    got: Sequence[TensorSpec] = failure.call.got if failure.call is not None else ()
    return next((spec for spec in got if spec.name == name), None)


def _in_line(failure: Failure) -> Sequence[TensorSpec]:
    frame = own_frame(failure)
    return frame.tensors if frame is not None else ()


_ADVICE: tuple[tuple[str, Callable[[Failure, re.Match[str]], Advice]], ...] = (
    (r"batch_size \((\d+)\) to match target batch_size \((\d+)\)", _rows),
    (r"multi-target not supported", _multi_target),
    (r"only batches of spatial targets", _spatial),
    (r"target size \(torch\.size|input: \[.*target: \[", _unequal),
    (r"is invalid for input of size (\d+)", _view),
    (r"each tensor to be equal size|sizes of tensors must match|same number of dimensions", _stacked),
    (r"expected hidden", _hidden),
    (r"kernel size can't be greater|output size is too small", _small),
    (r"either for all (\d+) classes", _weights),
    (r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)", _broadcast),
    (r"\(\d+x(\d+) and (\d+)x\d+\)|reduction dim, but got \[\d+, (\d+)\] X \[(\d+),", _linear),
    (r"dimension out of range|too many indices", _dimension),
)
