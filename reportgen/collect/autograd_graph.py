"""torchviz's picture of the autograd graph, as DOT source that is the same in every process."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Mapping, Sequence
from types import FunctionType

from torch import Tensor

# A picture of more is neither readable nor small: that of a ResNet-18 (196) takes 43 kB of the page.
MOST_NODES = 150
# Counting stops here: it only has to tell that a graph is too large.
_MOST_COUNTED = 5000
_LINE = re.compile(r"^(\t)(\d+)(?: -> (\d+))?(?=[ \n])")


def autograd_graph(outputs: Sequence[Tensor], parameters: Mapping[str, Tensor]) -> tuple[str, int, str]:
    """(DOT source, number of nodes, why there is no source) of the graph behind `outputs`.

    Above MOST_NODES there is no source, only a sentence. Node names are numbered by first appearance.
    """
    roots = [output for output in outputs if output.grad_fn is not None]
    if not roots:
        return "", 0, "The output has no autograd graph (nothing it was made of requires a gradient)."
    nodes = _count(roots)
    if any(output.is_nested for output in roots):
        return "", nodes, "The output is a nested tensor, which torchviz cannot draw."
    if nodes > MOST_NODES:
        size = f"more than {_MOST_COUNTED:,}" if nodes >= _MOST_COUNTED else f"{nodes:,}"
        return "", nodes, f"The autograd graph has {size} nodes; it is drawn up to {MOST_NODES}."
    try:
        with warnings.catch_warnings():  # torchviz compares versions with distutils, which is deprecated
            warnings.simplefilter("ignore")
            import torchviz

            try:
                source = torchviz.make_dot(tuple(roots), params=dict(parameters)).source
            finally:
                _let_go()
    except ImportError as error:
        return "", nodes, f"torchviz could not be imported ({error}); `pip install torchviz setuptools` brings it."
    except RecursionError:
        return "", nodes, f"The autograd graph of {nodes} nodes is too deep for torchviz, which calls itself for each."
    return canonical(source), nodes, ""


def _let_go() -> None:
    """Empty what torchviz's functions hold: they refer to themselves, and so to every tensor they saw, until Python's
    next collection of garbage."""
    for generation in range(3):  # they are new, unless a collection came in between
        made = [
            thing
            for thing in gc.get_objects(generation)
            if type(thing) is FunctionType and thing.__qualname__.startswith("make_dot.<locals>.")
        ]
        for function in made:
            for cell in function.__closure__ or ():
                cell.cell_contents = None
        if made:
            return


def canonical(source: str) -> str:
    """The DOT source with node names n0, n1 ... in order of appearance instead of memory addresses."""
    names: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        node, target = (names.setdefault(found, f"n{len(names)}") if found else "" for found in match.groups()[1:])
        return f"{match[1]}{node} -> {target}" if target else f"{match[1]}{node}"

    return "".join(_LINE.sub(renamed, line) for line in source.splitlines(keepends=True))


def _count(outputs: Sequence[Tensor]) -> int:
    seen: set[object] = set()
    count = len(outputs)
    waiting: list[object] = [output.grad_fn for output in outputs]
    while waiting and count < _MOST_COUNTED:
        function = waiting.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        count += 2 if hasattr(function, "variable") else 1  # an accumulator stands beside its parameter
        waiting.extend(following for following, _ in getattr(function, "next_functions", ()))
    return count
