"""Levels and noise of a series."""

import dataclasses
import math

import numpy as np
import pytest

from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.testing.run import series_of


def test_a_line_without_noise_has_its_drop_and_no_error():
    course = trend([10.0 - k / 10 for k in range(100)])

    assert (course.first, course.last) == (pytest.approx(9.55), pytest.approx(0.55))
    assert course.share == pytest.approx(9 / 9.55)
    assert course.error == pytest.approx(0, abs=1e-9)
    assert course.slope == pytest.approx(-9.0)


def test_noise_is_that_of_single_values_whatever_the_trend():
    rng = np.random.default_rng(0)
    values = np.linspace(5, 0, 60) + rng.normal(0, 0.3, 60)

    assert trend(values.tolist()).noise == pytest.approx(0.3, rel=0.35)


def test_chance_alone_seldom_gives_three_standard_errors():
    rng = np.random.default_rng(0)
    sigmas = [abs(trend(rng.normal(1, 0.2, size).tolist()).sigmas) for size in (30, 120, 1000) for _ in range(100)]

    assert sum(one > 3 for one in sigmas) <= 15


def test_a_small_drop_below_the_noise_of_steps_is_seen_in_a_long_series():
    rng = np.random.default_rng(0)
    values = np.linspace(3.0, 2.9, 5000) + rng.normal(0, 0.2, 5000)

    assert trend(values.tolist()).sigmas > 3


def test_values_that_are_not_finite_are_counted_and_left_out():
    course = trend([1.0, math.nan, 1.0, math.inf, 1.0])

    assert (course.count, course.broken, course.first, course.last) == (3, 2, 1.0, 1.0)


def test_too_few_values_have_no_trend():
    assert trend([1.0, 2.0]) is None
    assert trend([math.nan] * 50) is None
    assert trend([1.0] * 5, fewest=6) is None


def test_single_outliers_move_no_level():
    values = [1.0] * 100
    values[3] = values[97] = 1e6

    course = trend(values)

    assert (course.first, course.last, course.lowest) == (1.0, 1.0, 1.0)


def test_of_a_resumed_run_the_later_attempt_counts():
    series = series_of([3.0, 2.0, 9.0, 9.5, 1.5, 1.0], [0, 1, 2, 3, 2, 3])

    assert values_of(dataclasses.replace(series, restarts=(2,))) == [3.0, 2.0, 1.5, 1.0]
    assert values_of(series) == list(series.values)


def test_a_series_at_zero_has_a_share_of_zero():
    course = trend([0.0] * 20)

    assert (course.share, course.sigmas) == (0.0, 0.0)
