"""Runs with little in them, or strange things: each has a page that keeps every promise and says what it lacks."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from reportgen.pipeline import build_html
from reportgen.run.graph import Graph
from reportgen.run.records import Meta, Model, Run
from reportgen.testing import ReportDoc, fake_run

NAN, INF = math.nan, math.inf


def bare(**fields) -> Run:
    """A run of which nothing is known but its title and status."""
    empty = Run(schema=1, meta=Meta(title="bare", status="finished", started=0.0))
    return dataclasses.replace(empty, **fields)


ODD = {
    "nothing at all": lambda: bare(),
    "no end recorded": lambda: bare(meta=Meta(title="", status="no end recorded", started=1.8e9)),
    "no step": lambda: fake_run(steps=0),
    "one step": lambda: fake_run(steps=1),
    "two steps": lambda: fake_run(steps=2),
    "a metric of NaN only": lambda: fake_run(scalars={"train/loss": [NAN] * 20}),
    "a metric of infinities only": lambda: fake_run(scalars={"train/loss": [INF, -INF] * 10}),
    "one finite point among NaN": lambda: fake_run(scalars={"train/loss": [NAN, NAN, 0.5, NAN]}),
    "a constant": lambda: fake_run(scalars={"train/loss": [0.0] * 50}),
    "an empty series": lambda: fake_run(scalars={"train/loss": []}),
    "huge and tiny": lambda: fake_run(scalars={"train/loss": [1e308, -1e308, 5e-324, 0.0]}),
    "far from zero": lambda: fake_run(scalars={"train/loss": [1e9 + 1e-4 * k for k in range(9)]}),
    "no graph": lambda: fake_run(graphs=()),
    "an empty graph": lambda: fake_run(graphs=(Graph("Net", "the first training forward"),)),
    "no model": lambda: fake_run(graphs=(), models=(), distributions={}, measures={}),
    "no parameter": lambda: fake_run(models=(Model("Net", "Net"),), distributions={}, measures={}),
    "no predictions": lambda: fake_run(predictions=(), media={}),
    "pictures that are gone": lambda: fake_run(media={}),
    "one class": lambda: fake_run(classes=1),
    "two hundred classes": lambda: fake_run(classes=200),
    "one layer": lambda: fake_run(layers=1),
    "sixty layers": lambda: fake_run(layers=60, snapshots=4, steps=30),
    "one snapshot": lambda: fake_run(snapshots=1),
    "failed": lambda: fake_run(failure=True),
    "failed before the first step": lambda: fake_run(steps=0, failure=True),
    "stopped": lambda: fake_run(status="stopped by the user"),
    "running": lambda: fake_run(status="running"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_run_has_a_sound_page(name):
    html, _ = build_html(ODD[name]())
    doc = ReportDoc(html).check()
    assert {"verdict", "environment"} <= set(doc.sections)
    assert all(len(section.text.split()) > 3 for section in doc.sections.values()), "a section that says nothing"


numbers = some.one_of(some.floats(width=64), some.sampled_from([0.0, -0.0, NAN, INF, -INF, 1e-310, 1.8e308 / 10]))
tags = some.one_of(some.sampled_from(["train/loss", "val/loss", "loss", "acc", "lr"]), some.text(max_size=12))


# Not shrunk: a page takes a tenth of a second, and a failing example is small enough to read.
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
@given(scalars=some.dictionaries(tags, some.lists(numbers, max_size=9), max_size=4), title=some.text(max_size=30))
def test_any_numbers_under_any_tags_have_a_sound_page(scalars, title):
    run = bare(
        meta=Meta(title=title, status="finished", started=0.0), scalars=fake_run(steps=1, scalars=scalars).scalars
    )
    html, _ = build_html(run)
    html.encode("utf-8", "backslashreplace").decode("utf-8")
    ReportDoc(html.encode("utf-8", "backslashreplace").decode("utf-8")).check()
