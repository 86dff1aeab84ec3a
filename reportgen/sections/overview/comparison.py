"""Several runs beside each other: what every section of an overview needs to know of them, worked out once."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.blocks.slug import slug
from reportgen.blocks.table import Link
from reportgen.blocks.wording import NO_BREAK, counted
from reportgen.run.overview import Member, Overview
from reportgen.run.records import Run
from reportgen.sections.overview.labels import labels
from reportgen.sections.overview.metrics import Metric, main_of, metrics_of
from reportgen.sections.overview.settings import Setting, compared
from reportgen.sections.overview.thinning import COLOURED, GREY


@dataclass(frozen=True, slots=True)
class Comparison:
    """A thinned overview with its runs' names, their metrics and their settings; runs are numbered from 0, best first.

    main: the metric they are ranked by. differing, equal: settings that are not, and that are the same in all runs.
    """

    overview: Overview
    labels: tuple[str, ...]
    metrics: tuple[Metric, ...]
    main: Metric | None
    differing: tuple[Setting, ...]
    equal: tuple[Setting, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """The runs that are shown."""
        return self.overview.members

    @property
    def runs(self) -> list[Run]:
        """Their records."""
        return [member.run for member in self.members]

    def anchor(self, number: int) -> str:
        """The id of what the page says of a run alone."""
        return slug("run", self.labels[number])

    def link(self, number: int) -> Link:
        """The run's name with its colour, leading to what the page says of it alone."""
        return Link(self.labels[number], self.anchor(number), role=role(number) if self.drawn else "")

    @property
    def drawn(self) -> bool:
        """Whether there are curves of these runs to draw."""
        return any(has_curve(metric) for metric in self.metrics)


def has_curve(metric: Metric) -> bool:
    """Whether a run logged more than one point of a metric."""
    return any(len(curve.series) > 1 for curve in metric.curves.values())


def role(number: int) -> str:
    """The colour and dash of a run on every chart: its own for the first COLOURED, grey for GREY more, else ""."""
    if number < COLOURED:
        return f"run{number + 1}"
    return "rest" if number < COLOURED + GREY else ""


def compare(overview: Overview) -> Comparison:
    """`overview`, which must be thinned, with all that its page needs."""
    runs = [member.run for member in overview.members]
    metrics = metrics_of(runs)
    settings = compared(runs)
    main = main_of(metrics, overview.judged)
    if main is not None:  # what runs are ranked by stands first
        metrics = [main, *(metric for metric in metrics if metric is not main)]
    return Comparison(
        overview=overview,
        labels=tuple(labels([run.meta.title for run in runs], [member.name for member in overview.members])),
        metrics=tuple(metrics),
        main=main,
        differing=tuple(setting for setting in settings if setting.differs),
        equal=tuple(setting for setting in settings if not setting.differs),
    )


def findings_text(member: Member) -> str:
    """ "1 error, 2 warnings", "" for a run in which nothing wrong was found."""
    parts = [(member.errors, "error"), (member.warnings, "warning")]
    return ", ".join(counted(amount, noun).replace(" ", NO_BREAK) for amount, noun in parts if amount)
