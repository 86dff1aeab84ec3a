"""Path data written by matplotlib and Graphviz, made short: relative, in tenths."""

from __future__ import annotations

import re

from reportgen.figures.svg import joined, tenths

_PIECE = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")  # an e is part of a number
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def numbers_in(data: str) -> list[float]:
    """The numbers in an attribute such as points or viewBox."""
    return [float(found) for found in _NUMBER.findall(data)]


def short_path(data: str) -> str:
    """The same path in relative commands rounded to tenths, without steps of no length.

    Takes the absolute commands M, L, C, Q and Z, which are those that matplotlib and Graphviz write; raises ValueError
    for others. Rounding errors do not add up: each step starts from the rounded place.
    """
    out: list[tuple[str, list[str]]] = []
    x = y = start_x = start_y = 0
    for letter, rest in _PIECE.findall(data):
        values = [round(number * 10) for number in numbers_in(rest)]
        if letter in "Zz":
            out.append(("z", []))
            x, y = start_x, start_y
            continue
        size = {"M": 2, "L": 2, "C": 6, "Q": 4}.get(letter)
        if size is None:
            raise ValueError(f"path command {letter!r} in {data[:60]!r}")
        for at in range(0, len(values) - size + 1, size):
            step = values[at : at + size]
            end_x, end_y = step[-2], step[-1]
            if letter == "M" and at == 0:
                out.append(("M", [tenths(end_x), tenths(end_y)]))
                start_x, start_y = end_x, end_y
            elif letter in "ML":
                _line(out, end_x - x, end_y - y)
            else:
                shifted = [value - (y if index % 2 else x) for index, value in enumerate(step)]
                _append(out, letter.lower(), [tenths(value) for value in shifted])
            x, y = end_x, end_y
    return "".join(command + joined(numbers) for command, numbers in out)


def _line(out: list[tuple[str, list[str]]], dx: int, dy: int) -> None:
    if dx == 0 and dy == 0:
        return
    if dy == 0:
        _append(out, "h", [tenths(dx)])
    elif dx == 0:
        _append(out, "v", [tenths(dy)])
    else:
        _append(out, "l", [tenths(dx), tenths(dy)])


def _append(out: list[tuple[str, list[str]]], command: str, numbers: list[str]) -> None:
    if out and out[-1][0] == command:
        out[-1][1].extend(numbers)
    else:
        out.append((command, numbers))
