"""What differs between the pages of two Runs: their sections' blocks, down to every number, word and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from reportgen.blocks.charts import LineChart, Ridgeline, Ridgelines
from reportgen.blocks.finding import Finding
from reportgen.blocks.media import ImageGrid
from reportgen.blocks.page import SectionView
from reportgen.blocks.table import Table
from reportgen.diagnose import diagnose
from reportgen.run.records import Run
from reportgen.sections import build_sections
from reportgen.sections.axis import UNITS
from tests.writer.examples.comparing.sides import same, single

# How a table writes what a clock said, which is another time in each run.
CLOCK = ("elapsed", "moment", "daytime", "seconds")
# What the axis of a chart counts whose points stand at their times.
TIMES = {label for _, label in UNITS}
# What is another time in each run, and the names of files: what these hold is compared as records.
PASSED_OVER = ("clock", "media")
# Sections about the process that ran, and about graphs, which torch traces and we observe.
APART = ("environment", "graph")
# torch's buckets and our bins put a percentile in another place, and a page knows small numbers by octaves only.
OCTAVE = 0.51


def views(run: Run) -> dict[str, SectionView]:
    """The sections of the page that `run` was read from, by their anchors."""
    _, sections, _ = build_sections(run, diagnose(run))
    return {section.id: section for section in sections if section.id not in APART}


def page_differences(theirs: Run, ours: Run) -> list[str]:
    """A sentence for each leaf of the blocks that is not the same, section by section."""
    there, here = views(theirs), views(ours)
    found = [f"section {name}: only in torch's" for name in there if name not in here]
    found += [f"section {name}: only in ours" for name in here if name not in there]
    for name in there:
        if name in here:
            relative = OCTAVE if name == "media" else 1e-6
            found += compare(name, blocks_of(there[name]), blocks_of(here[name]), relative)
    return found


def blocks_of(view: SectionView) -> tuple[Any, ...]:
    """Without the lists of rules that hold: whether a run ended well is nothing that event files say."""
    return tuple(block for block in view.blocks if view.id != "findings" or isinstance(block, Finding))


def compare(where: str, there: Any, here: Any, relative: float = 1e-6) -> Iterator[str]:
    """Walk two blocks side by side; numbers are compared as float32, those of distributions by their buckets."""
    if type(there) is not type(here) and not (is_number(there) and is_number(here)):
        yield f"{where}: {short(there)} in torch's, {short(here)} in ours"
    elif isinstance(there, ImageGrid):
        # A batch is one picture of torch's and several of ours.
        yield from compare(f"{where}.title", there.title, here.title)
    elif isinstance(there, Ridgeline):
        yield from compare(f"{where}.title", there.title, here.title)
        steps, others = (tuple(ridge.step for ridge in one.ridges) for one in (there, here))
        yield from compare(f"{where}.ridges", steps, others)
    elif isinstance(there, Ridgelines):
        yield from compare(f"{where}.items", there.items, here.items)
        yield from compare(f"{where}.numbers", there.numbers, here.numbers, relative)
        if there.chart and here.chart:
            yield from compare(f"{where}.lines", there.chart.lines, here.chart.lines, relative)
            yield from compare(f"{where}.bands", there.chart.bands, here.chart.bands, relative)
        elif there.chart or here.chart:
            yield f"{where}: a chart on one side only"
    elif isinstance(there, Table):
        yield from compare_tables(where, there, here, relative)
    elif isinstance(there, LineChart) and TIMES & {there.x_label} & {here.x_label} and there.clock and here.clock:
        yield from compare(where, placeless(there), placeless(here), relative)
    elif is_dataclass(there):
        for field in fields(there):
            if field.name not in PASSED_OVER:
                label = f"{where}.{field.name}"
                yield from compare(label, getattr(there, field.name), getattr(here, field.name), relative)
    elif isinstance(there, tuple):
        yield from compare_tuples(where, there, here, relative)
    elif is_number(there):
        if not same(there, here) and not same(single(there), single(here), relative):
            yield f"{where}: {there!r} in torch's, {here!r} in ours"
    elif there != here:
        yield f"{where}: {short(there)} in torch's, {short(here)} in ours"


def compare_tuples(where: str, there: tuple[Any, ...], here: tuple[Any, ...], relative: float) -> Iterator[str]:
    """What both hold is compared by its name, or by its place where it has none."""
    theirs, ours = named(there), named(here)
    yield from (f"{where}: {key} only in torch's" for key in theirs if key not in ours)
    yield from (f"{where}: {key} only in ours" for key in ours if key not in theirs)
    both = [[key for key in one if key in theirs and key in ours] for one in (theirs, ours)]
    if both[0] != both[1]:
        yield f"{where}: in the order {short(both[0])} in torch's, {short(both[1])} in ours"
    for key in both[0]:
        yield from compare(f"{where}[{key}]", theirs[key], ours[key], relative)


def named(values: tuple[Any, ...]) -> dict[str, Any]:
    """By kind and title, and where that is not enough to tell them apart by number."""
    found: dict[str, Any] = {}
    for place, value in enumerate(values):
        name = name_of(value) or str(place)
        number = 1
        while (key := name if number == 1 else f"{name}, number {number}") in found:
            number += 1
        found[key] = value
    return found


def compare_tables(where: str, there: Table, here: Table, relative: float) -> Iterator[str]:
    """Tables without the columns that a clock filled."""
    for name in ("title", "caption", "total", "folded"):
        yield from compare(f"{where}.{name}", getattr(there, name), getattr(here, name))
    yield from compare(f"{where}.columns", timeless(there.columns, there), timeless(here.columns, here))
    rows, others = (tuple(timeless(row, table) for row in table.rows) for table in (there, here))
    yield from compare(f"{where}.rows", rows, others, relative)


def placeless(chart: LineChart) -> LineChart:
    """A chart over time with its points numbered: where they stand is what a clock said."""
    lines = []
    for line in chart.lines:
        best = line.best and replace(line.best, x=line.x.index(line.best.x))
        lines.append(replace(line, x=tuple(range(len(line.x))), best=best))
    return replace(chart, lines=tuple(lines), clock=None)


def timeless(cells: Sequence[Any], table: Table) -> tuple[Any, ...]:
    return tuple(cell for cell, column in zip(cells, table.columns, strict=True) if column.format not in CLOCK)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def name_of(value: object) -> str:
    """What tells a block from its neighbours: its kind and title; and a row from others: what it begins with."""
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return value[0]
    if not is_dataclass(value):
        return ""
    title = next(filter(None, (getattr(value, field, "") for field in ("title", "name", "label"))), "")
    if isinstance(value, Ridgelines):
        title = value.items[0].title if value.items else value.chart.title if value.chart else ""
    return f"{type(value).__name__} {title}".strip()


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
