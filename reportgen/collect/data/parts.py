"""Which part of a row, or of a batch, is the input and which the target: tuples, lists and dicts as loaders give."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from reportgen.collect.numbers import reason_against
from reportgen.collect.predictions.arrays import Array, to_array

# Keys of common libraries. Of several inputs the first in this order is the one whose numbers are looked at.
INPUTS = (
    "input_ids", "pixel_values", "input_values", "input_features", "image", "images", "img", "imgs", "inputs", "input",
    "x", "features", "data", "tokens", "ids", "text", "texts", "sentence", "sentences", "audio", "waveform", "signal",
)  # fmt: skip
TARGETS = (
    "label", "labels", "target", "targets", "y", "class", "classes", "class_id", "category", "fine_label", "label_ids",
)  # fmt: skip
DEEPEST = 3
MOST_PARTS = 8


@dataclass(slots=True)
class Parts:
    """inputs: all parts of the input, the one whose numbers are looked at first; target: None when unknown."""

    inputs: list[Any]
    target: Any = None


def parts_of(value: object) -> Parts:
    """The input and the target in one row or one batch. Nothing is copied or converted."""
    value = _without_number(value)
    found = _mapping(value)
    if found is not None:
        named = {str(key).lower(): key for key in found}
        target = next((found[named[key]] for key in TARGETS if key in named and _is_value(found[named[key]])), None)
        return Parts(flat(found)[:MOST_PARTS], target)
    if isinstance(value, (tuple, list)) and not _is_numbers(value):
        items = [*value]
        if len(items) <= 1:
            return Parts(_each(items))
        last = items[-1]
        # (anchor, positive, label): what looks like the first belongs to it, unless it is the last of all.
        alike = 1
        while alike < len(items) - 1 and _size(items[alike]) == _size(items[0]) > 1:
            alike += 1
        target = items[alike] if alike < len(items) else last
        return Parts(_each(items[:alike])[:MOST_PARTS], target if _is_value(target) else None)
    return Parts(flat(value))


def rows_in(batch: object) -> list[Any] | None:
    """The rows of a batch that was not collated: a list of tuples or of dicts; None for any other."""
    batch = _without_number(batch)
    if type(batch) is list and batch and all(isinstance(row, (tuple, dict)) for row in batch):
        return batch
    return None


def on_host(value: object, batch: bool) -> Array | str | None:
    """The numbers or texts of a part as an array, sharing its memory where it can; None for what holds neither.

    batch: whether it holds many rows. Then only what lies on the CPU is taken, since nothing may be waited for.
    """
    if isinstance(value, torch.Tensor):
        if batch and not value.is_cpu:
            return None
        if reason_against(value) or value.is_complex() or value.is_quantized or value.layout != torch.strided:
            return None
        return to_array(value.detach())
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufU" else None
    if isinstance(value, str):
        return None if batch else value
    if isinstance(value, (bool, int, float, np.generic)):
        return None if batch else _array(value)
    if isinstance(value, Image.Image):
        return np.asarray(value)
    if isinstance(value, (list, tuple)):
        if batch and value and isinstance(value[0], torch.Tensor):
            return None
        return _array([str(each) for each in value] if value and isinstance(value[0], str) else value)
    if hasattr(value, "to_numpy"):  # a column or a table of pandas or polars
        return _array(value)
    return None


def _each(items: list[Any]) -> list[Any]:
    return [part for item in items for part in flat(item)]


def _array(value: object) -> Array | None:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):  # a ragged list
        return None
    return array if array.dtype.kind in "biufU" else None


def _without_number(value: object) -> object:
    """What `enumerate` numbered."""
    if type(value) is not tuple or len(value) != 2 or type(value[0]) is not int:
        return value
    batch = value[1]
    numbered = isinstance(batch, dict) or (isinstance(batch, (tuple, list)) and not _is_numbers(batch))
    return batch if numbered else value


def _mapping(value: object) -> Mapping[Any, Any] | None:
    if isinstance(value, UserDict):
        return value.data
    if isinstance(value, dict):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(value)}
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and isinstance(names, tuple):
        return dict(zip(names, value, strict=False)) if set(names) & {*INPUTS, *TARGETS} else None
    return None


def flat(value: object, depth: int = 0) -> list[Any]:
    """The tensors, arrays and texts of an input, those with a usual name alone where there are such."""
    found = _mapping(value)
    if found is not None and depth < DEEPEST:
        named = {str(key).lower(): key for key in found}
        known = [found[named[key]] for key in INPUTS if key in named]
        known = known or [item for key, item in found.items() if str(key).lower() not in TARGETS]
        return [part for item in known for part in flat(item, depth + 1)]
    if isinstance(value, (tuple, list)) and not _is_numbers(value) and depth < DEEPEST:
        return [part for item in value for part in flat(item, depth + 1)]
    return [value] if _is_value(value) else []


def _is_value(value: object) -> bool:
    kinds = (torch.Tensor, np.ndarray, np.generic, str, bool, int, float, Image.Image)
    return isinstance(value, kinds) or (isinstance(value, (tuple, list)) and _is_numbers(value))


def _is_numbers(value: tuple[Any, ...] | list[Any]) -> bool:
    """Whether a list is a vector (of numbers, or of texts in a batch), or a table of such lists."""
    if not value or (type(value) is tuple and len(value) <= 3):  # (0.5, 1) is an input and its target
        return False
    first = value[0]
    if isinstance(first, list):
        return all(isinstance(each, list) for each in value[:100]) and _is_numbers(first)
    return isinstance(first, (bool, int, float, str, np.generic)) and all(
        isinstance(each, (bool, int, float, str, np.generic)) for each in value[:100]
    )


def shape_of(value: object) -> tuple[int, ...] | None:
    """The shape of a tensor or an array, None for what has none (a nested tensor)."""
    try:
        return tuple(int(size) for size in value.shape)  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - torch raises errors of several kinds, and anything may have such an attribute
        return None


def _size(value: object) -> int:
    shape = shape_of(value)
    return 0 if shape is None else int(np.prod(shape))
