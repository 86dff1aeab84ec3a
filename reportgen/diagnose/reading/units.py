"""Shares of a layer's units: which modules lie above a limit, and since when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from reportgen.blocks.charts import LineChart
from reportgen.blocks.wording import named, percent
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.layers import called, later
from reportgen.diagnose.reading.places import full_name
from reportgen.diagnose.rule import Unchecked
from reportgen.run.records import Model, Run
from reportgen.run.series import Series

# What held at the first look did not come of training.
FROM_START = 0.5
FEWEST_LOOKS = 4
# Lines of a chart, the limit among them.
LINES = 6
NO_LOOKS = f"Outputs of the layers were looked at fewer than {FEWEST_LOOKS} times"


@dataclass(frozen=True, slots=True)
class Module:
    """A module with a series of shares, by the name it has in measures. share: the median of its later looks."""

    name: str
    series: Series
    share: float
    model: Model | None

    @property
    def called(self) -> str:
        """Its name as a sentence has it."""
        types = self.model.modules if self.model else {}
        return called(self.name, types.get(self.name, types.get(self.name.rpartition("/")[2], "")))

    @property
    def start(self) -> float:
        """The share at the first look."""
        return self.series.values[0]

    def since(self, limit: float) -> int:
        """The optimizer step at which it first was above `limit`."""
        return next(
            (
                step
                for step, value in zip(self.series.optimizer_steps, self.series.values, strict=True)
                if value > limit
            ),
            self.series.optimizer_steps[0],
        )


def over(run: Run, quantity: str, limit: float) -> list[Module]:
    """Modules whose share lies above `limit`, in the order in which they are called."""
    places = {full_name(run, model, name): model for model in run.models for name in model.modules}
    found = []
    for name, series in run.measures.get(quantity, {}).items():
        values = later(series)
        if len(series) >= FEWEST_LOOKS and values and median(values) > limit and math.isfinite(series.values[0]):
            found.append(Module(name, series, median(values), places.get(name)))
    return found


def looked(run: Run) -> bool:
    """Whether outputs of any layer were looked at often enough."""
    return any(
        len(series) >= FEWEST_LOOKS
        for quantity in ("dead_share", "saturated_share", "constant_units")
        for series in run.measures.get(quantity, {}).values()
    )


def unlooked(run: Run) -> Unchecked:
    """Why units cannot be judged: nothing was watched, or too few steps were made."""
    if run.models:
        return Unchecked(f"{NO_LOOKS} in this run.")
    return Unchecked(f"{NO_LOOKS}: call report.watch(model, optimizer).")


def shares_chart(found: list[Module], what: str, limit: float) -> LineChart:
    """The share of each module over the steps looked at, the largest first, and the limit. what: "dead"."""
    shown = sorted(found, key=lambda each: -each.share)[: LINES - 1]
    lines = {
        named(each.name, 40): dict(zip(each.series.optimizer_steps, each.series.values, strict=True)) for each in shown
    }
    steps = sorted({step for line in lines.values() for step in line})
    left = f" {len(found) - len(shown):,} more layers lie above it." if len(found) > len(shown) else ""
    return curve(
        f"Share of units {what}",
        f"Of the layers above the limit of {percent(limit)}, at the steps looked at; {named(shown[0].name, 40)} went "
        f"from {percent(shown[0].start)} to {percent(shown[0].series.last)}.{left}",
        {**lines, "limit": {steps[0]: limit, steps[-1]: limit}},
        y_format="percent",
    )
