"""What differs among calls of one structure, in a few words: "p 0 to 0.2", "stride 2, then 1"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.sketch import Item
from reportgen.figures.text import cut
from reportgen.run.graph import TensorSpec

# A value may take so many characters, and so many values are named one by one.
LONGEST = 24
MOST_VALUES = 3
MOST_SETTINGS = 2
# Repetitions that are compared; the last one always is.
MOST_COMPARED = 1000
# The settings that torch prints without their names.
_UNNAMED = {"Conv": ("in channels", "out channels"), "Norm": ("features",), "Embedding": ("entries", "size")}


def shape_text(tensor: TensorSpec) -> str:
    """A tensor's shape: 32×16×26×26, "scalar" without dimensions."""
    return "×".join(str(size) for size in tensor.shape) or "scalar"


def differences(tree: Hierarchy, item: Item) -> str:
    """What differs among the repetitions that an item stands for: the shape of what they make, else up to two
    settings; "" when there is no difference or a single one."""
    if item.times < 2 or item.left_out:
        return ""
    compared = [*range(min(item.times - 1, MOST_COMPARED)), item.times - 1]
    last = item.period - 1
    shapes = [_output(tree, item.repetition(at)[last]) for at in compared]
    if len(set(shapes)) > 1:
        return f"output {_in_turn(shapes)}"
    told: list[str] = []
    for which in range(item.period):
        roots = [item.repetition(at)[which] for at in compared]
        for offset in range(tree.size[roots[0]]):
            details = [tree.nodes[root + offset].detail for root in roots]
            if len(set(details)) > 1:
                told += [words for words in _settings(tree.nodes[roots[0] + offset].type, details) if words not in told]
            if len(told) >= MOST_SETTINGS:
                return ", ".join(told[:MOST_SETTINGS])
    return ", ".join(told)


def _output(tree: Hierarchy, p: int) -> str:
    outputs = tree.nodes[p].outputs
    return shape_text(outputs[0]) if outputs else ""


def _settings(kind: str, details: Sequence[str]) -> list[str]:
    """The settings that differ among printed ones ("3, 64, stride=(2, 2)"), each with its values."""
    read = [_read(kind, detail) for detail in details]
    names = list(dict.fromkeys(name for settings in read for name in settings))
    out = []
    for name in names:
        values = [settings.get(name, "none") for settings in read]
        if len(set(values)) > 1:
            out.append(f"{name} {_in_turn(values)}")
    return out


def _read(kind: str, detail: str) -> dict[str, str]:
    unnamed = next((names for part, names in _UNNAMED.items() if part in kind), ())
    settings: dict[str, str] = {}
    for at, part in enumerate(re.split(r",\s*(?![^()\[\]]*[)\]])", detail)):
        name, equals, value = part.partition("=")
        if not part:
            continue
        if equals:
            settings[name.strip()] = _short(value)
        else:
            settings[unnamed[at] if at < len(unnamed) else f"setting {at + 1}"] = part
    return settings


def _short(value: str) -> str:
    """A number without the digits that only tell how it was computed."""
    if re.fullmatch(r"-?\d+\.\d{5,}", value):
        return f"{float(value):.4g}"
    return value


def _in_turn(values: Sequence[str]) -> str:
    """The values in order, equal neighbours once: "2, then 1", "0 to 0.2"."""
    changes = [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]
    if len(changes) > MOST_VALUES:
        return f"{cut(changes[0], LONGEST)} to {cut(changes[-1], LONGEST)}"
    return ", then ".join(cut(value, LONGEST) for value in changes)
