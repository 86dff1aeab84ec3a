"""Distributions of fewer layers, where a model has so many tensors that a page cannot carry snapshots of each."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace

from reportgen.run.distribution import DistributionSeries
from reportgen.run.thin_series import even_choice

OF_PARAMETERS = ("weight", "gradient")
KINDS = (*OF_PARAMETERS, "activation")
# With more series than this each is not kept. Then so many layers keep theirs: those that the table of layers begins
# with, and others evenly spread; of each the largest parameter, which stands for it on the page.
MOST_SERIES = 1400
FIRST_LAYERS = 150
LAYERS = 400

Kinds = dict[str, dict[str, DistributionSeries]]


def fewer_layers(kinds: Mapping[str, Mapping[str, DistributionSeries]]) -> tuple[Kinds, str]:
    """The distributions with those of some layers emptied, and what was left out, as a sentence ("" for nothing).

    What holds a number that is not finite keeps the first such snapshot in any case, since findings are made of it.
    Emptied series keep their names and how much was logged. Doing it again changes nothing, and says nothing.
    """
    found = {kind: dict(group) for kind, group in kinds.items()}
    if sum(len(kinds.get(kind, {})) for kind in KINDS) <= MOST_SERIES:
        return found, ""
    largest = _largest(kinds)
    modules = list(dict.fromkeys((*largest, *kinds.get("activation", {}))))
    rest = modules[FIRST_LAYERS:]
    chosen = {*modules[:FIRST_LAYERS], *(rest[at] for at in even_choice(len(rest), LAYERS - FIRST_LAYERS))}
    parameters = {largest[module] for module in chosen if module in largest}
    for kind in KINDS:
        kept = chosen if kind == "activation" else parameters
        found |= {kind: {name: one if name in kept else _emptied(one) for name, one in kinds.get(kind, {}).items()}}
    if all(one is kinds[kind][name] for kind, group in found.items() for name, one in group.items()):
        return found, ""
    told = (
        f"Distributions of {min(LAYERS, len(modules)):,} of {len(modules):,} layers are kept, of each those of its "
        "largest parameter and its output; of the others only what is not finite."
    )
    return {kind: group for kind, group in found.items() if kind in kinds}, told


def _largest(kinds: Mapping[str, Mapping[str, DistributionSeries]]) -> dict[str, str]:
    """The largest parameter of each module, the first of several; what was emptied already is the smallest."""
    sizes: dict[str, tuple[int, str]] = {}
    for kind in OF_PARAMETERS:
        for name, series in kinds.get(kind, {}).items():
            module = name.rpartition(".")[0]
            size = max((snapshot.elements for snapshot in series.snapshots), default=-1)
            if module not in sizes or size > sizes[module][0]:
                sizes[module] = (size, name)
    return {module: name for module, (_, name) in sizes.items()}


def _emptied(series: DistributionSeries) -> DistributionSeries:
    """The series with the first snapshot that holds a number that is not finite, or with none."""
    odd = [at for at, snapshot in enumerate(series.snapshots) if snapshot.finite < snapshot.count][:1]
    if len(odd) == len(series.snapshots):
        return series
    return replace(
        series,
        steps=array("q", [series.steps[at] for at in odd]),
        optimizer_steps=array("q", [series.optimizer_steps[at] for at in odd]),
        snapshots=tuple(series.snapshots[at] for at in odd),
    )
