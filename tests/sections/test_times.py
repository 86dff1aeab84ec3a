"""When the points of a chart were recorded."""

import dataclasses
import itertools
import math
from array import array

import pytest

from reportgen.sections.axis import Axis
from reportgen.sections.curves import Curve
from reportgen.sections.metric_chart import metric_chart
from reportgen.sections.times import KNOTS, clock, start_of
from reportgen.testing.run import STARTED, series_of


def curve(series, tag="loss"):
    return Curve(tag, "", tag, series)


def at(times, **fields):
    series = series_of([1.0] * len(times))
    return curve(dataclasses.replace(series, times=array("d", times), **fields))


def of(*curves, started=STARTED):
    return clock(curves, Axis(), [[0] * len(one.series) for one in curves], started)


def between(knots, x):
    """Seconds at a place, by straight lines between the knots."""
    for (low, early), (high, late) in itertools.pairwise(knots):
        if low <= x <= high:
            return early + (late - early) * (x - low) / (high - low)
    raise AssertionError(x)


def test_an_even_pace_takes_two_knots():
    found = of(curve(series_of([1.0] * 1000)))

    assert found.start == STARTED
    assert found.knots == (((0.0, 0.05), (999.0, 50.0)),)


def test_knots_follow_a_pause_and_a_change_of_pace():
    times = [STARTED + (k if k < 300 else 1000 + 5 * k) for k in range(600)]
    (knots,) = of(at(times)).knots

    assert len(knots) <= KNOTS
    spent = times[-1] - times[0]
    assert all(between(knots, k) == pytest.approx(time - STARTED, abs=spent / 400) for k, time in enumerate(times))


def test_without_times_or_with_times_against_the_steps_there_is_no_clock():
    assert of(at([0.0, 0.0, 0.0])) is None
    assert of(at([STARTED, math.nan, STARTED + 2])) is None
    assert of(at([STARTED + 9, STARTED + 5, STARTED + 1])) is None
    assert of(at([STARTED + 9, STARTED + 5, STARTED + 1]), curve(series_of([1.0]))) is None


def test_time_counts_from_the_start_of_the_run_or_from_an_earlier_point():
    series = curve(series_of([1.0, 2.0]))

    assert start_of([series], STARTED - 100) == STARTED - 100
    assert start_of([series], STARTED + 100) == min(series.series.times)
    assert start_of([series], 0.0) == min(series.series.times)


def test_the_table_says_when_a_row_was_recorded():
    chart = metric_chart([at([STARTED + 1.5, STARTED + 7200.0])], "loss", started=STARTED)

    assert [(c.name, c.format) for c in chart.numbers.columns[2:]] == [
        ("after", "elapsed"),
        ("2026-11-23, UTC", "daytime"),
    ]
    assert chart.numbers.rows == ((0, 1.0, 1.5, STARTED + 1.5), (1, 1.0, 7200.0, STARTED + 7200.0))


def test_over_several_days_the_table_gives_dates():
    chart = metric_chart([at([STARTED, STARTED + 90_000.0])], "loss", started=STARTED)

    assert (chart.numbers.columns[-1].name, chart.numbers.columns[-1].format) == ("date, time (UTC)", "moment")


def test_without_times_the_table_has_no_columns_for_them():
    chart = metric_chart([at([0.0, 0.0])], "loss", started=STARTED)

    assert [column.name for column in chart.numbers.columns] == ["step", "loss"]
    assert chart.clock is None


def test_steps_that_begin_anew_very_often_have_no_clock():
    def again(amount):
        steps = [step for _ in range(amount) for step in range(5)]
        series = series_of([1.0] * len(steps), steps)
        times = array("d", [STARTED + k for k in range(len(steps))])
        return metric_chart([curve(dataclasses.replace(series, times=times, restarts=(0,) * (amount - 1)))], "loss")

    assert [len(knots) for knots in again(20).clock.knots] == [2] * 20
    assert again(100).clock is None
