"""A graph as an indented text: what can be said of it without a picture."""

from __future__ import annotations

from reportgen.figures.graphs.differences import shape_text
from reportgen.figures.graphs.hierarchy import NOBODY
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.plan import Line
from reportgen.figures.graphs.sketch import Item, Sketch
from reportgen.figures.graphs.wording import ends_of, facts_of, state_of, title_of


def tree_text(notes: Notes, sketch: Sketch, most: int) -> str:
    """Each item of a sketch in order, indented by depth, with the facts its box would have; at most `most` lines."""
    tree = notes.tree
    lines: list[str] = []
    around = tree.nodes[sketch.scope].path if sketch.scope != NOBODY else ""
    stack: list[tuple[Item, int, str]] = [(item, 0, around) for item in reversed(sketch.items)]
    left_out = 0
    while stack:
        item, level, around = stack.pop()
        if len(lines) >= most:
            left_out += 1
            continue
        lines.append("  " * level + _line(notes, item, around))
        inner = tree.nodes[item.first].path if item.period == 1 else around
        stack.extend((one, level + 1, inner) for one in reversed(item.inside))
    if left_out:
        lines.append(f"and {left_out:,} more")
    return "\n".join(lines)


def _line(notes: Notes, item: Item, around: str) -> str:
    node = notes.tree.nodes[item.first]
    if node.kind in ("input", "output"):
        return ", ".join(map(_words, ends_of(node)))
    made = [shape_text(node.outputs[0])] if node.outputs and not item.left_out else []
    return ", ".join(
        [
            _words(title_of(notes.tree, item, around)),
            *made,
            *map(_words, facts_of(notes, item, False)),
            *map(_words, state_of(notes, item)),
        ]
    )


def _words(line: Line) -> str:
    return " ".join(words.text for words in line)
