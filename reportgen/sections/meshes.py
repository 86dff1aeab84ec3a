"""Meshes and clouds of points, from three sides."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.shapes import MeshViews
from reportgen.blocks.wording import count, counted, named, number
from reportgen.diagnose import Diagnosis
from reportgen.run.logged import Mesh
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, few_steps, kept, left_out, over_steps, told
from reportgen.sections.section import Section

HOW = "Seen without perspective from the front, from the right and from above, all three in one scale."


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no mesh was logged."""
    groups = by_tag(run.meshes)
    if not groups:
        return None
    blocks: list[Block] = []
    for tag, records in groups[:TAGS]:
        batches: dict[tuple[int, int], list[Mesh]] = {}
        for record in records:
            batches.setdefault((record.stamp.step, record.stamp.optimizer_step), []).append(record)
        firsts = [batch[0] for batch in batches.values()]
        of = {id(batch[0]): sorted(batch, key=lambda record: record.index) for batch in batches.values()}
        if len(firsts) == 1:
            blocks += [_views(record, named(tag, 80), True) for record in of[id(firsts[0])]]
        else:
            told_of = kept(run, "meshes", tag, firsts)
            blocks.append(
                over_steps("meshes", tag, few_steps(firsts), lambda first, of=of: _batch(of[id(first)]), told_of)  # type: ignore[misc]
            )
    blocks += left_out(min(len(groups), TAGS), len(groups), "tag")
    return SectionView("meshes", "Meshes", HOW, tuple(blocks))


def _batch(records: Sequence[Mesh]) -> list[Block]:
    return [_views(record) for record in records]


def _views(record: Mesh, title: str = "", step: bool = False) -> MeshViews:
    points = tuple(zip(record.points[::3], record.points[1::3], record.points[2::3], strict=False))
    shades = tuple(zip(record.shades[::3], record.shades[1::3], record.shades[2::3], strict=False))
    corners = zip(record.triangles[::3], record.triangles[1::3], record.triangles[2::3], strict=False)
    triangles = tuple(each for each in corners if all(0 <= at < len(points) for at in each))
    vertices = counted(record.vertex_count, "vertex", "vertices")
    facts = [at_step(record)] if step else []
    if record.of > 1:
        place = f"{record.index + 1} of {count(record.of)}"
        title = f"{title}, {place}" if title else ""
        facts += [] if title else [f"{place} in the batch"]
    facts.append(f"{count(len(points))} of {vertices} drawn" if len(points) < record.vertex_count else vertices)
    if record.face_count:
        facts.append(counted(record.face_count, "triangle") + ("" if triangles else ", not drawn"))
    return MeshViews(
        points,
        told(", ".join(facts), _reach(points), *record.notes),
        title,
        shades if len(shades) == len(points) else (),
        triangles,
    )


def _reach(points: Sequence[tuple[float, float, float]]) -> str:
    """Where the points lie, since each drawing fills its frame: "extent: x -1 to 1, y 0 to 2, z -1 to 1"."""
    if not points:
        return ""
    ends = [(number(min(values)), number(max(values))) for values in zip(*points, strict=True)]
    told_of = (
        f"{axis} {low} to {high}" if low != high else f"{axis} {low}"
        for axis, (low, high) in zip("xyz", ends, strict=True)
    )
    return "extent: " + ", ".join(told_of)


SECTION = Section("meshes", "", "", build)
