"""Why a module's forward raised, told from what it was called with: shapes, dtypes and devices, never numbers.

The one exception is an index beyond an embedding's table, whose largest and smallest are read after the failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor, nn

from reportgen.collect.graph.constructors import constructor
from reportgen.collect.guard import of_a_signal
from reportgen.collect.structure import arguments, spec_of
from reportgen.run.graph import Fault

# Frames of torch in which a module's arguments stand under their names.
_CALLS = ("inner", "_call_impl")
_RANKS: Mapping[type[nn.Module], tuple[int, ...]] = {
    nn.BatchNorm1d: (2, 3),
    nn.BatchNorm2d: (4,),
    nn.BatchNorm3d: (5,),
}
# Dimensions of an input that has no batch, so that its channels come first.
_UNBATCHED: Mapping[type[nn.Module], int] = {nn.InstanceNorm1d: 2, nn.InstanceNorm2d: 3, nn.InstanceNorm3d: 4}
# How torch (2.6 to 2.15, on processors and accelerators) tells each kind of mistake, in lower case. An error that says
# something else is another mistake, whatever the sizes are.
_DEVICE = re.compile(r"\bdevices?\b|input type \(|is on \w+, but expected|\bmps\b")
_DTYPE = re.compile(
    r"(have|share) (the )?same (dtype|datatype|type)|mixed dtype|expect parameter to have scalar type"
    r"|input type \(.*\) and (weight|bias) type \(.*\) should be the same|expected (object of )?scalar type \w+ but"
    r"|expected tensor for argument #\d+ .* scalar types?|not implemented for '\w+'"
    r"|input dtype \(.*\) does not match weight dtype"
)
_SIZE = re.compile(
    r"shapes cannot be multiplied|size mismatch, got|\] to have \d+ channels"
    r"|(running_mean|running_var|weight|bias) should contain \d+ elements|size at dim=\d to match num_features"
    r"|number of channels in input|given normalized_shape=|must be equal to input_size|inconsistent input_size"
    r"|expecting embedding dimension of"
)
_RANK = re.compile(r"expected \d+d|expected .* to be \d+d")
_SMALL = re.compile(r"kernel size can't be greater than actual input size")
_ALONE = re.compile(r"more than 1 value per channel")
_INDEX = re.compile(r"index out of range|index -?\d+ out of range|out of bounds")


@dataclass(frozen=True, slots=True)
class _Mistake:
    """expected: the end of "it expects ...". argument, value: what to change to what; else `change` says what to do."""

    expected: str
    argument: str = ""
    value: int | tuple[int, ...] = 0
    change: str = ""


def fault_of(
    path: str, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], error: BaseException
) -> Fault:
    """What `module`, which raised `error`, was called with, and what it takes instead where a rule knows the mistake.

    Known are sizes that do not fit linear, convolution, normalisation, embedding, recurrent and attention layers, and
    inputs of another dtype or on another device than the layer's weight; each only where torch's own forward raised,
    and said that this is what does not fit.
    """
    tensors = arguments(args, kwargs)
    got = tuple(spec_of(tensor, name) for name, tensor in tensors)
    kind = type(module).__name__
    mistake = next(_mistakes(module, tensors[0][1], _message(error)), None) if tensors else None
    if mistake is None:
        return Fault(path, kind, got)
    name = path or kind
    if not mistake.argument:
        return Fault(path, kind, got, mistake.expected, mistake.change)
    old = getattr(module, mistake.argument)
    change = f"Change {mistake.argument} of {name} from {_size(old)} to {_size(mistake.value)}."
    code = constructor(module, {mistake.argument: mistake.value})
    return Fault(path, kind, got, mistake.expected, change, code)


def called_modules(error: BaseException) -> Iterator[tuple[nn.Module, Sequence[object], Mapping[str, object]]]:
    """The modules in whose call `error` was raised, outermost first, with their arguments."""
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _CALLS:
            values = frame.f_locals
            module = values.get("self")
            if isinstance(module, nn.Module):
                yield module, values.get("args", ()), values.get("kwargs", {})
        traceback = traceback.tb_next


def fault_in(error: BaseException, paths: Mapping[int, str]) -> Fault | None:
    """The fault of the innermost module that `error` went through of those in `paths` (id -> full name)."""
    found = None
    for called in called_modules(error):
        if id(called[0]) in paths:
            found = called
    if found is None:
        return None
    with torch._C.DisableTorchFunction():
        return fault_of(paths[id(found[0])], *found, error)


def _message(error: BaseException) -> str:
    try:
        return str(error).lower()
    except Exception as broken:  # an error of the user's whose str raises
        if of_a_signal(broken):
            raise
        return ""


def _mistakes(module: nn.Module, given: Tensor, message: str) -> Iterator[_Mistake]:
    if not _torchs_own(module):
        return
    if _DEVICE.search(message):
        yield from _elsewhere(module, given)
    if _DTYPE.search(message):
        yield from _dtype(module, given)
    if _SIZE.search(message):
        yield from _sizes(module, given)
    if isinstance(module, nn.modules.conv._ConvNd):
        if _RANK.search(message):
            yield from _dimensions(module, given)
        if _SMALL.search(message):
            yield from _small(module, given)
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        if _RANK.search(message):
            yield from _rank(module, given)
        if _ALONE.search(message):
            yield from _alone(module, given)
    elif isinstance(module, nn.Embedding) and _INDEX.search(message):
        yield from _index(module, given)


def _torchs_own(module: nn.Module) -> bool:
    """Whether what raised is torch's own forward: in another one anything may have, with its arguments as they should
    be."""
    forward = getattr(type(module), "forward", None)
    where = getattr(forward, "__module__", None) or ""
    return where.startswith("torch.nn.modules.") and "forward" not in vars(module)


def _sizes(module: nn.Module, given: Tensor) -> Iterator[_Mistake]:
    if isinstance(module, nn.Linear):
        yield from _features(given, module.in_features, "in_features")
    elif isinstance(module, nn.modules.conv._ConvNd):
        yield from _convolution(module, given)
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        dim = 0 if given.dim() == _UNBATCHED.get(type(module)) else 1
        yield from _channels(given, module.num_features, "num_features", dim)
    elif isinstance(module, nn.GroupNorm):
        for mistake in _channels(given, module.num_channels, "num_channels"):
            yield _undivided(mistake, module.num_groups, "groups", "num_channels and num_groups")
    elif isinstance(module, nn.LayerNorm):
        yield from _layer_norm(module, given)
    elif isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        yield from _features(given, module.input_size, "input_size")
    elif isinstance(module, nn.MultiheadAttention):
        for mistake in _features(given, module.embed_dim, "embed_dim"):
            yield _undivided(mistake, module.num_heads, "heads", "embed_dim and num_heads")


def _undivided(mistake: _Mistake, parts: int, what: str, arguments: str) -> _Mistake:
    """A mistake as it is, or what else is to be changed where the size that arrives is not a multiple of `parts`."""
    if not mistake.argument or not isinstance(mistake.value, int) or not mistake.value % parts:
        return mistake
    told = f"{mistake.value:,} cannot be divided into its {parts:,} {what}: change {arguments}, or what it is given."
    return _Mistake(mistake.expected, change=told)


def _features(given: Tensor, expected: int, argument: str) -> Iterator[_Mistake]:
    if given.dim() and given.shape[-1] != expected:
        features = "feature" if expected == 1 else "features"
        yield _Mistake(f"{expected:,} {features} in the last dimension", argument, int(given.shape[-1]))


def _channels(given: Tensor, expected: int, argument: str, dim: int = 1) -> Iterator[_Mistake]:
    if given.dim() <= dim or given.shape[dim] == expected:
        return
    told = f"{expected:,} {'channel' if expected == 1 else 'channels'} in dimension {dim}"
    between = given.shape[dim + 1 : -1]
    if given.dim() > dim + 1 and given.shape[-1] == expected and expected not in between:
        change = (
            f"Its last dimension has {expected:,}: if those are the channels, inputs.movedim(-1, {dim}) moves them."
        )
        yield _Mistake(told, change=change)
    else:
        yield _Mistake(told, argument, int(given.shape[dim]))


def _axes(places: int) -> str:
    return ", ".join("DHW"[3 - places :])


def _dimensions(module: nn.modules.conv._ConvNd, given: Tensor) -> Iterator[_Mistake]:
    places = len(module.kernel_size)
    if given.dim() not in (places + 1, places + 2):
        yield _Mistake(
            f"{places + 2} dimensions (N, C, {_axes(places)}), or {places + 1} without a batch",
            change=f"Give it a tensor of {places + 2} dimensions; unsqueeze adds one, flatten and view take some away.",
        )


def _convolution(module: nn.modules.conv._ConvNd, given: Tensor) -> Iterator[_Mistake]:
    places = len(module.kernel_size)
    dim = given.dim() - places - 1
    for mistake in _channels(given, module.in_channels, "in_channels", dim):
        arrives = int(given.shape[dim])
        # Pictures of one or three channels come in batches: without a dimension for either, the first is the batch.
        if mistake.argument and dim == 0 and (module.in_channels == 1 or (module.in_channels == 3 and arrives != 1)):
            change = f"Give it batches of {module.in_channels} channels: inputs.unsqueeze(0) makes a batch of one."
            if module.in_channels == 1:
                change = f"Add the dimension of the channel: inputs.unsqueeze(1) makes a batch of {arrives:,}."
            shape = f"(N, {module.in_channels}, {_axes(places)})"
            yield _Mistake(f"{places + 2} dimensions {shape}, or {mistake.expected} without a batch", change=change)
        elif (
            mistake.argument
            and module.groups > 1
            and module.groups == module.in_channels
            and not arrives % module.groups
        ):
            change = f"It has a group for each channel: change in_channels, out_channels and groups for {arrives:,}."
            yield _Mistake(mistake.expected, change=change)
        else:
            yield _undivided(mistake, module.groups, "groups", "in_channels and groups")


def _small(module: nn.modules.conv._ConvNd, given: Tensor) -> Iterator[_Mistake]:
    places = len(module.kernel_size)
    if module.transposed or isinstance(module.padding, str):
        return
    for axis in range(places):
        size = int(given.shape[axis - places]) + 2 * int(module.padding[axis])
        wide = module.dilation[axis] * (module.kernel_size[axis] - 1) + 1
        if size < wide:
            yield _Mistake(
                f"at least {wide:,} places in dimension {given.dim() - places + axis} with its padding, as wide as "
                "its kernel is",
                change="Give it a larger input, or take out a layer that halves the size before it.",
            )


def _layer_norm(module: nn.LayerNorm, given: Tensor) -> Iterator[_Mistake]:
    expected = tuple(module.normalized_shape)
    ends = tuple(int(size) for size in given.shape[given.dim() - len(expected) :]) if given.dim() else ()
    if len(ends) == len(expected) and ends != expected:
        one = len(expected) == 1
        text = f"{expected[0]:,} features in the last dimension" if one else f"{_size(expected)} as its last dimensions"
        yield _Mistake(text, "normalized_shape", ends[0] if one else ends)


def _rank(module: nn.modules.batchnorm._NormBase, given: Tensor) -> Iterator[_Mistake]:
    for cls, ranks in _RANKS.items():
        if isinstance(module, cls) and given.dim() not in ranks:
            told = " or ".join(str(rank) for rank in ranks)
            yield _Mistake(f"a tensor of {told} dimensions", change=f"Use the layer for {given.dim()} dimensions.")


def _alone(module: nn.modules.batchnorm._NormBase, given: Tensor) -> Iterator[_Mistake]:
    if module.training and given.dim() > 1 and given.numel() == given.shape[1]:
        yield _Mistake(
            "more than one value for each channel in train mode",
            change="Use batches of two or more (DataLoader(..., drop_last=True) leaves out a last one of one).",
        )


def _index(module: nn.Embedding, given: Tensor) -> Iterator[_Mistake]:
    if given.device.type != "cpu" or not given.numel() or given.is_nested:
        return  # reading on an accelerator that has just failed would fail again
    least, largest = int(given.min()), int(given.max())
    rows = f"indices from 0 to {module.num_embeddings - 1:,}"
    if largest >= module.num_embeddings:
        yield _Mistake(f"{rows}; the largest it got is {largest:,}", "num_embeddings", largest + 1)
    elif least < 0:
        yield _Mistake(
            f"{rows}; the least it got is {least:,}",
            change="Map what stands for no index (-1, -100) to a row of its own.",
        )


def _elsewhere(module: nn.Module, given: Tensor) -> Iterator[_Mistake]:
    weight = next(module.parameters(recurse=False), None)
    if weight is not None and not nn.parameter.is_lazy(weight) and weight.device != given.device:
        yield _Mistake(
            f"tensors on {weight.device}, where its weight is, and got one on {given.device}",
            change=f'Move the input there: inputs = inputs.to("{weight.device}").',
        )


def _dtype(module: nn.Module, given: Tensor) -> Iterator[_Mistake]:
    if isinstance(module, nn.Embedding):
        if given.dtype not in (torch.int64, torch.int32):
            yield _Mistake("indices of dtype int64 or int32", change="Convert the input: x.long().")
        return
    weight = next(module.parameters(recurse=False), None)
    if weight is None or nn.parameter.is_lazy(weight) or weight.dtype == given.dtype or weight.is_quantized:
        return
    held, got = (str(dtype).removeprefix("torch.") for dtype in (weight.dtype, given.dtype))
    yield _Mistake(
        f"{held}, the dtype of its weight, and got {got}",
        change=f"Convert the input: inputs = inputs.to(torch.{held}).",
    )


def _size(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return f"{value[0]:,}" if len(value) == 1 else " x ".join(f"{size:,}" for size in value)
    return f"{value:,}"
