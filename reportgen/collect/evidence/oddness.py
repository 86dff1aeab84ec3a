"""Which numbers in tensors are not finite: NaN, infinity, or minus infinity alone, which masks are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from reportgen.collect.numbers import reason_against, sampled
from reportgen.collect.quiet import quiet

NAN, PLUS, MINUS = 1, 2, 4
# Elements of each output that are read at each training forward, and tensors of it.
SAMPLE = 4096
MOST_TENSORS = 4
# Elements that are read of a tensor where all of them count.
MOST_ELEMENTS = 1 << 24


def oddness(tensor: Tensor, sample: int = MOST_ELEMENTS) -> int:
    """NAN, PLUS and MINUS, joined by |, of a tensor on the host; 0 when all is finite or nothing can be read.

    About 3 us for a small tensor that is finite. Of more than `sample` elements, so many are read.
    """
    if _usual_and_finite(tensor, sample):
        return 0
    with quiet():
        if type(tensor) is not Tensor and reason_against(tensor):
            return 0
        if not tensor.is_cpu or not tensor.is_floating_point() or tensor.layout is not torch.strided:
            return 0
        if tensor.is_nested or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return 0
        elements = tensor.numel()
        if not elements:
            return 0
        numbers = tensor if elements <= sample else sampled(tensor, sample)
        # A number that is not finite spoils the sum.
        total = numbers.item() if elements == 1 else numbers.sum().item()
        return 0 if math.isfinite(total) else _kinds(numbers)


def _usual_and_finite(tensor: Tensor, most: int) -> bool:
    """Whether it is an ordinary float32 tensor of so many elements, all of them finite, and no mode would see it read.

    Nearly every tensor is, and this takes half as long as asking in a `quiet()` what else it may be.
    """
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        return False
    if type(tensor) is not Tensor or tensor.dtype is not torch.float32 or not tensor.is_cpu:
        return False
    if tensor.layout is not torch.strided or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return False
    if tensor.is_nested or not 0 < tensor.numel() <= most:
        return False
    grad = torch.is_grad_enabled() and tensor.requires_grad
    try:
        if grad:
            torch._C._set_grad_enabled(False)
        return math.isfinite(tensor.item() if tensor.numel() == 1 else tensor.sum().item())
    finally:
        if grad:
            torch._C._set_grad_enabled(True)


def _kinds(numbers: Tensor) -> int:
    if reason_against(numbers):
        return 0
    found = NAN * bool(numbers.isnan().any())
    found |= PLUS * bool((numbers == math.inf).any())
    return found | MINUS * bool((numbers == -math.inf).any())


def all_oddness(tensors: Iterable[Tensor]) -> int:
    """The oddness of several together."""
    found = 0
    for tensor in tensors:
        found |= oddness(tensor)
    return found


def odd_parameters(root: nn.Module) -> list[str]:
    """Names of the parameters on the host that are not finite."""
    return [
        name
        for name, parameter in root.named_parameters()
        if not nn.parameter.is_lazy(parameter) and oddness(parameter)
    ]


def odd_rows(tensors: Sequence[Tensor]) -> tuple[int, int, list[str]]:
    """Of the first of these (N, ...) that holds NaN or infinity: how many rows do, N, and which columns.

    Columns are those of (N, features), or the channels of (N, channels, height, width). Rows are 0 when none of them
    holds any; one that holds minus infinity only is a mask.
    """
    for tensor in tensors:
        if not oddness(tensor) & (NAN | PLUS):
            continue
        with quiet():
            odd = ~torch.isfinite(tensor.detach())
            if not odd.dim():
                return 1, 1, []
            rows = int(odd.reshape(len(odd), -1).any(1).sum())
            columns: list[str] = []
            if odd.dim() in (2, 4):
                others = [d for d in range(odd.dim()) if d != 1]
                where = odd.any(dim=others[0]) if len(others) == 1 else odd.amax(others)
                columns = [str(i) for i in where.nonzero().flatten().tolist()]
            return rows, len(odd), columns
    return 0, 0, []
