"""A plan with its layout as SVG that needs no style sheet."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence

from reportgen.blocks.wording import balanced
from reportgen.figures.graphs.kinds import KIND_COLOURS
from reportgen.figures.graphs.layout import Area, Course, Layout
from reportgen.figures.graphs.plan import FACT, FACT_LINE, NAME, NAME_LINE, STACK, Box, Frame, Line, Plan, Words
from reportgen.figures.palette import paint
from reportgen.figures.paths import short_path
from reportgen.figures.svg import compact, drawing, element, text
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
_RADIUS = {"box": 4, "round": 9, "end": 9, "stub": 9}
# The arrow's head in px.
_HEAD, _HALF = 6.0, 2.6
# What runs from right to left, or could turn what stands beside it.
_TURNING = frozenset(["R", "AL", "RLE", "RLO", "LRE", "LRO", "RLI", "LRI", "FSI"])


def painted(plan: Plan, layout: Layout, identify: Callable[[str], str]) -> str:
    """The picture at its natural size. identify: makes of the id that a box or frame asks for the one it gets."""
    shapes = [*_frames(plan.items, layout, 0, identify), _edges(layout.courses)]
    shapes += [_foot(box, layout.areas[box.name]) for box in plan.boxes() if box.makes]
    shapes += _titles(plan.items, layout, 0)
    shapes += [_labels(plan, layout.courses)]
    shapes += [_box(box, layout.areas[box.name], identify) for box in plan.boxes()]
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


def _frames(items: Sequence[Box | Frame], layout: Layout, level: int, identify: Callable[[str], str]) -> list[str]:
    """The frames, each over the one around it."""
    out: list[str] = []
    for frame in items:
        if not isinstance(frame, Frame):
            continue
        area = layout.areas[frame.name]
        x, y, width, height = _whole(area)
        stroke = paint("bad" if frame.failed else "line")
        look = {"rx": 7, "fill": paint(_ground(level)), "stroke": stroke}
        shape = element("rect", "", x=x, y=y, width=width, height=height, **look)
        if frame.stacked:
            shape = _stack(x, y, width, height, 7, stroke) + shape
        out.append(_wrapped(shape, frame.link, identify(frame.id), frame.told))
        out += _frames(frame.inside, layout, level + 1, identify)
    return out


def _titles(items: Sequence[Box | Frame], layout: Layout, level: int) -> list[str]:
    """The frames' titles, over the edges that enter from above, which stop short of their letters."""
    out: list[str] = []
    for frame in items:
        if isinstance(frame, Frame):
            x, y, _, _ = _whole(layout.areas[frame.name])
            halo = {"stroke": paint(_ground(level)), "stroke_width": "5", "stroke_linejoin": "round"}
            out.append(element("g", _text(frame.lines, x + 10, y + 7, "start"), **halo, paint_order="stroke"))
            out += _titles(frame.inside, layout, level + 1)
    return out


def _ground(level: int) -> str:
    """The colour of a frame inside so many others."""
    return "wash" if level % 2 == 0 else "paper"


def _foot(box: Box, area: Area) -> str:
    """What stands under a box, beside the line on which its edges begin."""
    x, bottom = round(area.x + area.width / 2), round(area.y + area.height)
    top = bottom - round(box.foot)
    line = element("path", d=f"M{x} {top}v{bottom - top}", stroke=paint("edge"))
    look = {"text_anchor": "start", "font_size": compact(FACT), "fill": paint("muted")}
    return line + text(x + 5, top + 11, isolated(box.makes), **look)


def _box(box: Box, area: Area, identify: Callable[[str], str]) -> str:
    middle = area.x + area.width / 2
    x, y, width, height = _whole(Area(middle - box.width / 2, area.y, box.width, area.height - box.foot))
    fill, stroke = (paint(name) for name in KIND_COLOURS[box.kind])
    coloured = box.kind not in ("failed", "idle", "input, output")
    look: dict[str, object] = {"rx": min(_RADIUS[box.shape], height // 2), "fill": fill, "stroke": stroke}
    if box.kind == "idle" or box.shape == "stub":
        look["stroke_dasharray"] = "3 2"
    name = f' class="{f"k {box.classes}".strip()}"' if coloured else ""
    shape = element("rect", "", x=x, y=y, width=width, height=height, **look).replace("<rect", f"<rect{name}", 1)
    if box.stacked:
        shape = _stack(x, y, width, height, 4, stroke) + shape
    pale = box.kind == "idle" or box.shape == "stub"
    words = _text(box.lines, x + width / 2, y + (2 if box.shape == "round" else 4), "", pale)
    return _wrapped(shape + words, box.link, identify(box.id), box.told)


def _stack(x: int, y: int, width: int, height: int, radius: int, stroke: str) -> str:
    """The edge of a second card behind a box or a frame that stands for several."""
    step = round(STACK)
    data = (
        f"M{x + radius} {y + height}v{step}h{width - radius + step - 2}q2 0 2 -2v-{height - radius + step - 2}h-{step}"
    )
    return element("path", d=data, fill=paint("paper"), stroke=stroke)


def _wrapped(shape: str, link: str, name: str, told: str) -> str:
    """A shape with its tooltip, id and link."""
    inner = (f"<title>{escaped(isolated(told))}</title>" if told else "") + shape
    own = f' id="{escaped(name)}"' if name else ""
    if link:
        return f'<a href="#{escaped(link)}"{own}>{inner}</a>'
    return f"<g{own}>{inner}</g>"


def _text(lines: Sequence[Line], x: float, y: float, anchor: str, pale: bool = False) -> str:
    """Lines of words, each with its style, from the upper edge y down."""
    spans = []
    for at, line in enumerate(lines):
        large = line[0].size == NAME
        drop = (12 if large else 10.5) if at == 0 else (NAME_LINE if large else FACT_LINE)
        place = f'x="{compact(x)}" ' + (f'y="{compact(y + drop)}"' if at == 0 else f'dy="{compact(drop)}"')
        spans.append(f"<tspan {place}>{' '.join(_span(words, pale) for words in line)}</tspan>")
    # A line of one style needs one element only.
    first = lines[0] if lines else ()
    if len(lines) == 1 and len(first) == 1:
        return spans[0].replace("<tspan ", f"<text{_anchor(anchor)} ", 1)[: -len("</tspan>")] + "</text>"
    return f"<text{_anchor(anchor)}>{''.join(spans)}</text>"


def _anchor(anchor: str) -> str:
    return f' text-anchor="{anchor}"' if anchor else ""


def _span(words: Words, pale: bool) -> str:
    look = dict(_STYLES[words.style])
    if pale and "fill" not in look:
        look["fill"] = paint("muted")
    plain = escaped(isolated(words.text))
    return element("tspan", plain, **look) if look else plain


def isolated(text: str) -> str:
    """A text that cannot turn around what stands beside it."""
    if text.isascii() or not any(unicodedata.bidirectional(character) in _TURNING for character in text):
        return text
    return f"\u2068{balanced(text)}\u2069"


def _edges(courses: Sequence[Course]) -> str:
    lines = []
    heads = []
    for course in courses:
        first, rest = course.points[0], course.points[1:]
        lines.append(
            f"M{first[0]} {first[1]}C{' '.join(f'{x} {y}' for x, y in rest)}" if len(rest) > 2 else _straight(course)
        )
        if course.tip is not None:
            heads.append(_head(course.points[-1], course.tip))
    if not lines:
        return ""
    stroke = paint("edge")
    return element("path", d=short_path("".join(lines)), fill="none", stroke=stroke) + (
        element("path", d=short_path("".join(heads)), fill=stroke) if heads else ""
    )


def _straight(course: Course) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in course.points)


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


def _whole(area: Area) -> tuple[int, int, int, int]:
    """The area in whole px, so that its lines are sharp."""
    x, y = round(area.x), round(area.y)
    return x, y, round(area.x + area.width) - x, round(area.y + area.height) - y
