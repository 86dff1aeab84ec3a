"""One fold a layer: the distributions of its parameters, gradients and output over time, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.charts import Ridgeline, Ridgelines
from reportgen.blocks.slug import slug
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Fold
from reportgen.blocks.wording import cut
from reportgen.run.distribution import DistributionSeries
from reportgen.run.records import Run
from reportgen.sections.curves import evenly
from reportgen.sections.layer_list import Layer, finite_or_none
from reportgen.sections.ridges import RIDGES, ridgeline


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is drawn: layers, whether of each parameter or the main one only, ridges a picture, rows a table."""

    layers: int
    every_parameter: bool
    ridges: int
    rows: int


# A ridgeline takes 1 to 2 kB of a page that is to stay under 500 kB: the more layers, the less of each.
SMALL = Detail(layers=12, every_parameter=True, ridges=RIDGES, rows=5)
MEDIUM = Detail(layers=24, every_parameter=False, ridges=RIDGES, rows=3)
LARGE = Detail(layers=40, every_parameter=False, ridges=5, rows=2)


def details(run: Run, layers: Sequence[Layer]) -> list[Fold]:
    """The folds, in the order of the layers. Of a large model those of most dimensions and evenly spread ones."""
    known = [layer for layer in layers if _series(run, layer, every=True)]
    detail = next((each for each in (SMALL, MEDIUM, LARGE) if len(known) <= each.layers), LARGE)
    chosen = _chosen(known, detail.layers)
    return [fold for layer in chosen if (fold := _fold(run, layer, detail)) is not None]


def _chosen(layers: list[Layer], limit: int) -> list[Layer]:
    if len(layers) <= limit:
        return layers
    # Weights that are matrices say more of training than the scales and offsets of normalisations.
    matrices = [layer for layer in layers if any(len(p.shape) > 1 for _, p in layer.parameters)]
    pool = matrices if len(matrices) >= limit else layers
    return [pool[at] for at in evenly(len(pool), limit)]


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
        drawn = [(series, item) for series in row if (item := ridgeline(series, _title(series), detail.ridges))]
        if not drawn:
            continue
        items: tuple[Ridgeline, ...] = tuple(item for _, item in drawn)
        blocks.append(Ridgelines(items, numbers([series for series, _ in drawn], detail.rows)))
    if not blocks:
        return None
    text = f"{layer.kind} {layer.output}".strip()
    return Fold(cut(layer.title), tuple(blocks), detail=text, anchor=slug("over-time", layer.name or layer.model))


def _title(series: DistributionSeries) -> str:
    if series.kind == "activation":
        return "output"
    part = series.name.rpartition(".")[2]
    return cut(part, 40) if series.kind == "weight" else f"gradient of {cut(part, 40)}"


def numbers(row: Sequence[DistributionSeries], limit: int) -> Table:
    """Mean, spread, extremes and zeros of at most `limit` snapshots of each series."""
    rows: list[tuple[Cell, ...]] = []
    for series in row:
        for at in evenly(len(series.snapshots), limit):
            snapshot = series.snapshots[at]
            rows.append(
                (
                    _title(series),
                    series.steps[at],
                    finite_or_none(snapshot.mean),
                    finite_or_none(snapshot.std),
                    finite_or_none(snapshot.minimum),
                    finite_or_none(snapshot.maximum),
                    snapshot.zeros / snapshot.finite if snapshot.finite else None,
                    snapshot.count - snapshot.finite,
                )
            )
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
    return Table(columns=columns, rows=tuple(rows), title="Numbers", folded=True)
