"""What of many runs one page carries: the best of them, the metrics worth a chart, and few points of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reportgen.diagnose import Diagnosis
from reportgen.diagnose.own.recorded import as_record
from reportgen.run.logged import HParams, Plain
from reportgen.run.overview import LeftOut, Member, Overview
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import SCHEMA, Environment, Meta, Run
from reportgen.run.series import Series
from reportgen.run.thin_series import FEWEST_POINTS, even_choice, tick_of
from reportgen.sections.curves import natural
from reportgen.sections.overview.metrics import Metric, all_curves, judged_by, main_of, metrics_of
from reportgen.sections.overview.points import typical

# Runs that a page carries and lists; of more, the best by the metric they are ranked by.
MOST_RUNS = 200
# Runs whose curves are drawn: some in colours, then some in grey.
COLOURED, GREY = 8, 16
CHARTS = 25
# Series that a page carries in all, and points of those that are drawn.
SERIES = 2000
POINTS = 40_000
MOST_POINTS = 160
# Points and tags kept of all runs together while they are read, so that thousands of them fit into memory.
READ_POINTS = 400_000
READ_TAGS, FEWEST_TAGS = 100_000, 200
UNREAD = 100
# Bounds of what one run may bring.
FOUND, SETTINGS, VALUE, EVALUATIONS, SESSIONS, ATTEMPTS = 5, 200, 200, 400, 20, 50
THINNED = "An overview keeps of a run its settings, and of its metrics the main ones with few points each."


def member_of(name: str, run: Run, diagnosis: Diagnosis, runs: int) -> Member:
    """What an overview of `runs` runs keeps of `run`, a page's run with what was found in it."""
    severities = [finding.severity for finding in diagnosis.findings]
    return Member(
        name=name,
        run=_bare(run, runs),
        found=tuple(
            replace(as_record(one), also=(), source="", since=0, columns=(), rows=())
            for one in diagnosis.attention[:FOUND]
        ),
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        remarks=severities.count("info"),
        passed=len(diagnosis.passed),
    )


def _bare(run: Run, runs: int) -> Run:
    tags = list(run.scalars)[: max(FEWEST_TAGS, READ_TAGS // max(1, runs))]
    limit = max(FEWEST_POINTS, min(MOST_POINTS, READ_POINTS // max(1, runs * len(tags))))
    tick = _tick(run)
    few = max(3, EVALUATIONS // max(1, runs))
    return Run(
        schema=SCHEMA,
        meta=_meta(run.meta),
        scalars={tag: typical(run.scalars[tag], limit, tick) for tag in tags},
        predictions=_evaluations(run.predictions, few),
        hparams=tuple(_session(record) for record in run.hparams[-SESSIONS:]),
        thinned=(THINNED,),
    )


def _tick(run: Run) -> int:
    return tick_of((run.meta.last_record or run.meta.ended or run.meta.started) - run.meta.started)


def _meta(meta: Meta) -> Meta:
    """What tells runs apart: configuration, commit, seeds, machine, torch's version."""
    given = meta.environment
    return replace(
        meta,
        title=_cut(meta.title),
        config=_settings(meta.config),
        direction=dict(list(meta.direction.items())[:SETTINGS]),
        environment=Environment(
            processors=given.processors,
            accelerators=given.accelerators,
            packages={name: version for name, version in given.packages.items() if name == "torch"},
            git=given.git,
            seeds=given.seeds,
        ),
        attempts=meta.attempts if len(meta.attempts) <= ATTEMPTS else (),
    )


def _settings(values: Mapping[str, Plain]) -> dict[str, Plain]:
    return {
        _cut(key): _cut(value) if isinstance(value, str) else value for key, value in list(values.items())[:SETTINGS]
    }


def _cut(text: str) -> str:
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"


def _session(record: HParams) -> HParams:
    return replace(
        record,
        params=_settings(record.params),
        metrics=dict(list(record.metrics.items())[:SETTINGS]),
        name=_cut(record.name),
        domains={},
    )


def _evaluations(sets: Sequence[PredictionSet], most: int) -> tuple[PredictionSet, ...]:
    """The metrics of few evaluations of each split."""
    kept: list[PredictionSet] = []
    for split in dict.fromkeys(one.split for one in sets):
        of_split = [one for one in sets if one.split == split]
        kept.extend(of_split[at] for at in even_choice(len(of_split), most))
    return tuple(
        PredictionSet(one.split, one.stamp, one.task, samples=one.samples, metrics=one.metrics) for one in kept
    )


def thinned(overview: Overview) -> Overview:
    """`overview` as its page carries it: its runs best first, at most MOST_RUNS, with few points each.

    Idempotent, so that a page built from a page's data is the same page.
    """
    members = overview.members
    metrics = metrics_of([member.run for member in members])
    judged = overview.judged or judged_by(metrics, overview.runs)
    order = _order(members, main_of(metrics, judged))
    shown, rest = [members[at] for at in order[:MOST_RUNS]], [members[at] for at in order[MOST_RUNS:]]
    if rest:
        metrics = metrics_of([member.run for member in shown])
        main = main_of(metrics, judged)
    else:
        main = main_of(metrics, judged)
    most = min(len(metrics), max(1, SERIES // max(1, len(shown))))
    kept = ([main] if main else []) + [metric for metric in metrics if metric is not main]
    keys = {metric.key for metric in kept[:most]}
    drawn = min(len(shown), COLOURED + GREY) * min(len(keys), CHARTS)
    limit = max(FEWEST_POINTS, min(MOST_POINTS, POINTS // max(1, drawn)))
    charted = {metric.key for metric in kept[:CHARTS]}
    return replace(
        overview,
        members=tuple(
            _fewer(member, keys, charted if number < COLOURED + GREY else set(), limit)
            for number, member in enumerate(shown)
        ),
        unread=overview.unread[:UNREAD],
        unread_total=max(overview.unread_total, len(overview.unread)),
        left_out=_counted(overview.left_out, rest),
        judged=judged,
        metrics=max(overview.metrics, len(metrics)),
    )


def _order(members: Sequence[Member], main: Metric | None) -> list[int]:
    """The numbers of the runs, the best value first; those without one last, by name."""

    def place(number: int) -> tuple[float, object]:
        curve = main.curves.get(number) if main else None
        return main.merit(curve) if main and curve else math.inf, natural(members[number].name)

    return sorted(range(len(members)), key=place)


def _fewer(member: Member, keys: set[tuple[str, str]], charted: set[tuple[str, str]], limit: int) -> Member:
    run, tick = member.run, _tick(member.run)
    scalars: dict[str, Series] = {}
    for curve in all_curves(run):
        key = curve.split, curve.metric.casefold()
        if curve.tag in run.scalars and key in keys:
            most = limit if key in charted else FEWEST_POINTS
            scalars[curve.tag] = typical(run.scalars[curve.tag], most, tick)
    return replace(member, run=replace(run, scalars=scalars))


def _counted(before: LeftOut, rest: Sequence[Member]) -> LeftOut:
    return before.plus(
        LeftOut(
            runs=len(rest),
            errors=sum(member.errors > 0 for member in rest),
            warnings=sum(member.warnings > 0 and not member.errors for member in rest),
            statuses=Counter(member.run.meta.status for member in rest),
        )
    )
