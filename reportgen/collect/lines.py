"""Buffered entries as the journal's lines. Runs in whichever thread flushes, so it must not hold that up for long."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reportgen.collect.distribution.text import json_of, measures_json
from reportgen.run.codec import plain_number, to_plain
from reportgen.run.journal import encoded
from reportgen.run.series import Stamp

# kind, step, optimizer step, epoch, time, payload
Entry = tuple[str, int, int, float | None, float, Any]

SCALARS, MEASURES, DISTRIBUTIONS = "scalars", "measures", "distributions"
# Scalars share a line, and so its time, when they were logged within this many seconds: what the line writes of it.
MOMENT = 0.001
# Names whose text as JSON is kept; a run with more tags than this makes some of them anew.
MOST_NAMES = 20_000
_NOTHING = "null}"
_LARGE: Mapping[str, Callable[[Any], str]] = {MEASURES: measures_json, DISTRIBUTIONS: json_of}


class Lines:
    """Makes lines of entries; neighbouring scalars of one step and moment share a line while no tag repeats."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, entries: list[Entry]) -> Iterator[str | Exception]:
        """A line for each entry or group of scalars; the exception where an entry's payload has no plain form."""
        pending: dict[str, float] = {}
        head: Entry | None = None
        for entry in entries:
            if head is not None and not (
                entry[0] == SCALARS
                and entry[1:4] == head[1:4]
                and abs(entry[4] - head[4]) < MOMENT
                and pending.keys().isdisjoint(entry[5])
            ):
                yield self._scalars(head, pending)
                head, pending = None, {}
            if entry[0] != SCALARS:
                try:
                    yield line(entry)
                except (TypeError, ValueError, AttributeError) as error:
                    yield error
            elif head is None:
                head, pending = entry, dict(entry[5])
            else:
                pending.update(entry[5])
        if head is not None:
            yield self._scalars(head, pending)

    def _scalars(self, head: Entry, values: dict[str, float]) -> str:
        # By hand, since this line is written once a step: json.dumps takes three times as long.
        _, step, optimizer_step, epoch, moment, _ = head
        names = self._names
        parts = []
        for tag, value in values.items():
            name = names.get(tag)
            if name is None:
                if len(names) >= MOST_NAMES:
                    names.clear()
                name = names[tag] = json.dumps(tag)
            parts.append(f"{name}:{value!r}" if math.isfinite(value) else f'{name}:"{plain_number(value)}"')
        done = f',"opt":{optimizer_step}' if optimizer_step else ""
        if epoch is not None:
            done += f',"epoch":{epoch!r}' if math.isfinite(epoch) else f',"epoch":"{plain_number(epoch)}"'
        return f'{{"k":"scalars","step":{step}{done},"t":{moment:.3f},"v":{{{",".join(parts)}}}}}'


def line(entry: Entry) -> str:
    """One entry as a line. Raises TypeError when its payload has no plain form."""
    kind, step, optimizer_step, epoch, moment, payload = entry
    head: dict[str, Any] = {"k": kind, "step": step}
    if optimizer_step:
        head["opt"] = optimizer_step
    if epoch is not None:
        head["epoch"] = plain_number(epoch)
    head["t"] = round(moment, 3)
    text = payload_text(kind, payload)
    plain = to_plain(payload) if text is None else None
    if isinstance(plain, dict) and getattr(payload, "stamp", None) == Stamp(*entry[1:5]):
        del plain["stamp"]  # which the line itself says, to the millisecond
    made = encoded(head | {"v": plain})
    return made if text is None else f"{made.removesuffix(_NOTHING)}{text}}}"


def payload_text(kind: str, payload: Any) -> str | None:
    """The JSON of a payload of one of the kinds that hold thousands of numbers, None for the others.

    What is text already stays as it is.
    """
    if kind not in _LARGE:
        return None
    return payload if isinstance(payload, str) else _LARGE[kind](payload)
