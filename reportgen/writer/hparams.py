"""Hyperparameters with their types, and the sessions they belong to."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from torch import Tensor

from reportgen.errors import shown
from reportgen.run.logged import Plain
from reportgen.run.redact import redact_config

ACCEPTED = "an int, float, str, bool, None or a tensor of one element"


def checked_params(given: Any, metrics: Any) -> dict[str, Plain]:
    """The parameters as plain values of their own types; texts of keys that look secret are hidden.

    TypeError when one of the arguments is no dict or a key no text, ValueError for a value of another type.
    """
    for name, value in (("hparam_dict", given), ("metric_dict", metrics)):
        if type(value) is not dict:
            raise TypeError(f"{name} is {shown(value)}; accepted: a dict")
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name} has the key {shown(key)}; accepted: keys of type str")
    plain = {key: _value(key, value) for key, value in given.items()}
    return {key: _open(key, value) for key, value in plain.items()}


def _open(key: str, value: Plain) -> Plain:
    """The value as it may be shown. A number is no secret: `max_tokens` is a hyperparameter like others."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return redact_config({key: value}).get(key, value) if isinstance(value, str) else value


def _value(key: str, value: Any) -> Plain:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if (isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex() and not value.is_meta) or (
        isinstance(value, np.generic) and value.dtype.kind in "biuf"
    ):
        found: bool | int | float = value.item()
        return found
    if isinstance(value, Tensor) and value.numel() > 1:  # of which torch's writer stores the first number
        return shown(value.tolist())
    raise ValueError(f"hparam_dict[{key!r}] is {shown(value)}; accepted: {ACCEPTED}")


def checked_domains(domains: Any, given: dict[str, Any]) -> dict[str, tuple[Plain, ...]]:
    """The values a parameter may take. TypeError unless they are lists of the type of a parameter that is given."""
    if not domains:
        return {}
    if not isinstance(domains, dict):
        raise TypeError(f"hparam_domain_discrete is {shown(domains)}; accepted: a dict of lists")
    for key, values in domains.items():
        right = key in given and isinstance(values, list)
        if not right or not all(isinstance(value, type(given[key])) for value in values):
            what = f"hparam_domain_discrete[{key!r}] is {shown(values)}"
            raise TypeError(f"{what}; accepted: a list of values of the type of hparam_dict[{key!r}]")
    return {key: tuple(_value(key, value) for value in values) for key, values in domains.items()}


class Sessions:
    """Names for calls without one: the first is the run itself, and other parameters are another session."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name_of(self, params: dict[str, Plain]) -> str:
        """The name of the session with these parameters: "", "session 2", "session 3" ..."""
        key = json.dumps(sorted(params.items()), default=str)
        if key not in self._names:
            count = len(self._names) + 1
            self._names[key] = "" if count == 1 else f"session {count}"
        return self._names[key]
