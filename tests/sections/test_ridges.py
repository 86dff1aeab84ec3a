"""Distributions as ridgelines: mass, axes, captions."""

import dataclasses
import math
from array import array

import numpy as np
import pytest

from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.run.thin_distributions import thin_distribution_series
from reportgen.sections.rebin import Scale, magnitude_quantiles, spread, value_quantiles
from reportgen.sections.ridges import in_words, linear_scale, linear_ticks, log_ticks, outline, ridgeline
from reportgen.testing.run import distribution_of


def series(kind: str, *values: np.ndarray) -> DistributionSeries:
    steps = array("q", [10 * k for k in range(len(values))])
    return DistributionSeries(kind, "fc1.weight", steps, steps, tuple(map(distribution_of, values)), len(values))


def normal(spread: float, size: int = 5000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, spread, size)


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_that_holds_everything_keeps_all_mass(log):
    values = normal(0.1)
    values[:100] = 0.0
    distribution = distribution_of(values)
    scale = Scale(-8, 1, 32, log=True) if log else Scale(-1, 1, 31)

    heights = spread(distribution, scale)

    assert sum(heights) == pytest.approx(distribution.count - (100 if log else 0))
    assert min(heights) >= 0


@pytest.mark.parametrize("seed", range(3))
def test_the_mass_inside_the_axis_is_what_lies_there(seed):
    """Cut at bin edges, where the stored counts are exact."""
    values = normal(0.3, seed=seed).astype(np.float32)
    heights = spread(distribution_of(values), Scale(-0.25, 0.5, 24))

    # Stored bins are half open away from zero.
    inside = ((values > -0.25) & (values < 0.5)).sum()
    assert sum(heights) == pytest.approx(inside, abs=1e-6)


def test_heights_follow_a_histogram_of_the_numbers_themselves():
    values = normal(0.1, 200_000).astype(np.float32)
    scale = Scale(-0.4, 0.4, 32)
    heights = np.array(spread(distribution_of(values), scale))
    truth, _ = np.histogram(values, bins=32, range=(-0.4, 0.4))

    # Moved by at most the width of a stored bin: under 4 % of all numbers stand in another bin.
    assert np.abs(heights - truth).sum() / 2 < 0.04 * len(values)


def test_all_zeros_stand_in_the_middle():
    heights = spread(distribution_of(np.zeros(7)), Scale(-1, 1, 31))

    assert heights[15] == 7
    assert sum(heights) == 7


def test_a_value_at_the_upper_end_is_inside():
    heights = spread(distribution_of(np.full(5, 2.0)), Scale(0, 2, 4))

    assert heights == [0, 0, 0, 5]


def test_quantiles_agree_with_those_of_the_numbers():
    values = normal(0.1, 20_000).astype(np.float32)
    found = value_quantiles([distribution_of(values)], (0.005, 0.5, 0.995))
    magnitudes = magnitude_quantiles([distribution_of(values)], (0.1, 0.9))

    assert found == pytest.approx(np.quantile(values, (0.005, 0.5, 0.995)), rel=0.1, abs=2e-3)
    assert magnitudes == pytest.approx(np.quantile(np.abs(values), (0.1, 0.9)), rel=0.1)


def test_weights_of_both_signs_have_a_symmetric_axis_that_outliers_do_not_widen():
    values = normal(0.1)
    values[0] = 50.0

    scale = linear_scale([distribution_of(values)], symmetric=True)

    assert scale.low == -scale.high
    assert 0.2 < scale.high < 0.4
    assert scale.bins % 2


def test_weights_of_one_sign_have_their_own_range():
    scale = linear_scale([distribution_of(1.5 + normal(0.4))], symmetric=True)

    assert 0 <= scale.low < scale.high < 3


@pytest.mark.parametrize("values", [np.ones(10), -np.ones(10), 1 + normal(0.02)])
def test_what_lies_within_an_octave_has_no_shape_that_the_bins_could_show(values):
    assert ridgeline(series("weight", values)) is None


def test_nothing_but_zeros_stands_in_the_middle():
    drawn = ridgeline(series("weight", np.zeros(10)))

    assert drawn.ridges[0].heights.index(1.0) == len(drawn.ridges[0].heights) // 2


def test_a_distribution_in_words():
    assert in_words(distribution_of(1 + normal(0.02))) == "1 ± 0.02"
    assert in_words(distribution_of(1 + normal(0.001))) == "about 1"
    assert in_words(distribution_of(np.full(5, 0.25))) == "0.25"


def test_ridges_share_axis_and_scale_and_the_highest_is_one():
    drawn = ridgeline(series("weight", normal(0.05), normal(0.1)))
    first, last = drawn.ridges

    assert [ridge.step for ridge in drawn.ridges] == [0, 10]
    assert len(first.heights) == len(last.heights)
    assert max(first.heights) == 1.0
    assert 0.4 < max(last.heights) < 0.65  # half as high where twice as wide
    assert sum(first.heights) == pytest.approx(sum(last.heights), rel=0.05)


def test_snapshots_of_different_sizes_compare_by_share():
    drawn = ridgeline(series("weight", normal(0.1, 1000), normal(0.1, 4000)))

    assert max(drawn.ridges[1].heights) == pytest.approx(1.0, abs=0.25)


def test_gradients_stand_on_a_logarithmic_axis_and_move_as_they_shrink():
    drawn = ridgeline(series("gradient", normal(1e-2), normal(1e-5)))
    middle = [np.average(np.arange(len(r.heights)), weights=r.heights) for r in drawn.ridges]

    assert "axis: magnitude, logarithmic" in drawn.caption
    assert middle[0] > middle[1] + 8
    assert all(text.startswith("1e") for _, text in drawn.ticks)


def test_zeros_of_a_relu_are_told_and_not_drawn():
    values = np.maximum(normal(1.0), 0)
    drawn = ridgeline(series("activation", values, values))

    assert drawn.ridges[0].heights[0] < 1.01
    assert max(drawn.ridges[0].heights[1:]) > 0.8
    zeros = f"{(values == 0).mean() * 100:.1f}\u00a0% exactly 0 at the end, not drawn"
    assert zeros in drawn.caption


def test_at_most_eight_ridges_with_the_first_and_the_last():
    drawn = ridgeline(series("weight", *(normal(0.1, 50, k) for k in range(50))))

    assert len(drawn.ridges) == 8
    assert (drawn.ridges[0].step, drawn.ridges[-1].step) == (0, 490)


def test_a_thinned_series_is_drawn_the_same_as_itself_and_nearly_as_before():
    whole = series("weight", *(normal(0.1 + 0.01 * k, 20_000, k) for k in range(8)))
    thinned = thin_distribution_series(whole, 8)
    before, after = ridgeline(whole), ridgeline(thinned)

    for ridge, other in zip(before.ridges, after.ridges, strict=True):
        assert np.abs(np.array(ridge.heights) - np.array(other.heights)).sum() < 0.15 * sum(ridge.heights)


def test_what_is_not_finite_is_told():
    values = normal(0.1, 100)
    values[:10] = math.nan
    drawn = ridgeline(series("weight", normal(0.1, 100), values))

    assert "10.0\u00a0% not finite at the end" in drawn.caption


@pytest.mark.parametrize(
    "snapshot",
    [Distribution(0), distribution_of(np.full(3, math.nan)), distribution_of(np.zeros(0))],
)
def test_without_a_finite_number_there_is_no_picture(snapshot):
    empty = dataclasses.replace(series("weight", normal(1.0)), snapshots=(snapshot,))

    assert ridgeline(empty) is None


def test_gradients_of_nothing_but_zeros_have_no_picture():
    assert ridgeline(series("gradient", np.zeros(5))) is None


def test_ticks_are_round_numbers_inside_the_axis():
    assert linear_ticks(Scale(-0.3, 0.3, 31)) == ((0.1667, "−0.2"), (0.5, "0"), (0.8333, "0.2"))
    assert [text for _, text in log_ticks(Scale(-6.5, -1.5, 32, log=True))] == ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2"]
    assert len(log_ticks(Scale(-30, 2, 32, log=True))) <= 6


def test_the_outline_of_a_cell_says_its_mean_and_spread():
    cell = outline(distribution_of(normal(0.1)), Scale(-0.3, 0.3, 31))

    assert max(cell.heights) == 1
    assert (cell.low, cell.high) == (-0.3, 0.3)
    assert "standard deviation 0.1" in cell.label
