"""The numbers of any tensor as one flat row of real ones: every layout, dtype and subclass, read and never changed."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from reportgen.errors import InvalidArgumentError

# Ten-bit-and-up floats widen to float32 without loss; everything else is read as float64, exact up to 2**53.
_WIDENED = {torch.float32, torch.float16, torch.bfloat16}
# Kinds of which many tensors can be joined before they are widened.
_JOINED = {*_WIDENED, torch.float64}
_TORCHS = (Tensor, nn.Parameter)


Singles = npt.NDArray[np.float32]


def tensor_of(values: object) -> Tensor:
    """`values` itself if it is a tensor, else what an array or nested lists of numbers hold, any shape, on the host.

    Raises InvalidArgumentError for anything else.
    """
    try:
        return values if isinstance(values, Tensor) else torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidArgumentError("values", values, "a tensor, an array or nested lists of numbers") from error


@dataclass(slots=True)
class Numbers:
    """values: flat, float32 or float64, on the tensor's own device, perhaps sharing its memory.

    zeros: further elements that are zero without being stored (sparse layouts). elements: size of the whole tensor.
    reason: why there are no values, "" when there are.
    """

    values: Tensor | None
    elements: int
    zeros: int = 0
    reason: str = ""

    @property
    def count(self) -> int:
        """How many elements were read."""
        return (0 if self.values is None else self.values.numel()) + self.zeros


def reason_against(tensor: Tensor) -> str:
    """Why the numbers of `tensor` cannot be read, as the end of a sentence; "" when they can."""
    if tensor.is_meta:
        return "it is on the meta device and holds no numbers"
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return "it is inside a function transform (vmap, grad), where numbers cannot be read"
    if tensor.is_nested:
        return "nested tensors are not read"
    if type(tensor) not in _TORCHS and _own_dispatch(tensor) and not hasattr(tensor, "to_local"):
        return f"{type(tensor).__name__} has a dispatch of its own and may hold no numbers"
    return ""


def numbers_of(tensor: Tensor, sample: int | None = None) -> Numbers:
    """The numbers of `tensor` (any shape, dtype, layout, device), to be read inside `quiet()`.

    Complex numbers are read as their magnitude, quantised ones dequantised, a DTensor as its local shard (no
    collective is called), sparse ones as their values and the zeros between. More than `sample` elements: every k-th
    is taken, k prime to the number of elements, so that every channel, row and column is met equally often, and the
    same ones each time.
    """
    if _is_plain(tensor) and (sample is None or tensor.numel() <= sample):
        return Numbers(tensor.detach().view(-1), tensor.numel())
    return _as_real(_own_numbers(tensor, sample))


def joinable_numbers_of(tensor: Tensor, sample: int | None = None) -> Numbers:
    """The same, but floats of 16 bits are left as they are: `widened` makes float32 of many of them at once."""
    if _is_simple(tensor) and not tensor.is_neg():
        return Numbers(sampled(tensor, sample), tensor.numel())
    numbers = _own_numbers(tensor, sample)
    if numbers.values is not None and numbers.values.dtype in _JOINED:
        if numbers.values.is_neg():
            numbers.values = numbers.values.resolve_neg()
        return numbers
    return _as_real(numbers)


def widened(values: Tensor) -> Tensor:
    """Joined numbers as float32, or as the float64 that they are."""
    return values if values.dtype.itemsize > 2 else values.to(torch.float32)


def _own_numbers(tensor: Tensor, sample: int | None) -> Numbers:
    """The numbers of `tensor` in its own dtype."""
    if _is_simple(tensor):
        return Numbers(sampled(tensor, sample), tensor.numel())
    reason = reason_against(tensor)
    if reason:
        return Numbers(None, 0 if tensor.is_nested else tensor.numel(), reason=reason)
    if hasattr(tensor, "to_local") and _own_dispatch(tensor):
        tensor = tensor.to_local()  # the shard that is already here
    elements, zeros = tensor.numel(), 0
    if tensor.layout is not torch.strided or tensor.is_quantized:
        tensor = tensor.detach()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        elif tensor.layout == torch.sparse_coo:
            tensor = tensor.coalesce().values()
            zeros = elements - tensor.numel()
        else:
            tensor = tensor.to_dense() if tensor.is_mkldnn else tensor.values()
            zeros = elements - tensor.numel()
    return Numbers(sampled(tensor, sample), elements, zeros)


def _as_real(numbers: Numbers) -> Numbers:
    if numbers.values is not None:
        try:
            numbers.values = _real(numbers.values.detach())
        except (RuntimeError, TypeError) as error:
            what = f"{numbers.values.dtype} cannot be read as numbers ({error})"
            return Numbers(None, numbers.elements, reason=what)
    return numbers


def singles_of(tensor: Tensor, most: int) -> Singles | None:
    """The numbers of a plain float32 tensor on the CPU of 1 to `most` elements, sharing its memory; else None."""
    if not _is_plain(tensor) or not 0 < tensor.numel() <= most:
        return None
    numbers: Singles = tensor.numpy(force=True).reshape(-1)  # forced: one that requires a gradient is read as it is
    return numbers


def flat(tensor: Tensor) -> Tensor:
    """All elements in one row, as a view where the memory is dense in any order of dimensions, else as a copy."""
    if tensor.is_contiguous():
        return tensor if tensor.dim() == 1 else tensor.view(-1)
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    dense = tensor.permute(order)
    return dense.view(-1) if dense.is_contiguous() else tensor.reshape(-1)


def sampled(tensor: Tensor, sample: int | None) -> Tensor:
    """All elements of a strided tensor in one row, or at most `sample` of them, always the same; a view if it can be.

    To be called inside `quiet()`: views of parameters do not require gradients there.
    """
    elements = tensor.numel()
    if sample is None or elements <= sample:
        return flat(tensor)
    stride = stride_for(elements, sample)
    if tensor.is_contiguous():  # one call, and not two: it is made for each parameter
        return tensor.as_strided((-(-elements // stride),), (stride,), tensor.storage_offset())
    return flat(tensor)[::stride]


@functools.lru_cache(maxsize=4096)
def stride_for(elements: int, sample: int) -> int:
    """The smallest distance prime to `elements` that takes at most `sample` of them."""
    stride = -(-elements // sample)
    while math.gcd(stride, elements) != 1:
        stride += 1
    return stride


def _real(values: Tensor) -> Tensor:
    if values.dtype == torch.float32 or values.dtype == torch.float64:
        return values.resolve_neg()
    if values.is_complex():
        wide = torch.complex128 if values.dtype == torch.complex128 else torch.complex64
        return values.to(wide).abs()
    if values.dtype in _WIDENED or values.dtype.is_floating_point:
        return values.to(torch.float32)
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)


def _is_plain(tensor: Tensor) -> bool:
    """The usual case on the CPU, for which none of the rest has to be asked."""
    return (
        tensor.dtype is torch.float32
        and tensor.is_cpu
        and _is_simple(tensor)
        and tensor.is_contiguous()
        and not tensor.is_neg()
    )


def _is_simple(tensor: Tensor) -> bool:
    """Whether it is torch's own kind of tensor and its memory holds its numbers."""
    return (
        type(tensor) in _TORCHS
        and tensor.layout is torch.strided
        and tensor.dtype in _JOINED
        and not tensor.is_meta
        and not tensor.is_nested
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def _own_dispatch(tensor: Tensor) -> bool:
    return type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__
