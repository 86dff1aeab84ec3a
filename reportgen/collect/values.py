"""What users log, as flat tags with one number each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from reportgen.errors import InvalidArgumentError

ACCEPTED = "a number, a tensor or array of one real element, a metric object, or a mapping of these"

# Any integer up to here is a float64.
LARGEST = 2**1023

Number = float | int
Rejected = Callable[[InvalidArgumentError], None]


def flatten(values: Any, argument: str, reject: Rejected) -> dict[str, Number | Tensor]:
    """`values` (a mapping, nested as deep as you like) as tag -> number, keys joined by "/".

    Numbers are Python ints and floats; tensors are left as they are (one element, any real dtype and device), so that
    nothing is synchronised with here. Each value that cannot be logged is given to `reject`, and the others are kept.
    Raises InvalidArgumentError when `values` is no mapping.
    """
    if type(values) is dict:
        # The usual case, at the price of one pass: every value is a plain float, or a tensor of one, already.
        for key, value in values.items():
            if type(key) is not str or (type(value) is not float and not _is_plain(value)):
                break
        else:
            return values
    if not isinstance(values, Mapping):
        raise InvalidArgumentError(argument, values, 'a mapping of tag to number, such as {"train/loss": loss}')
    flat: dict[str, Number | Tensor] = {}
    _flatten("", values, flat, argument, reject, ())
    return flat


def _is_plain(value: object) -> bool:
    return type(value) is Tensor and value.numel() == 1 and not value.is_complex() and not value.is_meta


def _flatten(
    prefix: str,
    values: Mapping[Any, Any],
    flat: dict[str, Number | Tensor],
    argument: str,
    reject: Rejected,
    above: tuple[int, ...],
) -> None:
    for key, value in values.items():
        tag = f"{prefix}/{key}" if prefix else str(key)
        place = f"{argument}[{tag[:80]!r}]"
        try:
            inner = value if isinstance(value, Tensor) else _computed(value, place)
            if isinstance(inner, Mapping):
                if id(inner) in above:
                    raise InvalidArgumentError(place, "a mapping that holds itself", ACCEPTED)
                _flatten(tag, inner, flat, argument, reject, (*above, id(inner)))
            else:
                flat[tag] = _number(inner, place)
        except InvalidArgumentError as error:
            reject(error)


def _computed(value: Any, place: str) -> Any:
    """A torchmetrics-like object's value; anything else as it is. Never resets: that is the user's to do."""
    if all(callable(getattr(value, name, None)) for name in ("compute", "update", "reset")):
        try:
            return value.compute()
        except Exception as error:
            what = f"a metric whose compute() raised {type(error).__name__}: {error}"
            raise InvalidArgumentError(place, what, ACCEPTED) from error
    return value


def _number(value: Any, place: str) -> Number | Tensor:
    kind = type(value)
    if kind is float or (kind is int and -LARGEST <= value <= LARGEST):
        return value  # type: ignore[no-any-return]  # one of the two types just compared with
    if kind is bool:
        return int(value)
    if isinstance(value, Tensor):
        return _tensor(value, place)
    if isinstance(value, (int, float, Decimal, Fraction)):
        try:
            return float(value)
        except (OverflowError, ValueError):  # beyond float64, or a signalling NaN
            raise InvalidArgumentError(place, value, f"{ACCEPTED}, within float64's range") from None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        if value.size != 1:
            raise InvalidArgumentError(place, f"an array of {value.size} elements", ACCEPTED)
        if value.dtype.kind not in "biuf":
            raise InvalidArgumentError(place, f"an array of dtype {value.dtype}", ACCEPTED)
        return float(value.reshape(()))
    raise InvalidArgumentError(place, value, ACCEPTED)


def _tensor(value: Tensor, place: str) -> Tensor:
    if value.numel() != 1:
        raise InvalidArgumentError(place, f"a tensor of {value.numel()} elements, shape {tuple(value.shape)}", ACCEPTED)
    if value.is_complex():
        raise InvalidArgumentError(place, f"a tensor of dtype {value.dtype} (complex)", ACCEPTED)
    if value.is_meta:
        raise InvalidArgumentError(place, "a tensor on the meta device, which holds no number", ACCEPTED)
    return value


def read(value: Number | Tensor) -> float:
    """The number in a value that is on the host: any dtype with a conversion to float."""
    if type(value) is Tensor and value.dtype is torch.float32 and value.layout is torch.strided:
        return value.item()
    if isinstance(value, Tensor):
        value = value.detach()
        if value.is_quantized:
            value = value.dequantize()
        if value.layout is not torch.strided:
            value = value.to_dense()
        return float(value.to(torch.float64).item()) if value.is_floating_point() else float(value.item())
    return float(value)
