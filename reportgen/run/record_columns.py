"""The arrays inside of records as columns of numbers: a page packs those of all records together (run/columns.py)."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Sequence
from typing import Any, TypeVar

from reportgen.run.columns import Packer, Unpacker
from reportgen.run.records import Run

Record = TypeVar("Record")
Plan = dict[str, Any]

# The fields of a Run whose records hold arrays worth packing.
FIELDS = ("audio", "pr_curves", "embeddings", "meshes")
# Fields that hold records with arrays in their turn.
NESTED = ("projections",)


def pack_records(packer: Packer, run: Run) -> tuple[dict[str, Any], dict[str, list[Plan]]]:
    """The records of FIELDS without their arrays, and where these are: for each record, field -> type and column."""
    bare: dict[str, Any] = {}
    plans: dict[str, list[Plan]] = {}
    for name in FIELDS:
        packed = [_pack(packer, record) for record in getattr(run, name)]
        if packed:
            bare[name] = tuple(record for record, _ in packed)
            plans[name] = [plan for _, plan in packed]
    return bare, plans


def unpack_records(columns: Unpacker, run: Run, plans: dict[str, list[Plan]]) -> dict[str, Any]:
    """The records of `run` with their arrays back. Raises ValueError or a LookupError on what was not packed so."""
    found: dict[str, Any] = {}
    for name, each in plans.items():
        records = getattr(run, name) if name in FIELDS else ()
        if len(records) != len(each):
            raise ValueError(f"the columns of {name} do not fit its records")
        found[name] = tuple(_unpack(columns, record, plan) for record, plan in zip(records, each, strict=True))
    return found


def _pack(packer: Packer, record: Record) -> tuple[Record, Plan]:
    empty: dict[str, Any] = {}
    plan: Plan = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, array) and len(value):
            whole = value.typecode not in "fd"
            plan[field.name] = [value.typecode, packer.integers(value) if whole else packer.floats(value)]
            empty[field.name] = array(value.typecode)
        elif field.name in NESTED and value:
            inner = [_pack(packer, one) for one in value]
            empty[field.name] = tuple(one for one, _ in inner)
            plan[field.name] = {"each": [each for _, each in inner]}
    return dataclasses.replace(record, **empty), plan  # type: ignore[type-var]


def _unpack(columns: Unpacker, record: Record, plan: Plan) -> Record:
    filled: dict[str, Any] = {}
    for name, where in plan.items():
        if isinstance(where, dict):
            inner: Sequence[Any] = getattr(record, name)
            filled[name] = tuple(_unpack(columns, one, each) for one, each in zip(inner, where["each"], strict=True))
            continue
        code, column = where
        values = columns.floats(column) if code in "fd" else columns.integers(column)
        filled[name] = array(code, values)
    return dataclasses.replace(record, **filled)  # type: ignore[type-var]
