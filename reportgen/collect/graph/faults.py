"""Why a module's forward raised, told from what it was called with: shapes, dtypes and devices, never numbers.

The one exception is an index beyond an embedding's table, whose largest and smallest are read after the failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor, nn

from reportgen.collect.graph.constructors import constructor
from reportgen.collect.structure import arguments, spec_of
from reportgen.run.graph import Fault

# Frames of torch in which a module's arguments stand under their names.
_CALLS = ("inner", "_call_impl")
_RANKS: Mapping[type[nn.Module], tuple[int, ...]] = {
    nn.BatchNorm1d: (2, 3),
    nn.BatchNorm2d: (4,),
    nn.BatchNorm3d: (5,),
}


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
    inputs of another dtype or on another device than the layer's weight.
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


def fault_in(error: BaseException, paths: Mapping[int, str]) -> Fault | None:
    """The fault of the innermost module that `error` went through of those in `paths` (id -> full name)."""
    found: tuple[nn.Module, Sequence[object], Mapping[str, object]] | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _CALLS:
            values = frame.f_locals
            module = values.get("self")
            if isinstance(module, nn.Module) and id(module) in paths:
                found = module, values.get("args", ()), values.get("kwargs", {})
        traceback = traceback.tb_next
    if found is None:
        return None
    with torch._C.DisableTorchFunction():
        return fault_of(paths[id(found[0])], *found, error)


def _message(error: BaseException) -> str:
    try:
        return str(error).lower()
    except Exception:  # noqa: BLE001 - an error of the user's whose str raises
        return ""


def _mistakes(module: nn.Module, given: Tensor, message: str) -> Iterator[_Mistake]:
    if "device" in message or "type" in message:
        yield from _elsewhere(module, given)
    if isinstance(module, nn.Embedding):
        yield from _embedding(module, given)
    elif isinstance(module, nn.Linear):
        yield from _features(given, module.in_features, "in_features")
    elif isinstance(module, nn.modules.conv._ConvNd):
        yield from _convolution(module, given)
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        yield from _channels(given, module.num_features, "num_features")
        yield from _rank(module, given)
        yield from _alone(module, given)
    elif isinstance(module, nn.GroupNorm):
        yield from _channels(given, module.num_channels, "num_channels")
    elif isinstance(module, nn.LayerNorm):
        yield from _layer_norm(module, given)
    elif isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        yield from _features(given, module.input_size, "input_size")
    elif isinstance(module, nn.MultiheadAttention):
        yield from _features(given, module.embed_dim, "embed_dim")
    if "type" in message and not isinstance(module, nn.Embedding):
        yield from _dtype(module, given)  # when the error says so: under autocast they may differ


def _features(given: Tensor, expected: int, argument: str) -> Iterator[_Mistake]:
    if given.dim() and given.shape[-1] != expected:
        features = "feature" if expected == 1 else "features"
        yield _Mistake(f"{expected:,} {features} in the last dimension", argument, int(given.shape[-1]))


def _channels(given: Tensor, expected: int, argument: str, dim: int = 1) -> Iterator[_Mistake]:
    if given.dim() > dim and given.shape[dim] != expected:
        channels = "channel" if expected == 1 else "channels"
        yield _Mistake(f"{expected:,} {channels} in dimension {dim}", argument, int(given.shape[dim]))


def _convolution(module: nn.modules.conv._ConvNd, given: Tensor) -> Iterator[_Mistake]:
    places = len(module.kernel_size)
    if given.dim() not in (places + 1, places + 2):
        sizes = ", ".join("DHW"[3 - places :] if places < 3 else "DHW")
        yield _Mistake(
            f"{places + 2} dimensions (N, C, {sizes}), or {places + 1} without a batch",
            change=f"Give it a tensor of {places + 2} dimensions; unsqueeze adds one, flatten and view take some away.",
        )
        return
    dim = given.dim() - places - 1
    for mistake in _channels(given, module.in_channels, "in_channels", dim):
        fits = not int(given.shape[dim]) % module.groups
        yield (
            mistake
            if fits
            else _Mistake(
                mistake.expected,
                change=f"{given.shape[dim]:,} channels cannot be divided into its {module.groups} groups.",
            )
        )
    if not module.transposed and not isinstance(module.padding, str):
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


def _embedding(module: nn.Embedding, given: Tensor) -> Iterator[_Mistake]:
    if given.dtype not in (torch.int64, torch.int32):
        yield _Mistake("indices of dtype int64 or int32", change="Convert the input: x.long().")
        return
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
