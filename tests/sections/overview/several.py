"""Overviews of made-up runs."""

from __future__ import annotations

import dataclasses

from reportgen.blocks.finding import Finding, Where
from reportgen.diagnose import Diagnosis
from reportgen.run.overview import Overview
from reportgen.sections.overview.comparison import compare
from reportgen.sections.overview.thinning import member_of, thinned
from reportgen.testing import fake_run
from reportgen.testing.run import series_of


def small_run(title="a run", scalars=None, config=None, **fields):
    """A run of nothing but numbers and settings. scalars: tag -> values, one a step."""
    given = {tag: series_of(values) for tag, values in (scalars or {}).items()}
    run = fake_run(layers=0, steps=0, classes=0, scalars=given, predictions=(), graphs=(), models=(), media={})
    meta = dataclasses.replace(run.meta, title=title, config=dict(config or {}))
    meta = dataclasses.replace(meta, **fields)
    return dataclasses.replace(run, meta=meta, measures={}, distributions={})


def finding(severity="error", rule="nan_loss", tag="train/loss"):
    return Finding(rule, "fact", severity, f"{tag} is odd", "It is.", "Change it.", Where(tag=tag, step=3))


def member(name, run, *findings, runs=2):
    return member_of(name, run, Diagnosis(tuple(findings)), runs)


def overview_of(*runs, findings=None):
    """A thinned overview. findings: number of a run -> its findings."""
    members = [
        member(f"run-{number}", run, *(findings or {}).get(number, ()), runs=len(runs))
        for number, run in enumerate(runs)
    ]
    return thinned(Overview(tuple(members)))


def compared(*runs, findings=None):
    return compare(overview_of(*runs, findings=findings))
