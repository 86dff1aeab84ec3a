"""The table of layers: shapes, sizes, and where they were watched their weights, gradients and updates."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reportgen.blocks.table import Cell, Column, Link, Spark, Table
from reportgen.blocks.wording import NO_BREAK, counted, number
from reportgen.run.distribution import Distribution
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.sections.curves import evenly
from reportgen.sections.layer_list import Layer, total_parameters
from reportgen.sections.metrics import SPARK_POINTS
from reportgen.sections.rebin import Scale
from reportgen.sections.ridges import in_words, linear_scale, outline

ROWS = 150
# Healthy small runs stay below 3e-2 (layer medians of 2e-3 to 1.8e-2 were seen); 1e-3 is Karpathy's rule of thumb.
RATIO_HIGH = 3e-2
# SageMaker Debugger calls a layer dead from half of its units on; healthy ones were seen up to 27 %.
DEAD = 0.5
SATURATED = 0.6
# Weights of layers share an axis unless the widest would hide the narrowest.
SHARED_AXIS = 12.0
CONSECUTIVE = 2
# What a column of floating point operations may count: the largest of which a layer takes one at least.
UNITS = ((1e12, "TFLOP", "10¹²"), (1e9, "GFLOP", "billion"), (1e6, "MFLOP", "million"), (1e3, "kFLOP", "thousand"))


@dataclass(frozen=True, slots=True)
class Cells:
    """A column with its cell for each layer, and whether a cell wants attention."""

    column: Column
    cell: Callable[[Layer], Cell]
    marked: Callable[[Layer], bool] = lambda layer: False


@dataclass(frozen=True, slots=True)
class Unit:
    """What floating point operations are counted in: `size` of them, with so many decimals all down a column."""

    size: float
    name: str
    words: str
    decimals: int

    def written(self, flops: float) -> str:
        """A number of operations in this unit; "< 0.01" for one whose decimals would all be 0."""
        if not flops:
            return "0"
        least = 10.0**-self.decimals
        if flops / self.size < least / 2:
            return f"<{NO_BREAK}{least:.{self.decimals}f}"
        return f"{flops / self.size:,.{self.decimals}f}"


def _unit(flops: Sequence[float]) -> Unit:
    most = max(flops, default=0.0)
    size, name, many = next((unit for unit in UNITS if most >= unit[0]), (1.0, "FLOP", ""))
    # Operations themselves are whole.
    decimals = 0 if size == 1 else 2 if most < 100 * size else 1
    return Unit(size, name, f"{many} floating point operations".strip(), decimals)


def layer_table(run: Run, layers: Sequence[Layer]) -> Table:
    """A row a layer with its anchor, and the totals where any is known; columns nobody has a value for are left out."""
    shown = list(layers[:ROWS])
    flops = [layer.flops for layer in layers if layer.flops is not None]
    unit = _unit(flops)
    possible = _columns(run, layers, unit)
    columns = [each for each in possible if any(each.cell(layer) not in (None, "") for layer in shown)]
    rows = [tuple(each.cell(layer) for each in columns) for layer in shown]
    marks = [(r, c) for r, layer in enumerate(shown) for c, each in enumerate(columns) if each.marked(layer)]
    total = total_parameters(run, list(layers))
    sums: dict[str, Cell] = {"layer": "total", "parameters": total}
    sums[unit.name] = unit.written(sum(flops)) if flops else ""
    totals = tuple(sums.get(each.column.name, "") for each in columns)
    # Of an imported graph neither sizes nor operations are known.
    known = any(value for value, each in zip(totals, columns, strict=True) if each.column.name != "layer")
    rows += [totals] if known else []
    return Table(
        columns=tuple(each.column for each in columns),
        rows=tuple(rows),
        caption=_caption(run, layers, shown),
        anchors=(*(layer.anchor for layer in shown), *([""] if known else [])),
        marks=tuple(marks),
        total=len(layers) if len(layers) > len(shown) else 0,
    )


def _columns(run: Run, layers: Sequence[Layer], unit: Unit) -> list[Cells]:
    batch = any(graph.batch for graph in run.graphs)
    weights, heading = _weights(run, layers)
    axis = "an axis of its own" if heading == "weights" else "the same axis for all"
    ratio, dead, saturated = _ratio(run), _last(run, "dead_share"), _last(run, "saturated_share")
    return [
        Cells(Column("layer", "code"), lambda layer: Link(layer.title, layer.fold, code=True)),
        Cells(
            Column("kind", hint="leads to its box in the graph, where there is one"),
            _kind,
            lambda layer: layer.status != "ok",
        ),
        Cells(Column("output", hint="shape of its output for one sample"), lambda layer: layer.output),
        Cells(Column("parameters", "count"), lambda layer: layer.numel or None),
        Cells(
            Column(unit.name, "number", f"{unit.words} of one {'sample' if batch else 'forward'}"),
            lambda layer: unit.written(layer.flops) if layer.flops is not None else None,
        ),
        Cells(Column(heading, hint=f"its largest parameter, at the last snapshot, on {axis}"), weights),
        Cells(Column("gradient norm", hint="of its largest parameter, over the run"), lambda layer: _norm(run, layer)),
        Cells(
            Column("update / weight", "number", "norm of one step's change over the norm of the weights, last burst"),
            lambda layer: None if (value := ratio(layer)) is None else number(value, 2),
            lambda layer: _odd_ratio(ratio(layer), layer),
        ),
        Cells(
            Column("dead", "percent", "units that are 0 for the whole sampled batch"),
            dead,
            lambda layer: _above(dead(layer), DEAD),
        ),
        Cells(
            Column("saturated", "percent", "outputs within 3 % of the bounds of tanh or sigmoid"),
            saturated,
            lambda layer: _above(saturated(layer), SATURATED),
        ),
    ]


def _kind(layer: Layer) -> Cell:
    told = f"{layer.kind} ×{layer.calls}" if layer.calls > 1 else layer.kind
    told = told if layer.status == "ok" else f"{layer.kind} ({layer.status})"
    return Link(told, layer.box) if told.strip() else ""


def _snapshot(run: Run, layer: Layer) -> Distribution | None:
    series = run.distributions.get("weight", {}).get(layer.main)
    if series is None or not series.snapshots or not series.snapshots[-1].finite:
        return None
    return series.snapshots[-1]


def _weights(run: Run, layers: Sequence[Layer]) -> tuple[Callable[[Layer], Cell], str]:
    """The outline of each layer's weights, on one axis for all where that shows them; and the column's heading."""
    known = {layer.name: s for layer in layers if (s := _snapshot(run, layer)) is not None}
    scales = {name: scale for name, s in known.items() if (scale := linear_scale([s], symmetric=True)) is not None}
    reaches = [max(abs(scale.low), abs(scale.high)) for scale in scales.values()]
    shared = bool(reaches) and max(reaches) <= SHARED_AXIS * min(reaches)
    common = _rounded_up(max(reaches)) if shared else 0.0

    def cell(layer: Layer) -> Cell:
        scale = scales.get(layer.name)
        if scale is None:
            return in_words(known[layer.name]) if layer.name in known else None
        return outline(known[layer.name], Scale(-common, common, scale.bins) if shared else scale)

    return cell, f"weights, {number(-common)} to {number(common)}" if shared else "weights"


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{next(power * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * k >= value * 0.999):.3g}")


def _norm(run: Run, layer: Layer) -> Cell:
    series = run.measures.get("gradient_norm", {}).get(layer.main)
    if series is None or not len(series):
        return None
    values = tuple(series.values[at] for at in evenly(len(series), SPARK_POINTS))
    return Spark(values, f"from {number(values[0])} to {number(values[-1])}", "3")


def _ratio(run: Run) -> Callable[[Layer], float | None]:
    def cell(layer: Layer) -> float | None:
        series = run.measures.get("update_ratio", {}).get(layer.main)
        return last_burst(series) if series is not None else None

    return cell


def last_burst(series: Series) -> float | None:
    """The median of the last points taken at (almost) consecutive steps; None without a point."""
    if not len(series):
        return None
    steps = series.optimizer_steps if len(series.optimizer_steps) else series.steps
    start = len(series) - 1
    while start > 0 and steps[start] - steps[start - 1] <= CONSECUTIVE:
        start -= 1
    values = [value for value in series.values[start:] if math.isfinite(value)]
    return statistics.median(values) if values else math.nan


def _odd_ratio(value: float | None, layer: Layer) -> bool:
    if value is None:
        return False
    return not math.isfinite(value) or value > RATIO_HIGH or (value == 0 and layer.trainable)


def _last(run: Run, quantity: str) -> Callable[[Layer], float | None]:
    def cell(layer: Layer) -> float | None:
        series = run.measures.get(quantity, {}).get(layer.name)
        return series.last if series is not None and len(series) else None

    return cell


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _caption(run: Run, layers: Sequence[Layer], shown: Sequence[Layer]) -> str:
    told = []
    if len(shown) < len(layers):
        told.append(f"The first {len(shown)} of {counted(len(layers), 'layer')}; the total is of all.")
    missing = list(dict.fromkeys(name for graph in run.graphs for name in graph.uncounted))
    if missing:
        told.append(f"Floating point operations of {', '.join(missing[:5])} are not counted.")
    if any(p.tied_to for layer in layers for _, p in layer.parameters):
        told.append("Tied parameters are counted once.")
    return " ".join(told)
