"""The parts of a mesh: vertices, colours and triangles as arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from reportgen.collect.predictions.arrays import Array, Shape
from reportgen.errors import InvalidArgumentError
from reportgen.run.logged import Plain


def vertices_in(values: Array) -> Array:
    """(B, N, 3) or (N, 3) coordinates as float32 (float64 stays) of shape (B, N, 3)."""
    found = _batched(values, "vertices")
    return found if found.dtype in (np.float32, np.float64) else found.astype(np.float32)


def colours_in(values: Array, vertices: Array) -> Array:
    """One colour a vertex as uint8: whole numbers 0 to 255, or floats 0 to 1."""
    found = _batched(values, "colors")
    if found.shape != vertices.shape:
        raise InvalidArgumentError("colors", Shape(values), f"one for each vertex: {vertices.shape}")
    if found.dtype.kind == "f":
        found = np.nan_to_num(found, nan=0.0, posinf=1.0, neginf=0.0) * 255
    return np.clip(found, 0, 255).round().astype(np.uint8)


def faces_in(values: Array, vertices: Array) -> Array:
    """(B, F, 3) or (F, 3) indices of vertices as int32."""
    found = _batched(values, "faces")
    if len(found) != len(vertices):
        raise InvalidArgumentError("faces", Shape(values), f"as many meshes as vertices: {len(vertices)}")
    if found.size and (found.min() < 0 or found.max() >= vertices.shape[1]):
        span = f"{found.min()} to {found.max()}"
        raise InvalidArgumentError("faces", f"indices from {span}", f"indices of {vertices.shape[1]} vertices")
    return found.astype(np.int32)


def config_in(config: object) -> dict[str, Plain]:
    """A configuration of three.js as flat settings, nested keys joined by dots; lists as JSON.

    Raises TypeError for what JSON has not.
    """
    json.dumps(config, sort_keys=True)
    flat: dict[str, Plain] = {}
    _flatten("", config if isinstance(config, Mapping) else {"config": config}, flat)
    return flat


def _flatten(prefix: str, mapping: Mapping[object, object], flat: dict[str, Plain]) -> None:
    for key, value in mapping.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            _flatten(name, value, flat)
        else:
            flat[name] = value if value is None or type(value) in (str, int, float, bool) else json.dumps(value)  # type: ignore[assignment]  # narrowed by the exact types


def _batched(values: Array, argument: str) -> Array:
    found = values[None] if values.ndim == 2 else values
    if found.ndim != 3 or found.shape[2] != 3:
        raise InvalidArgumentError(argument, Shape(values), "(B, N, 3) or (N, 3)")
    return found
