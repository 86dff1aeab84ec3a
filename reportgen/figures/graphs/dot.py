"""A plan as DOT source: for the layout without a word of a user, and for readers with all of them."""

from __future__ import annotations

from collections.abc import Iterator

from reportgen.figures.graphs.kinds import KIND_COLOURS
from reportgen.figures.graphs.plan import FACT, Box, Edge, Frame, Plan, height_of, line_width
from reportgen.figures.palette import COLOURS
from reportgen.figures.text import one_line, width_of

_HEAD = (
    "graph [rankdir=TB nodesep=0.2 ranksep=0.22 margin=0 pad=0 labeljust=l]",
    'node [shape=box fixedsize=true label=""]',
    "edge [arrowsize=0.6]",
)
_WRITTEN = (
    'graph [rankdir=TB nodesep=0.2 ranksep=0.22 labeljust=l fontname="Helvetica" fontsize=11]',
    'node [shape=box style=filled fontname="Helvetica" fontsize=11]',
    'edge [fontname="Helvetica" fontsize=10 arrowsize=0.6]',
)
_EMPTY = (
    '<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD FIXEDSIZE="TRUE" {}></TD></TR></TABLE>>'
)
_INCH = 72.0


def quoted(words: str) -> str:
    """A text as a DOT string that is shown as it is.

    Backslashes would begin an escape such as \\N or \\G, ampersands an entity such as &lt;, and a text that is not
    quoted but begins with "<" would be read as HTML.
    """
    plain = one_line(words).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{plain}"'


def layout_source(plan: Plan) -> str:
    """The source of which Graphviz makes a layout: sizes and names of ours only."""
    return "\n".join(["digraph {", *_HEAD, *_Source(False).lines(plan), "}"]) + "\n"


def written_source(plan: Plan) -> str:
    """The source of the same picture with all its words, for any Graphviz."""
    return "\n".join(["digraph {", *_WRITTEN, *_Source(True).lines(plan), "}"]) + "\n"


class _Source:
    def __init__(self, words: bool) -> None:
        self._words = words
        self._footed: set[str] = set()
        self._narrow: set[str] = set()

    def lines(self, plan: Plan) -> Iterator[str]:
        if not self._words:
            self._footed = {box.name for box in plan.boxes() if box.foot}
            self._narrow = {box.name for box in plan.boxes() if box.span > box.width}
        for item in plan.items:
            yield from self._item(item)
        for edge in plan.edges:
            yield self._edge(edge)

    def _item(self, item: Box | Frame) -> Iterator[str]:
        if isinstance(item, Box):
            yield self._box(item)
            return
        label = self._label(item, max(map(line_width, item.lines)), height_of(item.lines))
        colour = f' color="{COLOURS["bad" if item.failed else "edge"][0]}"' if self._words else ""
        yield f"subgraph {item.name} {{ graph [label={label} margin=10{colour}]"
        for inner in item.inside:
            yield from self._item(inner)
        yield "}"

    def _label(self, item: Box | Frame, width: float, height: float) -> str:
        if self._words:
            lines = [" ".join(words.text for words in line) for line in item.lines]
            lines += [item.makes] if isinstance(item, Box) and item.makes else []
            return '"' + "\\n".join(quoted(line)[1:-1] for line in lines) + '"'
        return _EMPTY.format(f'WIDTH="{min(4000, round(width))}" HEIGHT="{round(height)}"')

    def _box(self, box: Box) -> str:
        if self._words:
            fill, line = KIND_COLOURS[box.kind]
            return (
                f'{box.name} [label={self._label(box, 0, 0)} fillcolor="{COLOURS[fill][0]}" color="{COLOURS[line][0]}"]'
            )
        return f"{box.name} [width={box.span / _INCH:.3f} height={(box.height + box.foot) / _INCH:.3f}]"

    def _edge(self, edge: Edge) -> str:
        settings = [f"weight={edge.weight}"]
        if edge.source in self._footed:
            settings.append("tailport=s")
        if edge.target in self._narrow:  # what is drawn of it is narrower than the room it takes
            settings.append("headport=n")
        if not edge.drawn:
            settings.append("style=invis")
        elif edge.label and self._words:
            settings.append(f"label={quoted(edge.label)}")
        elif edge.label:
            width = width_of(edge.label, FACT) + 8
            settings.append("label=" + _EMPTY.format(f'WIDTH="{round(width)}" HEIGHT="13"'))
        return f"{edge.source} -> {edge.target} [{' '.join(settings)}]"
