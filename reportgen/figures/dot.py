"""A graph as DOT source, with every text of a user quoted so that Graphviz draws it as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reportgen.blocks.wording import counted, scaled
from reportgen.figures.kinds import KIND_COLOURS, kind_of
from reportgen.figures.outline import Drawn, Joint, Outline
from reportgen.figures.palette import COLOURS
from reportgen.figures.text import clean, cut, one_line, width_of
from reportgen.run.graph import GraphNode, TensorSpec

FONT = 12.0
SMALL = 10.0
LONGEST = 34
LONGEST_FOREIGN = 60
_LABEL = re.compile(r'label="((?:[^"\\]|\\.)*)"', re.DOTALL)
_SIZE = re.compile(r'\bsize="[\d.,]+"')
_HEAD = (
    'graph [rankdir=TB nodesep=0.22 ranksep=0.28 margin=0 pad=0.06 compound=true fontname="Helvetica" labeljust=l]',
    'node [shape=box style=filled fontname="Helvetica" fontsize=12 margin="0.1,0.05" height=0.3 penwidth=1]',
    'edge [fontname="Helvetica" fontsize=10 arrowsize=0.6 penwidth=1]',
)


def quoted(words: str) -> str:
    """A text as a DOT string that is shown as it is.

    Backslashes would begin an escape such as \\N or \\G, ampersands an entity such as &lt;, and a text that is not
    quoted but begins with "<" would be read as HTML.
    """
    plain = one_line(words).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{plain}"'


def relabelled(source: str) -> str:
    """DOT source of another writer with its labels quoted and cut as ours are, in a font that every engine knows.

    torchviz leaves names of parameters as they are: one with a backslash is an escape, a long one a very wide drawing.
    It also sets a size, to which dot would scale the picture down, texts and all.
    """
    plain = _SIZE.sub("", clean(source)).replace("fontname=monospace", 'fontname="Helvetica"')
    return _LABEL.sub(_relabelled, plain)


def _relabelled(found: re.Match[str]) -> str:
    lines = found[1].replace('\\"', '"').split("\n")
    label = "\\n".join(quoted(cut(line, LONGEST_FOREIGN))[1:-1] for line in lines if line.strip())
    return f'label="{label}"'


def shape_text(tensor: TensorSpec) -> str:
    """A tensor's shape: 32×16×26×26, "scalar" without dimensions."""
    return "×".join(str(size) for size in tensor.shape) or "scalar"


def dot_source(outline: Outline, links: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The DOT source, and for each node, frame and edge by its DOT name what a reader who points at it is told.

    links: node path -> id on the page.
    """
    writer = _Writer(outline, links)
    lines = ["digraph {", *_HEAD, *writer.level(outline.top, 1, "")]
    lines += [writer.edge(joint) for joint in outline.joints]
    return "\n".join([*lines, "}"]) + "\n", writer.told


class _Writer:
    """Writes nodes as n0, n1 ... and frames as cluster0, cluster1 ..., so that no name of a user becomes a DOT name."""

    def __init__(self, outline: Outline, links: Mapping[str, str]) -> None:
        self.outline, self.links = outline, links
        self.names = {name: f"n{at}" for at, name in enumerate(outline.drawn)}
        self.told: dict[str, str] = {}
        order = {name: at for at, name in enumerate(outline.drawn)}
        self.before: dict[str, str] = {}  # the latest of those that each node takes a tensor from
        for joint in outline.joints:
            latest = self.before.get(joint.target, joint.source)
            self.before[joint.target] = max(latest, joint.source, key=lambda name: order[name])
        self.frames = 0

    def level(self, nodes: list[GraphNode], level: int, around: str) -> list[str]:
        """The nodes inside one frame, `around` being the module path of that frame."""
        lines = []
        for node in nodes:
            if not self.outline.open(node, level):
                lines.append(self.box(self.outline.drawn[node.id], around))
                continue
            name = f"cluster{self.frames}"
            self.frames += 1
            self.told[name] = f"{node.path}: {node.type}"
            title = f"{_within(node.path, around)}: {node.type}{_again(node)}"
            ink, line = COLOURS["muted"][0], COLOURS["bad" if node.status == "failed" else "edge"][0]
            lines.append(
                f"subgraph {name} {{ graph [label={quoted(cut(title, 60))} margin=9 fontsize=11 "
                f'fontcolor="{ink}" color="{line}" style=dashed{self._link(node)}]'
            )
            lines += [*self.level(self.outline.children[node.id], level + 1, node.path), "}"]
        return lines

    def box(self, drawn: Drawn, around: str) -> str:
        """One node: its name and class, the shape of its output, its parameters, and what is wrong with it."""
        node = drawn.node
        words = node_lines(drawn, around)
        fill, stroke = KIND_COLOURS[kind_of(node)]
        style = "filled"
        if drawn.failed:
            fill, stroke = "badwash", "bad"
        elif node.status == "not called":
            fill, stroke, style = "paper", "muted", "filled,dashed"
        # Fonts of the reader may be wider than those Graphviz knows.
        width = max(width_of(line, FONT) for line in words) / 72 + 0.12
        self.told[self.names[node.id]] = _told(drawn)
        label = "\\n".join(quoted(line)[1:-1] for line in words)
        text = COLOURS["bad" if drawn.failed else "ink"][0]
        return (
            f'{self.names[node.id]} [label="{label}" width={width:.2f} style="{style}" fillcolor="{COLOURS[fill][0]}" '
            f'color="{COLOURS[stroke][0]}" fontcolor="{text}"{self._link(node)}]'
        )

    def edge(self, joint: Joint) -> str:
        """One edge, with the operations its tensors pass as a small label."""
        source, target = self.names[joint.source], self.names[joint.target]
        shapes = ", ".join(dict.fromkeys(f"{t.name + ' ' if t.name else ''}{shape_text(t)}" for t in joint.tensors))
        self.told[f"{source}->{target}"] = cut(shapes, 80)
        via = ", ".join(joint.via[:3]) + (" …" if len(joint.via) > 3 else "")
        # What follows another in the order of the calls stands right below it; what skips goes around.
        weight = 12 if joint.source == self.before.get(joint.target) else 1
        attributes = f'color="{COLOURS["edge"][0]}" weight={weight}'
        if via:
            attributes += f' label="  {quoted(cut(via, 40))[1:-1]}" fontcolor="{COLOURS["muted"][0]}"'
        return f"{source} -> {target} [{attributes}]"

    def _link(self, node: GraphNode) -> str:
        target = self.links.get(node.path, "") if node.kind == "module" else ""
        return f" URL={quoted('#' + target)}" if target else ""


def node_lines(drawn: Drawn, around: str = "") -> list[str]:
    """The lines in a node's box."""
    node = drawn.node
    if node.kind in ("input", "output"):
        shapes = ", ".join(shape_text(tensor) for tensor in (node.outputs or node.inputs)[:3])
        return [cut(node.path or node.kind, LONGEST), cut(shapes, LONGEST)] if shapes else [cut(node.path, LONGEST)]
    name = _within(node.path, around)
    # A model that is one layer has no name of its own.
    title = f"{name}: {node.type}" if node.kind == "module" and name not in ("", node.type) else name or node.type
    facts = [shape_text(node.outputs[0]) if node.outputs else ""]
    if len(node.outputs) > 1:
        facts[0] += f" and {len(node.outputs) - 1} more"
    facts.append(f"{scaled(drawn.parameters)} parameters" if drawn.parameters else "")
    lines = [cut(title, LONGEST) + _again(node), " · ".join(fact for fact in facts if fact)]
    if drawn.inside:
        lines.append(counted(drawn.inside, "layer") + " inside")
    if drawn.failed:
        lines.append("failed here" if node.status == "failed" else "failed inside")
    elif node.status == "not called":
        lines.append("not called")
    return [line for line in lines if line]


def _within(path: str, around: str) -> str:
    """A module's name without that of the module around it."""
    return path[len(around) + 1 :] if around and path.startswith(f"{around}.") else path


def _again(node: GraphNode) -> str:
    return f" (call {node.call})" if node.call > 1 else ""


def _told(drawn: Drawn) -> str:
    """The words of a node's tooltip."""
    node = drawn.node
    parts = [f"{node.path}: {node.type}" if node.path else node.type, cut(node.detail, 120)]
    parts += [f"{tensor.dtype} {shape_text(tensor)}" for tensor in node.outputs[:1]]
    return cut(" · ".join(part for part in parts if part), 240)
