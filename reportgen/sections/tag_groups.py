"""Tags that were logged together (add_scalars): one chart a group, one line a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reportgen.run.records import Run
from reportgen.sections.curves import Curve, natural

Group = tuple[str, list[Curve]]


def tag_groups(run: Run, curves: Mapping[str, Curve]) -> list[Group]:
    """Title and curves of each group of which something was logged, in natural order; each curve named by its key.

    A tag that several groups hold stays with the first.
    """
    found: list[Group] = []
    taken: set[str] = set()
    for group in sorted(run.groups, key=lambda each: natural(each.tag)):
        tags = [tag for tag in dict.fromkeys(group.tags) if tag in curves and tag not in taken]
        taken.update(tags)
        if tags:
            found.append((group.tag, [replace(curves[tag], name=_key(group.tag, tag)) for tag in tags]))
    return found


def _key(group: str, tag: str) -> str:
    key = tag.removeprefix(f"{group}/")
    return key if key.strip() else tag
