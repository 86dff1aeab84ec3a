"""One fold a layer: the distributions of its parameters, gradients and output over time, with their numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.charts import Ridgelines
from reportgen.blocks.page import Block
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import counted, cut
from reportgen.run.distribution import DistributionSeries
from reportgen.run.records import Run
from reportgen.sections.curves import evenly
from reportgen.sections.layer_list import Layer, finite_or_none
from reportgen.sections.rebin import BINS
from reportgen.sections.ridges import RIDGES, ridgeline, spread_of


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is drawn: layers, whether of each parameter or the main one only, ridges a picture.

    rows: snapshots of each series in the table under its picture; 0 for one table of all layers' last snapshots.
    """

    layers: int
    every_parameter: bool
    ridges: int
    bins: int
    rows: int


# A ridgeline takes 1 to 2 kB of a page that is to stay under 500 kB: the more layers, the less of each.
SMALL = Detail(layers=12, every_parameter=True, ridges=RIDGES, bins=BINS, rows=5)
MEDIUM = Detail(layers=20, every_parameter=False, ridges=RIDGES, bins=BINS, rows=2)
LARGE = Detail(layers=20, every_parameter=False, ridges=4, bins=24, rows=0)
# Rows of the one table of a large model.
ROWS = 150


def details(run: Run, layers: Sequence[Layer]) -> list[Block]:
    """A fold a layer, in their order. Of a very large model those with weight matrices, and evenly spread others."""
    known = [layer for layer in layers if _series(run, layer, every=True)]
    detail = next((each for each in (SMALL, MEDIUM, LARGE) if len(known) <= each.layers), LARGE)
    chosen = _chosen(known, detail.layers)
    blocks: list[Block] = [fold for layer in chosen if (fold := _fold(run, layer, detail)) is not None]
    recorded = sum(_recorded(run, layer) for layer in layers)
    if len(chosen) < recorded:
        told = f"Drawn for {len(chosen)} of {counted(recorded, 'layer')}: "
        blocks.append(Text(told + "those with weight matrices before others, evenly spread.", muted=True))
    if blocks and not detail.rows:
        rows = [series for layer in chosen for row in _series(run, layer, every=False) for series in row]
        blocks.append(Fold("Numbers of all drawn distributions", (_last(rows),), detail="at the last snapshot"))
    return blocks


def _chosen(layers: list[Layer], limit: int) -> list[Layer]:
    if len(layers) <= limit:
        return layers
    # Weights that are matrices say more of training than the scales and offsets of normalisations.
    matrices = [at for at, layer in enumerate(layers) if any(len(p.shape) > 1 for _, p in layer.parameters)]
    others = [at for at in range(len(layers)) if at not in set(matrices)]
    first = [matrices[k] for k in evenly(len(matrices), limit)]
    more = [others[k] for k in evenly(len(others), limit - len(first))] if len(first) < limit - 1 else []
    return [layers[at] for at in sorted({*first, *more})]


def _recorded(run: Run, layer: Layer) -> bool:
    """Whether distributions of it were logged, whether or not the page keeps them."""
    parameters = [name for name, _ in layer.parameters]
    held = (name in run.distributions.get(kind, {}) for kind in ("weight", "gradient") for name in parameters)
    return layer.name in run.distributions.get("activation", {}) or any(held)


def _series(run: Run, layer: Layer, every: bool) -> list[list[DistributionSeries]]:
    """The series of a layer in rows: weight and gradient of each parameter; the activation follows the main one's."""
    names = [name for name, _ in layer.parameters] if every else [layer.main] if layer.main else []
    rows = []
    for name in sorted(names, key=lambda name: name != layer.main):
        kinds = [run.distributions.get(kind, {}).get(name) for kind in ("weight", "gradient")]
        rows.append([series for series in kinds if series is not None and series.snapshots])
    output = run.distributions.get("activation", {}).get(layer.name)
    if output is not None and output.snapshots:
        if rows:
            rows[0].append(output)
        else:
            rows.append([output])
    return [row for row in rows if row]


def _fold(run: Run, layer: Layer, detail: Detail) -> Fold | None:
    blocks = []
    for row in _series(run, layer, detail.every_parameter):
        pictures = [ridgeline(series, _title(series), detail.ridges, detail.bins) for series in row]
        drawn = tuple(item for item in pictures if item is not None)
        if drawn:
            table = numbers(row, detail.rows) if detail.rows else None
            blocks.append(Ridgelines(drawn, table))
    if not blocks:
        return None
    text = f"{layer.kind} {layer.output}".strip()
    return Fold(cut(layer.title), tuple(blocks), detail=text, anchor=layer.fold)


def _title(series: DistributionSeries) -> str:
    if series.kind == "activation":
        return "output"
    part = series.name.rpartition(".")[2]
    return cut(part, 40) if series.kind == "weight" else f"gradient of {cut(part, 40)}"


def numbers(row: Sequence[DistributionSeries], limit: int) -> Table:
    """Mean, spread, extremes and zeros of at most `limit` snapshots of each series."""
    rows: list[tuple[Cell, ...]] = [
        (_title(series), *_moments(series, at)) for series in row for at in evenly(len(series.snapshots), limit)
    ]
    return dataclasses.replace(_table(rows), title="Numbers", folded=True)


def _last(known: Sequence[DistributionSeries]) -> Table:
    """The same of the last snapshot of each series, by full name."""
    names = {"weight": "", "gradient": "gradient of ", "activation": "output of "}
    rows: list[tuple[Cell, ...]] = [
        (f"{names[series.kind]}{cut(series.name)}", *_moments(series, len(series.snapshots) - 1))
        for series in known[:ROWS]
    ]
    return dataclasses.replace(_table(rows), total=len(known) if len(known) > ROWS else 0)


def _moments(series: DistributionSeries, at: int) -> tuple[Cell, ...]:
    snapshot = series.snapshots[at]
    return (
        series.steps[at],
        finite_or_none(snapshot.mean),
        spread_of(snapshot),
        finite_or_none(snapshot.minimum),
        finite_or_none(snapshot.maximum),
        snapshot.zeros / snapshot.finite if snapshot.finite else None,
        snapshot.count - snapshot.finite,
    )


def _table(rows: list[tuple[Cell, ...]]) -> Table:
    columns: tuple[Column, ...] = (
        Column("of"),
        Column("step", "step"),
        Column("mean", "number"),
        Column("std", "number", "standard deviation"),
        Column("least", "number"),
        Column("greatest", "number"),
        Column("zeros", "percent", "share that is exactly 0"),
        Column("not finite", "count", "NaN and infinite"),
    )
    # A column of nothing but 0 says nothing.
    if not any(entry[-1] for entry in rows):
        columns, rows = columns[:-1], [entry[:-1] for entry in rows]
    return Table(columns=columns, rows=tuple(rows))
