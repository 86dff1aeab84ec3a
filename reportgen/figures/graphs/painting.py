"""A plan with its layout as SVG that needs no style sheet."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from reportgen.blocks.wording import balanced
from reportgen.figures.graphs.kinds import KIND_COLOURS
from reportgen.figures.graphs.layout import Area, Course, Layout, Point
from reportgen.figures.graphs.plan import (
    FACT,
    FACT_LINE,
    NAME,
    NAME_LINE,
    STACK,
    Box,
    Frame,
    Line,
    Plan,
    Words,
    height_of,
    line_width,
)
from reportgen.figures.palette import paint
from reportgen.figures.paths import short_path
from reportgen.figures.svg import attributes, compact, drawing, element, text
from reportgen.figures.text import cut, escaped

PAD = 5
_STYLES = {
    "name": {"font_weight": "600"},
    "type": {},
    "fact": {"font_size": compact(FACT), "fill": paint("muted")},
    "link": {"font_size": compact(FACT), "fill": paint("c1")},
    "bad": {"font_size": compact(FACT), "fill": paint("bad")},
    "warn": {"font_size": compact(FACT), "fill": paint("warn")},
}
# The fill and stroke of most boxes.
_USUAL = ("paper", "edge")
_RADIUS = {"box": 4, "round": 9, "end": 9, "stub": 9}
# The arrow's head in px.
_HEAD, _HALF = 6.0, 3.0
# An edge that nowhere is further from a line than this many px is drawn as that line.
BENT = 0.8
# What runs from right to left, or could turn what stands beside it.
_TURNING = frozenset(["R", "AL", "RLE", "RLO", "LRE", "LRO", "RLI", "LRI", "FSI"])


def painted(plan: Plan, layout: Layout, identify: Callable[[str], str]) -> str:
    """The picture at its natural size. identify: makes of the id that a box or frame asks for the one it gets.

    What many shapes of a picture have in common stands once, on a group around them.
    """
    by_level = list(_levels(plan.items))
    shapes = [_frames(frames, layout, level, identify) for level, frames in enumerate(by_level)]
    shapes += [_edges(layout.courses, [_foot(box, layout.areas[box.name]) for box in plan.boxes() if box.makes])]
    shapes += [_feet(plan, layout)]
    shapes += [_titles(by_level[parity::2], layout, parity) for parity in (0, 1)]
    shapes += [_labels(plan, layout.courses)]
    shapes += [_boxes(plan, layout, identify), _words(plan, layout)]
    content = element(
        "g",
        "".join(shapes),
        transform=f"translate({PAD}.5 {PAD}.5)",
        fill=paint("ink"),
        font_size=compact(NAME),
        text_anchor="middle",
    )
    width = max([layout.width, *(area.x + area.width for area in layout.areas.values())])
    return drawing(
        math.ceil(width) + 2 * PAD + 1, math.ceil(layout.height) + 2 * PAD + 1, content, cut(plan.title, 120), "graph"
    )


def _levels(items: Sequence[Box | Frame]) -> Iterator[list[Frame]]:
    """The frames that are inside no other, those inside one, inside two, ...: each in order."""
    while frames := [item for item in items if isinstance(item, Frame)]:
        yield frames
        items = [item for frame in frames for item in frame.inside]


def _frames(frames: Sequence[Frame], layout: Layout, level: int, identify: Callable[[str], str]) -> str:
    """The frames of one level, which stand over those around them."""
    shapes = []
    for frame in frames:
        x, y, width, height = _whole(layout.areas[frame.name])
        stroke = paint("bad") if frame.failed else ""
        shape = element("rect", "", x=x, y=y, width=width, height=height, rx=7, stroke=stroke)
        if frame.stacked:
            shape = _stack(x, y, width, height, 7, stroke) + shape
        shapes.append(_wrapped(shape, frame.link, identify(frame.id), frame.told))
    return element("g", "".join(shapes), fill=paint(_ground(level)), stroke=paint("line"))


def _titles(levels: Sequence[Sequence[Frame]], layout: Layout, level: int) -> str:
    """The titles of frames on one ground, with the edges that enter from above passing under them, out of sight."""
    placed = []
    covers = []
    for frame in (frame for frames in levels for frame in frames):
        x, y, _, _ = _whole(layout.areas[frame.name])
        placed.append((frame.lines, x + 10, y + 7, False))
        width, height = math.ceil(max(map(line_width, frame.lines))), round(height_of(frame.lines))
        covers.append(f"M{x + 8} {y + 5}h{width + 4}v{height + 3}h-{width + 4}z")
    if not placed:
        return ""
    under = element("path", d="".join(covers), fill=paint(_ground(level))) if layout.courses else ""
    return under + element("g", _texts(placed), text_anchor="start")


def _ground(level: int) -> str:
    """The colour of a frame inside so many others."""
    return "wash" if level % 2 == 0 else "paper"


def _foot(box: Box, area: Area) -> tuple[int, int]:
    """The middle and the upper edge of what stands under a box, beside the line on which its edges begin."""
    return round(area.x + area.width / 2), round(area.y + area.height) - round(box.foot)


def _feet(plan: Plan, layout: Layout) -> str:
    """What stands under boxes."""
    texts = []
    for box in plan.boxes():
        if box.makes:
            x, top = _foot(box, layout.areas[box.name])
            texts.append(text(x + 5, top + 11, isolated(box.makes)))
    look = {"text_anchor": "start", "font_size": compact(FACT), "fill": paint("muted")}
    return element("g", "".join(texts), **look) if texts else ""


def _boxes(plan: Plan, layout: Layout, identify: Callable[[str], str]) -> str:
    """The boxes without their words, in order; neighbours of one look share a group."""
    out = []
    for look, boxes in itertools.groupby(plan.boxes(), _look):
        shapes = [_box(box, _room(box, layout), identify) for box in boxes]
        out.append(f"<g{look}>{''.join(shapes)}</g>" if look else "".join(shapes))
    fill, stroke = _USUAL
    return element("g", "".join(out), fill=paint(fill), stroke=paint(stroke)) if out else ""


def _look(box: Box) -> str:
    """The attributes in which a box differs from most, which are operations and modules."""
    fill, stroke = (
        paint(name) if name != usual else "" for name, usual in zip(KIND_COLOURS[box.kind], _USUAL, strict=True)
    )
    return attributes({"fill": fill, "stroke": stroke, "stroke_dasharray": "3 2" if _is_pale(box) else ""})


def _room(box: Box, layout: Layout) -> tuple[int, int, int, int]:
    """The place of a box without what stands under it, in whole px to both sides of its middle."""
    area = layout.areas[box.name]
    half = round(box.width / 2)
    _, y, _, height = _whole(Area(area.x, area.y, area.width, area.height - box.foot))
    return round(area.x + area.width / 2) - half, y, 2 * half, height


def _box(box: Box, room: tuple[int, int, int, int], identify: Callable[[str], str]) -> str:
    x, y, width, height = room
    coloured = box.kind not in ("failed", "idle", "input, output")
    name = f' class="{f"k {box.classes}".strip()}"' if coloured else ""
    radius = min(_RADIUS[box.shape], height // 2)
    shape = f'<rect{name} x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>'
    if box.stacked:
        shape = _stack(x, y, width, height, 4) + shape
    return _wrapped(shape, box.link, identify(box.id), box.told)


def _is_pale(box: Box) -> bool:
    return box.kind == "idle" or box.shape == "stub"


def _words(plan: Plan, layout: Layout) -> str:
    """The words in boxes. They let through to the box whoever points at them."""
    placed = []
    for box in plan.boxes():
        x, y, width, _ = _room(box, layout)
        placed.append((box.lines, x + width // 2, y + (2 if box.shape == "round" else 4), _is_pale(box)))
    return f'<g class="words" pointer-events="none">{_texts(placed)}</g>' if placed else ""


def _stack(x: int, y: int, width: int, height: int, radius: int, stroke: str = "") -> str:
    """The edge of a second card behind a box or a frame that stands for several."""
    step = round(STACK)
    data = (
        f"M{x + radius} {y + height}v{step}h{width - radius + step - 2}q2 0 2 -2v-{height - radius + step - 2}h-{step}"
    )
    return element("path", d=data, stroke=stroke)


def _wrapped(shape: str, link: str, name: str, told: str) -> str:
    """A shape with its tooltip, id and link."""
    inner = (f"<title>{escaped(isolated(told))}</title>" if told else "") + shape
    own = f' id="{escaped(name)}"' if name else ""
    if link:
        return f'<a href="#{escaped(link)}"{own}>{inner}</a>'
    return f"<g{own}>{inner}</g>" if own or told else inner


def _texts(placed: Iterable[tuple[Sequence[Line], float, float, bool]]) -> str:
    """Lines of words, each with its x, the upper edge y and whether it is pale. Lines of one look share a group."""
    groups: dict[str, list[str]] = {}
    for lines, x, y, pale in placed:
        for at, line in enumerate(lines):
            large = line[0].size == NAME
            y += (12 if large else 10.5) if at == 0 else (NAME_LINE if large else FACT_LINE)
            look: dict[str, object] = {**(_STYLES[line[0].style] if len(line) == 1 else {})}
            if pale:
                look.setdefault("fill", paint("muted"))
            words = " ".join(_span(words, len(line) > 1) for words in line)
            groups.setdefault(attributes(look), []).append(f'<text x="{compact(x)}" y="{compact(y)}">{words}</text>')
    return "".join(f"<g{look}>{''.join(texts)}</g>" if look else "".join(texts) for look, texts in groups.items())


def _span(words: Words, own: bool) -> str:
    """A piece of a line, with its own look where the line has pieces of several."""
    plain = escaped(isolated(words.text))
    return element("tspan", plain, **_STYLES[words.style]) if own and _STYLES[words.style] else plain


def isolated(text: str) -> str:
    """A text that cannot turn around what stands beside it."""
    if text.isascii() or not any(unicodedata.bidirectional(character) in _TURNING for character in text):
        return text
    return f"\u2068{balanced(text)}\u2069"


def _edges(courses: Sequence[Course], feet: Sequence[tuple[int, int]]) -> str:
    """All edges as one path, with the lines on which they begin beside what stands under boxes, and their heads as
    another."""
    lines = [f"M{x} {top}L{x} {top + round(FACT_LINE)}" for x, top in feet]
    heads = []
    for course in courses:
        lines.append(_line(course))
        if course.tip is not None:
            heads.append(_head(_pixel(course.points[-1]), _pixel(course.tip)))
    if not lines:
        return ""
    stroke = paint("edge")
    return element("path", d=short_path("".join(lines)), fill="none", stroke=stroke) + (
        element("path", d=short_path("".join(heads)), fill=stroke) if heads else ""
    )


def _line(course: Course) -> str:
    """The course of an edge as path data: straight where the eye sees no bend, else its curves."""
    first, *rest = map(_pixel, course.points)
    if len(rest) < 3:
        return _straight((first, *rest))
    if all(_beside(point, first, rest[-1]) < BENT for point in rest):
        return _straight((first, rest[-1]))
    return f"M{first[0]} {first[1]}C{' '.join(f'{x} {y}' for x, y in rest)}"


def _beside(point: Point, start: Point, end: Point) -> float:
    """How far a point is from the line through two others, in px."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    away = (point[0] - start[0], point[1] - start[1])
    return abs(dx * away[1] - dy * away[0]) / length if length else math.hypot(*away)


def _straight(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _head(start: tuple[float, float], tip: tuple[float, float]) -> str:
    """An arrow's head with its point at `tip`."""
    dx, dy = tip[0] - start[0], tip[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    dx, dy = dx / length, dy / length
    x, y = tip[0] - dx * _HEAD, tip[1] - dy * _HEAD
    return f"M{x - dy * _HALF} {y + dx * _HALF}L{tip[0]} {tip[1]} {x + dy * _HALF} {y - dx * _HALF}Z"


def _labels(plan: Plan, courses: Sequence[Course]) -> str:
    words = {(edge.source, edge.target): edge.label for edge in plan.edges if edge.label}
    texts = []
    for course in courses:
        told = words.get((course.source, course.target), "")
        if told and course.label is not None:
            x, y = course.label
            texts.append(f'<text x="{compact(x + 2)}" y="{compact(y + 3.5)}">{escaped(isolated(told))}</text>')
    return element("g", "".join(texts), font_size=compact(FACT), fill=paint("muted")) if texts else ""


def _pixel(point: Point) -> Point:
    return round(point[0]), round(point[1])


def _whole(area: Area) -> tuple[int, int, int, int]:
    """The area in whole px, so that its lines are sharp."""
    x, y = round(area.x), round(area.y)
    return x, y, round(area.x + area.width) - x, round(area.y + area.height) - y
