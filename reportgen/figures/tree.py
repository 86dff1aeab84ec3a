"""A graph as an indented text: what can be said of it without a picture."""

from __future__ import annotations

from reportgen.figures.dot import node_lines
from reportgen.figures.outline import Drawn, Outline, deepest
from reportgen.figures.text import one_line
from reportgen.run.graph import Graph, GraphNode

# Lines of text that a reader may still follow.
MOST_LINES = 1000


def tree_text(graph: Graph) -> str:
    """Each call of a module and each operation in order, indented by depth, with the facts its box would have."""
    outline = Outline(graph, deepest(graph))
    lines: list[str] = []
    stack: list[tuple[GraphNode, int, str]] = [(node, 0, "") for node in reversed(outline.top)]
    left_out = 0
    while stack:
        node, level, around = stack.pop()
        if len(lines) >= MOST_LINES:
            left_out += 1
            continue
        drawn = Drawn(node, 0, node.parameters, node.status == "failed")
        lines.append("  " * level + one_line(", ".join(node_lines(drawn, around))))
        inner = [(child, level + 1, node.path) for child in outline.children.get(node.id, [])]
        stack.extend(reversed(inner))
    if left_out:
        lines.append(f"and {left_out:,} more")
    return "\n".join(lines)
