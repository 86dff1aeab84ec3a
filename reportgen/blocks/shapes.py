"""Charts of points and curves without a step axis: precision and recall, projections, meshes."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.blocks.table import Table


@dataclass(frozen=True, slots=True)
class Curve:
    """Points joined in their order, x and y from 0 to 1. Points that are not finite are left out."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Curves in the unit square, the oldest first; the last is drawn strongest. numbers: the table of the last."""

    title: str
    curves: tuple[Curve, ...]
    caption: str
    x_label: str
    y_label: str
    anchor: str = ""
    numbers: Table | None = None


@dataclass(frozen=True, slots=True)
class PointGroup:
    """Points of one kind. labels: one a point, shown when it is pointed at; () for none."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PointMark:
    """A point with words beside it. ring: they are a number that a picture beside the chart has too."""

    x: float
    y: float
    text: str
    ring: bool = True


@dataclass(frozen=True, slots=True)
class PointChart:
    """Points in the plane, in groups told apart by shape and colour; with `ordered` by size and strength of one colour.

    The axes have no unit: only distances matter. other: the last group is what has no colour of its own.
    """

    title: str
    groups: tuple[PointGroup, ...]
    caption: str
    legend: str = ""
    ordered: bool = False
    other: bool = False
    marks: tuple[PointMark, ...] = ()
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class MeshViews:
    """Points in space seen from the front, the right and above; with triangles their edges are drawn.

    points: (x, y, z), y upward and z toward the viewer. shades: (r, g, b) of each, 0 to 255, () for none. triangles:
    three positions in points each.
    """

    points: tuple[tuple[float, float, float], ...]
    caption: str
    title: str = ""
    shades: tuple[tuple[int, int, int], ...] = ()
    triangles: tuple[tuple[int, int, int], ...] = ()
