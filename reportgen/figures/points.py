"""Points in the plane in groups: shape and colour, or size and strength, tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.shapes import PointChart, PointGroup
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element, joined, tenths, text
from reportgen.figures.text import cut, escaped, width_of

WIDTH, HEIGHT, EDGE, FONT = 440.0, 330.0, 14.0, 12.0
# A group's colour and shape: eleven that differ in both or in one. The last is for what has no colour of its own.
LOOKS = (
    ("c1", "dot"),
    ("c2", "square"),
    ("c3", "triangle"),
    ("c4", "diamond"),
    ("c5", "cross"),
    ("c6", "plus"),
    ("c2", "ring"),
    ("c1", "frame"),
    ("c4", "tent"),
    ("c3", "kite"),
)
OTHER = ("edge", "speck")
# Outlines around the point (0, 0): the way to the first corner, the rest of it, whether it is filled.
OUTLINES = {
    "triangle": ("-3.4 2.6", "h6.8l-3.4-6z", True),
    "diamond": ("0-3.8", "l3.2 3.8-3.2 3.8-3.2-3.8z", True),
    "cross": ("-2.6-2.6", "l5.2 5.2m0-5.2l-5.2 5.2", False),
    "plus": ("-3.2 0", "h6.4m-3.2-3.2v6.4", False),
    "ring": ("-2.8 0", "a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0z", False),
    "frame": ("-2.5-2.5", "h5v5h-5z", False),
    "tent": ("-3.2 2.4", "h6.4l-3.2-5.6z", False),
    "kite": ("0-3.6", "l3 3.6-3 3.6-3-3.6z", False),
}


def point_chart(block: PointChart) -> str:
    """The chart as an <svg>; "" when it has no finite point. Both axes have the same scale."""
    known = [
        (x, y)
        for group in block.groups
        for x, y in zip(group.x, group.y, strict=False)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if not known:
        return ""
    place = _Place(known)
    shapes = element(
        "rect", x=0.5, y=0.5, width=WIDTH - 1, height=HEIGHT - 1, fill="none", stroke=paint("line"), rx="4"
    )
    # What has no colour of its own lies under the rest.
    order = sorted(range(len(block.groups)), key=lambda at: not (block.other and at == len(block.groups) - 1))
    for at in order:
        shapes += _group(block, at, place)
    return drawing(
        WIDTH,
        HEIGHT,
        shapes + _marks(block, place),
        f"{cut(block.title, 120)}: {cut(block.caption, 160)}",
        "chart",
    )


def point_swatch(block: PointChart, at: int) -> str:
    """The look of a point of group `at`."""
    look = _look(block, at)
    # A line of no length has no box, by which a browser would tell that something is drawn.
    return drawing(12, 12, _styled(_outline(look, 6, 6).replace("h0", "h.1"), look))


class _Place:
    """From the points' numbers to px."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        # Halves: the difference of two finite numbers may be infinite.
        self._middle = (min(xs) / 2 + max(xs) / 2, min(ys) / 2 + max(ys) / 2)
        across = max(
            (max(xs) / 2 - min(xs) / 2) / (WIDTH / 2 - EDGE), (max(ys) / 2 - min(ys) / 2) / (HEIGHT / 2 - EDGE)
        )
        self._unit = across if across > 0 else 1.0

    def __call__(self, x: float, y: float) -> tuple[int, int]:
        """The place in tenths of a px."""
        right = (x / 2 - self._middle[0] / 2) * 2 / self._unit
        up = (y / 2 - self._middle[1] / 2) * 2 / self._unit
        return round((WIDTH / 2 + right) * 10), round((HEIGHT / 2 - up) * 10)


Look = tuple[str, str, str, str]  # colour, shape, width of the stroke, opacity


def _look(block: PointChart, at: int) -> Look:
    if block.other and at == len(block.groups) - 1:
        return (*OTHER, "2.6", "")
    if block.ordered:
        share = at / max(1, len(block.groups) - 1)
        return "c1", "dot", f"{3 + 4 * share:g}", f"{0.5 + 0.5 * share:.2f}"
    colour, shape = LOOKS[at % len(LOOKS)]
    return colour, shape, "5.2" if shape in ("dot", "square") else "1.4", ""


def _outline(look: Look, x: float, y: float) -> str:
    """Path data of one point at its place in px."""
    start = f"M{joined((tenths(round(x * 10)), tenths(round(y * 10))))}"
    if look[1] not in OUTLINES:
        return f"{start}h0"
    way, rest, _ = OUTLINES[look[1]]
    return f"{start}m{way}{rest}"


def _styled(data: str, look: Look, titles: str = "") -> str:
    colour, shape, width, opacity = look
    filled = OUTLINES[shape][2] if shape in OUTLINES else False
    style = {
        "fill": paint(colour) if filled else "none",
        "stroke": "" if filled else paint(colour),
        "stroke_width": "" if filled else width,
        "stroke_linecap": "" if filled else "square" if shape == "square" else "round",
        "opacity": opacity,
    }
    return element("g", titles, **style) if titles else element("path", d=data, **style)


def _group(block: PointChart, at: int, place: _Place) -> str:
    group: PointGroup = block.groups[at]
    look = _look(block, at)
    shown = [
        (place(x, y), label)
        for x, y, label in zip(group.x, group.y, group.labels or ("",) * len(group.x), strict=False)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if not shown:
        return ""
    if group.labels:
        each = (
            f'<path d="{_outline(look, x / 10, y / 10)}"><title>{escaped(cut(label, 160))}</title></path>'
            for (x, y), label in shown
        )
        return _styled("", look, "".join(each))
    # One path of all places, in order, each relative to the one before where outlines end where they began.
    data = "".join(_outline(look, x / 10, y / 10) for x, y in dict.fromkeys(at for at, _ in shown))
    return _styled(data, look)


def _marks(block: PointChart, place: _Place) -> str:
    """Words beside points, on plates; those that would lie on one another are left out. A ring where a picture is."""
    rings, words = [], []
    taken: list[tuple[float, float, float, float]] = []
    for mark in block.marks:
        if not (math.isfinite(mark.x) and math.isfinite(mark.y)):
            continue
        x, y = (value / 10 for value in place(mark.x, mark.y))
        wide, tall = width_of(mark.text, FONT - 1) + 5, FONT + 2
        for left, top in ((x + 6, y - tall - 2), (x - 6 - wide, y - tall - 2), (x + 6, y + 2), (x - 6 - wide, y + 2)):
            inside = left >= 1 and top >= 1 and left + wide <= WIDTH - 1 and top + tall <= HEIGHT - 1
            if inside and not any(
                left < right and left + wide > x0 and top < bottom and top + tall > y0
                for x0, y0, right, bottom in taken
            ):
                taken.append((left, top, left + wide, top + tall))
                if mark.ring:
                    rings.append(element("circle", cx=x, cy=y, r="5.5", fill="none", stroke=paint("ink")))
                plate = element(
                    "rect", x=left, y=top, width=wide, height=tall, rx="2", fill=paint("paper"), opacity="0.8"
                )
                words.append(plate + text(left + wide / 2, top + tall - 3.5, mark.text, text_anchor="middle"))
                break
    if not words:
        return ""
    return "".join(rings) + element("g", "".join(words), fill=paint("ink"), font_size=f"{FONT - 1:g}")
