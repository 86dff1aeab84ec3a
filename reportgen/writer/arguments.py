"""What torch's writer refuses is refused here: with the same type of exception, and a sentence that says what to pass.

All checks come before anything is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reportgen.errors import shown

# Steps are kept in 64 bits, as in an event file.
LARGEST_STEP = 2**63
# The year 10,000: no clock says so.
LATEST = 253_402_300_800.0
NUMBERS = "a number, or a tensor or an array of one element"
ARRAYS = "a torch.Tensor or a numpy.ndarray"


def tag_of(tag: object) -> str:
    """The tag; "" for None, as torch's writer stores it; TypeError for what is no text."""
    if isinstance(tag, str):
        return tag
    if tag is None:
        return ""
    if isinstance(tag, bytes):
        return tag.decode("utf-8", "replace")
    raise TypeError(f"tag is {shown(tag)}; accepted: a str")


def step_of(step: Any) -> int:
    """int(step), as torch's writer takes it: 3.7 is 3. TypeError, ValueError, OverflowError for what int() refuses."""
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"global_step is {shown(step)}; accepted: an integer, or what int() takes") from error
    if not -LARGEST_STEP <= whole < LARGEST_STEP:
        raise ValueError(f"global_step is {shown(step)}; accepted: an integer of 64 bits")
    return whole


def time_of(walltime: Any) -> float:
    """Seconds since the Unix epoch, NaN where they cannot be; TypeError for what is no number."""
    if isinstance(walltime, str):
        raise TypeError(f"walltime is {shown(walltime)}; accepted: seconds since 1970 as a number")
    try:
        seconds = float(walltime)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"walltime is {shown(walltime)}; accepted: seconds since 1970 as a number") from error
    return seconds if 0 <= seconds < LATEST else math.nan


def scalar_of(value: Any, argument: str = "scalar_value") -> float | Tensor | None:
    """The number in a value; a tensor stays one, so that a device is not waited for. None: it is on the meta device.

    NotImplementedError for another type, AssertionError for more or fewer elements than one, TypeError for complex
    numbers, ValueError for text that spells no number, OverflowError beyond float64.
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Tensor):
        return _one_number(value, argument)
    if isinstance(value, (np.ndarray, np.generic)):
        found = np.asarray(value).reshape(-1)
        if found.size != 1:
            what = f"{argument} is an array of {found.size} elements, shape {np.shape(value)}"
            raise AssertionError(f"{what}; accepted: {NUMBERS}")
        value = found[0]
    elif not np.isscalar(value):
        raise NotImplementedError(f"{argument} is {shown(value)}; accepted: {NUMBERS}")
    if isinstance(value, (complex, np.complexfloating)):
        raise TypeError(f"{argument} is {shown(value)}, which is complex; accepted: {NUMBERS}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"{argument} is {shown(value)}; accepted: {NUMBERS}") from error


def _one_number(value: Tensor, argument: str) -> Tensor | None:
    if value.numel() != 1:
        what = f"{argument} is a tensor of {value.numel()} elements, shape {tuple(value.shape)}"
        raise AssertionError(f"{what}; accepted: {NUMBERS}")
    if value.is_complex():
        raise TypeError(f"{argument} is a tensor of dtype {value.dtype}; accepted: {NUMBERS}")
    return None if value.is_meta else value


def shaped(value: Any, argument: str) -> Any:
    """A tensor or an array as it is, a Python number as an array; NotImplementedError for anything else."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value
    if not np.isscalar(value):
        raise NotImplementedError(f"{argument} is {_kind(value)}; accepted: {ARRAYS}")
    return np.array([value])


def array_of(value: Any, argument: str) -> Any:
    """The same, and TypeError or ValueError for arrays of objects and texts that are no numbers."""
    value = shaped(value, argument)
    if isinstance(value, Tensor) or value.dtype.kind in "biufc":
        return value
    try:
        return value.astype(float)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{argument} holds {shown(value.reshape(-1)[:1])}; accepted: numbers") from error


def text_of(value: object, argument: str) -> str:
    """The text; AttributeError, as in torch's writer, when it is none."""
    if not isinstance(value, str):
        raise AttributeError(f"{argument} is {shown(value)}; accepted: a str")
    return value


def mapping_of(value: object, argument: str, accepted: str) -> Mapping[Any, Any]:
    """The mapping; AttributeError, as in torch's writer, when it is none."""
    if not callable(getattr(value, "items", None)):
        raise AttributeError(f"{argument} is {shown(value)}; accepted: {accepted}")
    return value  # type: ignore[return-value]  # what has items


def length_of(value: Any, argument: str) -> int:
    """len(value), TypeError for what has none."""
    try:
        return len(value)
    except TypeError as error:
        raise TypeError(f"{argument} is {shown(value)}; accepted: a list, an array or a tensor") from error


def numbers_of(values: Any, argument: str) -> list[float]:
    """A list of numbers from a list, an array or a tensor; TypeError for what is no number."""
    listed = getattr(values, "tolist", None)
    try:
        return [number_of(value, argument) for value in (listed() if callable(listed) else values)]
    except TypeError as error:
        raise TypeError(f"{argument} is {shown(values)}; accepted: numbers") from error


def number_of(value: Any, argument: str) -> float:
    """float(value); TypeError for text and for what has no number."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{argument} is {shown(value)}; accepted: a number")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{argument} is {shown(value)}; accepted: a number") from error


def tags_of(tags: Any, argument: str = "tags") -> tuple[str, ...]:
    """Several tags; one text is one tag. TypeError for what is no text, or no list."""
    if isinstance(tags, str):
        return (tags,)
    if tags is None:
        return ()
    try:
        items: Sequence[object] = list(tags)
    except TypeError as error:
        raise TypeError(f"{argument} is {shown(tags)}; accepted: a list of tags") from error
    for item in items:
        if not isinstance(item, str):
            raise TypeError(f"{argument} holds {shown(item)}; accepted: tags, each a str")
    return tuple(str(item) for item in items)


def _kind(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return shown(value)


def is_meta(*values: object) -> bool:
    """Whether one of them is a tensor on the meta device, which holds no numbers."""
    return any(isinstance(value, torch.Tensor) and value.is_meta for value in values)
