"""Where Graphviz puts the boxes, frames and edges of plans."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reportgen.figures.engine import LayoutError

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in px from the left and upper edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one edge: its points (the first, then three for each curve), the tip of its arrow, and the middle
    of its label."""

    source: str
    target: str
    points: tuple[Point, ...]
    tip: Point | None = None
    label: Point | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one picture's parts, by their names in DOT."""

    width: float
    height: float
    areas: dict[str, Area] = field(default_factory=dict)
    courses: tuple[Course, ...] = ()


def layouts(text: str) -> Iterator[Layout]:
    """The layouts in what Graphviz wrote, in order, up to the first that is incomplete.

    Raises LayoutError where a layout is complete but makes no sense.
    """
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, at = decoder.raw_decode(text, at)
        except ValueError:
            return
        try:
            yield _layout(found)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise LayoutError(f"Graphviz wrote a layout that cannot be read ({type(error).__name__})") from None
        at = text.find("{", at)


def _layout(found: dict[str, Any]) -> Layout:
    left, bottom, right, top = _numbers(found["bb"])
    areas: dict[str, Area] = {}
    names: dict[int, str] = {}
    for thing in found.get("objects", ()):
        names[thing["_gvid"]] = name = thing["name"]
        if "bb" in thing:
            x1, y1, x2, y2 = _numbers(thing["bb"])
            areas[name] = Area(x1 - left, top - y2, x2 - x1, y2 - y1)
        elif "pos" in thing:
            x, y = _numbers(thing["pos"])
            width, height = 72 * _finite(thing["width"]), 72 * _finite(thing["height"])
            areas[name] = Area(x - left - width / 2, top - y - height / 2, width, height)
    courses = tuple(
        _course(edge, names, left, top)
        for edge in found.get("edges", ())
        if "pos" in edge and edge.get("style") != "invis"
    )
    return Layout(right - left, top - bottom, areas, courses)


def _course(edge: dict[str, Any], names: dict[int, str], left: float, top: float) -> Course:
    def placed(numbers: Sequence[float]) -> Point:
        return numbers[0] - left, top - numbers[1]

    points: list[Point] = []
    tip = None
    for word in edge["pos"].split():
        if word.startswith("e,"):
            tip = placed(_numbers(word[2:]))
        elif not word.startswith("s,"):
            points.append(placed(_numbers(word)))
    label = placed(_numbers(edge["lp"])) if "lp" in edge else None
    return Course(names[edge["tail"]], names[edge["head"]], tuple(points), tip, label)


def _numbers(text: str) -> list[float]:
    return [_finite(number) for number in text.split(",")]


def _finite(text: object) -> float:
    number = float(str(text))
    if not math.isfinite(number):
        raise ValueError("a place that is no place")
    return number
