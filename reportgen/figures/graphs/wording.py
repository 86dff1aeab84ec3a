"""The words in a box: what it is, and what is known of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.blocks.wording import counted, scaled, seconds
from reportgen.figures.graphs.differences import differences, shape_text
from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.plan import Line, Words
from reportgen.figures.graphs.sketch import Item
from reportgen.figures.text import cut, one_line
from reportgen.run.graph import Fault, GraphNode, TensorSpec

# Characters of a name, of a line, and of what a reader who points at a box is told.
LONGEST_NAME = 26
LONGEST_LINE = 34
LONGEST_TOLD = 200
# And of a name at either end of a row of units.
LONGEST_END = 12
_NUMBER = re.compile(r"\d+")


def within(path: str, around: str) -> str:
    """A module's name without that of the module around it."""
    return path[len(around) + 1 :] if around and path.startswith(f"{around}.") else path


def name_of(node: GraphNode, around: str = "") -> str:
    """What a node is called inside a module: its name without that module's, or its operation's."""
    name = one_line(within(node.path, around))
    if node.kind == "module":
        return name or (one_line(node.type) if not node.path else "(no name)")
    return name or one_line(node.type) or "(no name)"


def title_of(tree: Hierarchy, item: Item, around: str) -> Line:
    """The name, class and number of what a box or a frame stands for."""
    nodes = [tree.nodes[p] for p in item.places]
    if item.left_out:
        kinds = list(dict.fromkeys(node.type for node in nodes))
        told = ", ".join(cut(kind, 14) for kind in kinds[:2]) + (" …" if len(kinds) > 2 else "")
        return (Words(f"{len(nodes):,} more", "name"), Words(told, "type"))
    times = (Words(f"×{item.times:,}", "name"),) if item.times > 1 else ()
    first = nodes[0]
    if item.period > 1:
        unit = [tree.nodes[p] for p in item.repetition(0)]
        kinds = [cut(node.type, 18) for node in unit[:3]] + (["…"] if len(unit) > 3 else [])
        names = _unit_names(tree, item, around)
        return (*((Words(names, "name"),) if names else ()), Words(f"({', '.join(kinds)})", "type"), *times)
    if first.kind != "module":
        return (Words(cut(name_of(first, around), LONGEST_LINE), "type"), *times)
    name = _range(first, nodes[-1], around)
    again = (Words(f"(call {first.call})", "type"),) if first.call > 1 and item.times == 1 else ()
    kind = one_line(first.type)
    if kind in (name, ""):
        return (Words(cut(name, LONGEST_NAME), "name"), *again, *times)
    return (Words(name, "name"), Words(cut(kind, LONGEST_NAME), "type"), *again, *times)


def _range(first: GraphNode, last: GraphNode, around: str) -> str:
    """ "h.0 to h.47", or the one name of both."""
    if first.path == last.path:
        return cut(name_of(first, around), LONGEST_NAME)
    return f"{cut(name_of(first, around), LONGEST_NAME)} to {cut(name_of(last, around), LONGEST_NAME)}"


def _unit_names(tree: Hierarchy, item: Item, around: str) -> str:
    """ "a to h": the first and the last module of a row of units; "" where repetitions differ in a number only, or are
    the same module again and again."""
    first, last = ([tree.nodes[p] for p in item.repetition(at)] for at in (0, item.times - 1))
    named = [
        (one, other)
        for one, other in zip(first, last, strict=True)
        if one.kind == "module" and _NUMBER.sub("", one.path) != _NUMBER.sub("", other.path)
    ]
    if not named:
        return ""
    ends = (named[0][0], named[-1][1])
    return " to ".join(cut(name_of(node, around), LONGEST_END) for node in ends)


def folded(line: Line) -> tuple[Line, ...]:
    """A title as one line, or as two where it is too long for one: the name above, the rest below."""
    if len(line) < 2 or sum(len(words.text) + 1 for words in line) <= LONGEST_LINE:
        return (line,)
    return (line[:1], line[1:])


def facts_of(notes: Notes, item: Item, opens: bool) -> list[Line]:
    """The lines under the title: what differs, sizes and times (sums of all it stands for), how it is."""
    tree = notes.tree
    several = item.times > 1 or item.left_out
    lines: list[Line] = []
    parameters = sum(tree.parameters[p] for p in item.places)
    facts = [f"{scaled(parameters)} parameters{' in all' if several else ''}"] if parameters else []
    time, memory = notes.sum_of(item, tree.seconds), notes.sum_of(item, tree.memory)
    if tree.nodes[item.first].kind == "module" or several:
        facts += [seconds(time)] if time is not None else []
        facts += [scaled(memory, "B")] if memory else []
    if facts:
        lines.append((Words(" · ".join(facts)),))
    if told := differences(tree, item):
        lines.append((Words(cut(told, 48)),))
    inside = sum(tree.inside(p) for p in item.repetition(0)) if not item.inside else 0
    if inside and opens:
        lines.append((Words(f"{counted(inside, tree.unit)} inside", "link"),))
    return lines


def state_of(notes: Notes, item: Item) -> list[Line]:
    """The lines on what is wrong: where it failed and on what, whether it was called, how its values are."""
    tree, nodes = notes.tree, [notes.tree.nodes[p] for p in item.places]
    lines: list[Line] = []
    if any(p in notes.origin for p in item.places):
        lines.append((Words("failed here", "bad"),))
        lines += _fault(tree.graph.fault, nodes[0])
    elif any(node.status == "failed" for node in nodes):
        lines.append((Words("failed inside", "bad"),))
    idle = sum(node.status == "not called" for node in nodes)
    if idle:
        lines.append((Words("not called" if idle == len(nodes) else f"{idle:,} not called"),))
    level, words = notes.health_of(item)
    if words:
        style = {"error": "bad", "warning": "warn", "high": "warn"}.get(level, "fact")
        lines.append((Words(cut(words, LONGEST_LINE), style),))
    return lines


def _fault(fault: Fault | None, node: GraphNode) -> list[Line]:
    """What a failed module got and what it takes instead."""
    if fault is None or fault.module != node.path:
        got = ", ".join(shape_text(tensor) for tensor in node.inputs[:2])
        return [(Words(cut(f"got {got}", LONGEST_LINE), "bad"),)] if got else []
    got = ", ".join(f"{tensor.dtype} {shape_text(tensor)}" for tensor in fault.got[:2])
    told = [f"got {got}"] if got else []
    told += _wrapped(f"takes {fault.expected}") if fault.expected else []
    return [(Words(cut(words, LONGEST_LINE + 8), "bad"),) for words in told]


def _wrapped(text: str) -> list[str]:
    """A sentence in two lines at most."""
    words = one_line(text).split(" ")
    first: list[str] = []
    while words and len(" ".join([*first, words[0]])) <= LONGEST_LINE:
        first.append(words.pop(0))
    return [line for line in (" ".join(first), " ".join(words)) if line]


def ends_of(node: GraphNode) -> tuple[Line, ...]:
    """The lines of an input or output: its name ("output 0" of several without one), and its tensors' shapes."""
    shapes = ", ".join(shape_text(tensor) for tensor in (node.outputs or node.inputs)[:3])
    path = f"{node.kind} {node.path}" if node.path[:1].isdigit() else node.path or node.kind
    name = (Words(cut(path, LONGEST_NAME), "name"),)
    return (name, (Words(cut(shapes, LONGEST_LINE)),)) if shapes else (name,)


def told_of(notes: Notes, item: Item) -> str:
    """What a reader who points at a box is told: full name, settings, what it makes, its operations.

    The name of an operation only where its box does not have all of it.
    """
    tree = notes.tree
    node = tree.nodes[item.first]
    if item.left_out:
        return ""
    if node.kind != "operation":
        named = f"{node.path}: {node.type}" if node.path else node.type
    else:
        named = node.path if len(one_line(node.path)) > LONGEST_LINE else ""
    parts = [named, cut(node.detail, 90)]
    parts += [f"{tensor.dtype} {shape_text(tensor)}" for tensor in node.outputs[:1]]
    flops = notes.sum_of(item, tree.flops)
    if flops:
        parts.append(scaled(flops, "FLOP"))
    return cut(" · ".join(part for part in parts if part), LONGEST_TOLD)


def shapes_text(tensors: Sequence[TensorSpec], most: int = 2) -> str:
    """The shapes of tensors, each once."""
    shapes = list(dict.fromkeys(map(shape_text, tensors)))
    return cut(", ".join(shapes[:most]) + (" …" if len(shapes) > most else ""), 40)
