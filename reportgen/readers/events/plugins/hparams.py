"""Hyperparameters: what a session was given, what values they may take, and which tags are its metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.wire import BYTES, FIXED64, VARINT, Malformed, double, fields, text
from reportgen.run.logged import HParams, Plain

EXPERIMENT, SESSION_START = 2, 3
HPARAM_INFOS, METRIC_INFOS = 4, 5
MOST_DEPTH = 32


@dataclass(slots=True)
class Told:
    """What one of the plugin's events says. params: None where it says nothing of them."""

    params: dict[str, Plain] | None = None
    domains: dict[str, tuple[Plain, ...]] = field(default_factory=dict)
    metrics: list[str] = field(default_factory=list)


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft what the plugin's data of a value says. Raises Malformed."""
    data = value.content
    told = Told()
    for number, kind, a, b in fields(data, 0, len(data)):
        if number == EXPERIMENT and kind == BYTES:
            _experiment(told, data, a, b)
        elif number == SESSION_START and kind == BYTES:
            told.params = _params(data, a, b)
    entry.draft = told


def _experiment(told: Told, data: bytes, at: int, end: int) -> None:
    for number, kind, a, b in fields(data, at, end):
        if kind != BYTES:
            continue
        if number == HPARAM_INFOS:
            name = ""
            domain: tuple[Plain, ...] = ()
            for inner, known, c, d in fields(data, a, b):
                if inner == 1 and known == BYTES:
                    name = text(data, c, d)
                elif inner == 5 and known == BYTES:
                    domain = _list(data, c, d)
            if domain:
                told.domains[name] = domain
        elif number == METRIC_INFOS:
            tag = _metric(data, a, b)
            if tag:
                told.metrics.append(tag)


def _metric(data: bytes, at: int, end: int) -> str:
    """The tag of a metric, behind its group where it has one."""
    group = tag = ""
    for number, kind, a, b in fields(data, at, end):
        if number == 1 and kind == BYTES:
            for inner, known, c, d in fields(data, a, b):
                if inner == 1 and known == BYTES:
                    group = text(data, c, d)
                elif inner == 2 and known == BYTES:
                    tag = text(data, c, d)
    return f"{group}/{tag}" if group and tag else tag


def _params(data: bytes, at: int, end: int) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for number, kind, a, b in fields(data, at, end):
        if number != 1 or kind != BYTES:
            continue
        name, value = "", None
        for inner, known, c, d in fields(data, a, b):
            if inner == 1 and known == BYTES:
                name = text(data, c, d)
            elif inner == 2 and known == BYTES:
                value = _value(data, c, d)
        found[name] = value
    # A map comes in no order of its own.
    return dict(sorted(found.items()))


def _value(data: bytes, at: int, end: int) -> Plain:
    """A google.protobuf.Value: null, a number, a string or a bool; a list or structure as what it would print."""
    value: Plain = None
    for number, kind, a, b in fields(data, at, end):
        if number == 1 and kind == VARINT:
            value = None
        elif number == 2 and kind == FIXED64:
            value = double(data, kind, a)
        elif number == 3 and kind == BYTES:
            value = text(data, a, b)
        elif number == 4 and kind == VARINT:
            value = a != 0
        elif number == 6 and kind == BYTES:
            value = str(_tree(data, a, b))
        elif number == 5:
            value = "(a structure)"
        else:
            raise Malformed("a hyperparameter of a type that there is not")
    return value


def _tree(data: bytes, at: int, end: int, depth: int = 1) -> list[Any]:
    """A list of values, of which some may be lists. Raises Malformed."""
    if depth > MOST_DEPTH:
        raise Malformed("lists within lists, too deep for hyperparameters")
    found: list[Any] = []
    for number, kind, a, b in fields(data, at, end):
        if number != 1 or kind != BYTES:
            continue
        inner = [(c, d) for which, known, c, d in fields(data, a, b) if which == 6 and known == BYTES]
        found.append(_tree(data, *inner[-1], depth + 1) if inner else _value(data, a, b))
    return found


def _list(data: bytes, at: int, end: int) -> tuple[Plain, ...]:
    return tuple(_value(data, a, b) for number, kind, a, b in fields(data, at, end) if number == 1 and kind == BYTES)


def make(entries: list[Entry], builder: Builder) -> None:
    """The hyperparameters of a session, with the last number of each of its metrics."""
    params: dict[str, Plain] = {}
    domains: dict[str, tuple[Plain, ...]] = {}
    named: list[str] = []
    started = None
    for entry in entries:
        told: Told = entry.draft
        if told.params is not None:
            params |= told.params
            started = entry
        domains |= told.domains
        named += told.metrics
    if started is None:  # an experiment's description, of which the sessions are elsewhere
        return
    if builder.session:
        columns = builder.log.scalars
        metrics = {tag: column.values[-1] for tag, column in columns.items() if column.steps}
    else:
        tags = {tag: builder.scalars.get(builder.tag(tag)) or builder.scalars.get(tag) for tag in named}
        metrics = {tag: series.last for tag, series in tags.items() if series is not None}
    builder.add(
        "hparams",
        HParams(
            stamp=builder.stamp(started),
            params=params,
            metrics=metrics,
            name=builder.session or builder.prefix.rstrip("/"),
            domains=domains,
        ),
    )
