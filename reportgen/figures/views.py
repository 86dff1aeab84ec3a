"""A mesh or a cloud of points from one side, without perspective."""

from __future__ import annotations

from collections.abc import Iterable

from reportgen.blocks.shapes import MeshViews
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element, joined, tenths
from reportgen.figures.text import cut

SIZE, EDGE = 220.0, 10.0
# Name, and from which coordinate with which sign the picture's right and its upper side are.
SIDES = (
    ("front", "x to the right, y upward", (0, 1.0), (1, 1.0)),
    ("right side", "z to the left, y upward", (2, -1.0), (1, 1.0)),
    ("from above", "x to the right, z downward", (0, 1.0), (2, -1.0)),
)
Place = tuple[int, int]


def mesh_view(block: MeshViews, side: int) -> str:
    """The mesh from side 0 to 2 of SIDES as an <svg>, all sides in the same scale; "" without a point."""
    if not block.points:
        return ""
    lows = [min(point[axis] for point in block.points) for axis in range(3)]
    highs = [max(point[axis] for point in block.points) for axis in range(3)]
    unit = max((high - low for low, high in zip(lows, highs, strict=True)), default=0.0) / (SIZE - 2 * EDGE) or 1.0
    name, axes, (across, right), (along, up) = SIDES[side]
    places = [
        (
            round((SIZE / 2 + right * (point[across] - (lows[across] + highs[across]) / 2) / unit) * 10),
            round((SIZE / 2 - up * (point[along] - (lows[along] + highs[along]) / 2) / unit) * 10),
        )
        for point in block.points
    ]
    shapes = _edges(block, places) if block.triangles else _dots(block, places)
    border = element("rect", x=0.5, y=0.5, width=SIZE - 1, height=SIZE - 1, fill="none", stroke=paint("line"), rx="4")
    label = f"{cut(block.title or 'mesh', 80)}, {name}: {axes}"
    return drawing(SIZE, SIZE, border + shapes, label, "chart")


def _dots(block: MeshViews, places: list[Place]) -> str:
    """A round dot a point; of each colour one path."""
    width = "3" if len(places) < 300 else "2.2"
    groups: dict[str, dict[Place, None]] = {}
    for at, place in enumerate(places):
        groups.setdefault(_colour(block, (at,)), {})[place] = None
    drawn = (
        element("path", d=_data((place, None) for place in sorted(group)), stroke=colour)
        for colour, group in sorted(groups.items())
    )
    opacity = "" if block.shades else "0.65"
    return element("g", "".join(drawn), fill="none", stroke_width=width, stroke_linecap="round", stroke_opacity=opacity)


def _edges(block: MeshViews, places: list[Place]) -> str:
    """Each edge of the triangles once, in the mean colour of its ends."""
    edges = {
        (min(a, b), max(a, b))
        for one, two, three in block.triangles
        for a, b in ((one, two), (two, three), (three, one))
    }
    groups: dict[str, dict[tuple[Place, Place], None]] = {}
    for a, b in sorted(edges):
        groups.setdefault(_colour(block, (a, b)), {})[min(places[a], places[b]), max(places[a], places[b])] = None
    drawn = (element("path", d=_data(sorted(group)), stroke=colour) for colour, group in sorted(groups.items()))
    return element("g", "".join(drawn), fill="none", stroke_width="1", stroke_linecap="round")


def _data(lines: Iterable[tuple[Place, Place | None]]) -> str:
    """Path data of lines, or of dots where there is no second end; each begins relative to where the last ended."""
    parts: list[str] = []
    x, y = 0, 0
    for (left, top), end in lines:
        parts.append(f"{'m' if parts else 'M'}{joined((tenths(left - x), tenths(top - y)))}")
        x, y = left, top
        if end is None or end == (left, top):
            parts.append("h0")
        else:
            parts.append(f"l{joined((tenths(end[0] - x), tenths(end[1] - y)))}")
            x, y = end
    return "".join(parts)


def _colour(block: MeshViews, corners: tuple[int, ...]) -> str:
    """The mean colour of some points in 4 shades a channel; the page's own where the mesh has none."""
    if not block.shades:
        return paint("c1")
    means = [sum(block.shades[at][channel] for at in corners) / len(corners) for channel in range(3)]
    return "#" + "".join(f"{5 * min(3, max(0, round(mean / 85))):x}" for mean in means)
