"""The numbers of any tensor as one flat row of real ones: every layout, dtype and subclass, read and never changed."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

# Ten-bit-and-up floats widen to float32 without loss; everything else is read as float64, exact up to 2**53.
_WIDENED = {torch.float32, torch.float16, torch.bfloat16}


Singles = npt.NDArray[np.float32]


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
    if tensor.device.type == "meta":
        return "it is on the meta device and holds no numbers"
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return "it is inside a function transform (vmap, grad), where numbers cannot be read"
    if tensor.is_nested:
        return "nested tensors are not read"
    if _own_dispatch(tensor) and not hasattr(tensor, "to_local"):
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
    reason = reason_against(tensor)
    if reason:
        return Numbers(None, tensor.numel() if not tensor.is_nested else 0, reason=reason)
    if hasattr(tensor, "to_local") and _own_dispatch(tensor):
        tensor = tensor.to_local()  # the shard that is already here
    elements, zeros = tensor.numel(), 0
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    elif tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce().values()
        zeros = elements - tensor.numel()
    elif tensor.layout != torch.strided:
        tensor = tensor.to_dense() if tensor.is_mkldnn else tensor.values()
        zeros = elements - tensor.numel()
    values = flat(tensor)
    if sample is not None and values.numel() > sample:
        values = values[:: stride_for(values.numel(), sample)]
    try:
        return Numbers(_real(values), elements, zeros)
    except (RuntimeError, TypeError) as error:
        return Numbers(None, elements, reason=f"{tensor.dtype} cannot be read as numbers ({error})")


def singles_of(tensor: Tensor, most: int) -> Singles | None:
    """The numbers of a plain float32 tensor on the CPU of 1 to `most` elements, sharing its memory; else None."""
    if not _is_plain(tensor) or not 0 < tensor.numel() <= most:
        return None
    numbers: Singles = tensor.numpy(force=True).reshape(-1)  # forced: one that requires a gradient is read as it is
    return numbers


def flat(tensor: Tensor) -> Tensor:
    """All elements in one row, as a view where the memory is dense in any order of dimensions, else as a copy."""
    if tensor.is_contiguous():
        return tensor.view(-1)
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    dense = tensor.permute(order)
    return dense.view(-1) if dense.is_contiguous() else tensor.reshape(-1)


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
    """The usual case, for which none of the rest has to be asked."""
    return (
        tensor.dtype is torch.float32
        and tensor.is_cpu
        and type(tensor) in (Tensor, nn.Parameter)
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.is_neg()
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def _own_dispatch(tensor: Tensor) -> bool:
    return type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__
