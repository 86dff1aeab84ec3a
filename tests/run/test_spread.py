from __future__ import annotations

import bisect
import math
import random

import pytest

from reportgen.run.distribution import Distribution, bin_of
from reportgen.run.spread import spread, spread_buckets

INF, NAN = math.inf, math.nan


def sums(found: Distribution) -> tuple[int, int]:
    return sum(found.counts), found.finite


def test_counts_stay_whole_and_their_sum_is_kept_for_any_buckets():
    draw = random.Random(7)
    for _ in range(200):
        edges = sorted(draw.choice((draw.gauss(0, 1), draw.gauss(0, 1e-6), draw.gauss(0, 1e9))) for _ in range(30))
        counts = [draw.randrange(50) for _ in range(29)]
        found = spread(edges, counts)
        assert sums(found) == (sum(counts), sum(counts))
        assert list(found.bins) == sorted(set(found.bins))
        assert min(found.counts) > 0


def test_values_within_a_bucket_are_evenly_spread():
    found = spread([0.0, 1.0], [100_000])
    shares = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9]
    assert found.quantiles(shares) == pytest.approx(shares, rel=0.001)
    assert (found.minimum, found.maximum, found.total) == (0.0, 1.0, 50_000.0)


def test_a_single_value_lies_in_the_middle_of_its_bucket_on_both_sides_of_zero():
    assert list(spread([0.0, 1.0], [1]).bins) == [bin_of(0.5)]
    assert list(spread([-1.0, 0.0], [1]).bins) in ([-bin_of(0.5)], [-bin_of(0.4999)])
    assert not spread([-1.0, 0.0], [1]).zeros


def test_a_bucket_over_zero_goes_to_both_sides():
    found = spread([-1.0, 1.0], [1000])
    negative = sum(count for index, count in zip(found.bins, found.counts, strict=True) if index < 0)
    assert negative == pytest.approx(500, abs=1)
    assert found.quantiles([0.25, 0.75]) == pytest.approx([-0.5, 0.5], rel=0.1)


def test_as_many_edges_as_counts_are_right_edges_and_the_first_bucket_begins_at_the_minimum():
    found = spread([1.0, 2.0, 4.0], [3, 4, 5], minimum=0.5, maximum=3.5)
    assert (found.minimum, found.maximum, found.count) == (0.5, 3.5, 12)
    assert bin_of(0.5) <= found.bins[0] < bin_of(0.75)
    assert found.bins[-1] <= bin_of(3.5)
    assert list(spread([1.0, 2.0], [3, 0]).bins) == [bin_of(1.0)]


def test_the_known_range_narrows_the_outermost_buckets_and_one_that_contradicts_is_not_heeded():
    wide = spread([-1.7976931348623157e308, 1.7976931348623157e308], [1000], minimum=-2.0, maximum=3.0)
    assert (wide.bins[0], wide.bins[-1]) == (bin_of(-1.999), bin_of(2.999))
    odd = spread([0.0, 1.0], [10], minimum=5.0, maximum=6.0)
    assert (odd.minimum, odd.maximum) == (5.0, 6.0)
    assert max(odd.bins) <= bin_of(1.0)


def test_infinite_edges_hold_their_values_at_the_edge_that_is_known():
    found = spread([-INF, -2.0, 3.0, INF], [4, 0, 6])
    assert list(zip(found.bins, found.counts, strict=True)) == [(bin_of(-2.0), 4), (bin_of(3.0), 6)]
    assert (found.minimum, found.maximum) == (-2.0, 3.0)
    nothing_known = spread([-INF, INF], [4])
    assert nothing_known.count == 4
    assert math.isfinite(nothing_known.minimum)
    assert math.isfinite(nothing_known.maximum)


def test_what_cannot_be_told_from_zero_is_zero():
    found = spread([-1e-12, 0.0, 1e-12, 1.1e-12], [2, 3, 4])
    assert (found.zeros, found.count) == (5, 9)
    assert found.counts[list(found.bins).index(0)] == 5
    assert spread_buckets([0.0], [0.0], [7]).zeros == 7


def test_known_sums_are_kept_and_missing_ones_estimated_from_the_middles():
    given = spread([0.0, 1.0], [10], total=7.5, squares=6.25, count=10)
    assert (given.total, given.squares) == (7.5, 6.25)
    estimated = spread([0.0, 1.0, 3.0], [2, 1])
    assert (estimated.total, estimated.squares) == (3.0, 4.5)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"minimum": NAN, "maximum": NAN, "total": NAN}, (3, 0, 0)),
        ({"minimum": 0.0, "maximum": INF, "total": INF}, (0, 3, 0)),
        ({"minimum": -INF, "maximum": 1.0, "total": -INF}, (0, 0, 3)),
        ({"minimum": -INF, "maximum": INF, "total": NAN}, (0, 2, 1)),
        ({"total": NAN}, (3, 0, 0)),
    ],
)
def test_what_is_in_no_bucket_is_not_finite_where_the_statistics_say_so(known, expected):
    found = spread([0.0, 1.0], [4], count=7, **known)
    assert (found.nans, found.positive_infinities, found.negative_infinities) == expected
    assert (found.count, found.finite, sum(found.counts)) == (7, 4, 4)
    assert math.isfinite(found.total)


@pytest.mark.parametrize(("low", "high", "place"), [(0.0, 1e25, 1e25), (-1e25, 1.0, -1e25)])
def test_what_is_in_no_bucket_and_finite_lies_at_the_end_that_reaches_further(low, high, place):
    found = spread([0.0, 1.0], [4], count=6, minimum=low, maximum=high)
    assert found.counts[list(found.bins).index(bin_of(place))] == 2
    assert (found.count, found.finite) == (6, 6)


def test_counts_that_are_no_whole_numbers_keep_their_sums_from_the_left():
    found = spread([1.0, 2.0, 4.0, 8.0], [0.6, 0.6, 0.8])
    assert (found.count, sum(found.counts)) == (2, 2)


def test_buckets_that_hold_a_single_value_and_gaps_between_buckets():
    found = spread_buckets([-3.0, 2.0, 5.0], [-3.0, 2.0, 5.0], [1, 2, 3])
    assert list(zip(found.bins, found.counts, strict=True)) == [(bin_of(-3.0), 1), (bin_of(2.0), 2), (bin_of(5.0), 3)]


def test_no_bucket_at_all():
    assert spread([], []) == spread([], [], count=0)
    empty = spread([], [], count=5, minimum=NAN)
    assert (empty.count, empty.nans, len(empty.bins)) == (5, 5, 0)
    assert math.isnan(empty.minimum)
    assert spread([0.0, 1.0], [0]).count == 0


@pytest.mark.parametrize(
    ("edges", "counts"),
    [([0.0, 1.0], [1, 2, 3]), ([1.0, 0.0], [5]), ([0.0, NAN], [5]), ([0.0, 1.0], [-1]), ([0.0, 1.0], [INF])],
)
def test_what_is_no_histogram_is_refused(edges, counts):
    with pytest.raises(ValueError, match=r"edges|count|bucket"):
        spread(edges, counts)


def test_huge_and_tiny_edges_stay_in_the_bins_there_are():
    found = spread([-1e308, -1e39, 1e-46, 1e39, 1e308], [1, 2, 3, 4])
    assert sums(found) == (10, 10)
    assert (found.bins[0], found.bins[-1]) == (bin_of(-1e308), bin_of(1e308))


def test_the_buckets_of_torchs_writer_give_the_quantiles_of_the_values():
    draw = random.Random(3)
    values = sorted(draw.gauss(0.0, 0.02) for _ in range(20_000)) + [0.0] * 500
    edges = [sign * 1e-12 * 1.1**power for sign in (-1, 1) for power in range(774)] + [0.0]
    edges.sort()
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[bisect.bisect_right(edges, value) - 1] += 1
    known = {"minimum": min(values), "maximum": max(values), "total": sum(values), "count": float(len(values))}
    found = spread(edges, counts, **known, squares=sum(value * value for value in values))
    assert (found.count, found.zeros, found.minimum, found.maximum) == (20_500, 500, min(values), max(values))
    values.sort()
    for share in (0.05, 0.25, 0.75, 0.95):
        assert found.quantiles([share])[0] == pytest.approx(values[int(share * len(values))], rel=0.1)


def test_edges_that_come_again_are_spread_as_they_were_at_first():
    draw = random.Random(5)
    edges = sorted(draw.gauss(0, 1) for _ in range(40))
    counts = [draw.randrange(1000) for _ in range(39)]
    known = {"total": 1.0, "squares": 2.0, "minimum": edges[2], "maximum": edges[-3]}
    first = spread(edges, counts, **known)
    assert [spread(edges, counts, **known) for _ in range(3)] == [first] * 3
    other = spread(edges, counts[::-1], **known)
    assert other != first
    assert sum(other.counts) == sum(counts)
    with pytest.raises(ValueError, match="edges"):
        spread(edges[::-1], counts, **known)


@pytest.mark.parametrize("part", [slice(0, 1549), slice(600, 900), slice(774, 776)])
def test_torchs_own_edges_are_spread_as_any_others_are(part):
    positive = [1e-12]
    while positive[-1] * 1.1 < 1e20:
        positive.append(positive[-1] * 1.1)
    edges = [*(-edge for edge in reversed(positive)), 0.0, *positive][part]
    draw = random.Random(6)
    counts = [draw.choice((0, 1, 3, 10**17)) for _ in edges[1:]]
    by_plans = spread(edges, counts, total=1.0, squares=1.0)
    one_by_one = spread(edges, counts)  # without known sums each bucket is looked at
    assert (by_plans.bins, by_plans.counts, by_plans.zeros) == (one_by_one.bins, one_by_one.counts, one_by_one.zeros)
    assert (by_plans.minimum, by_plans.maximum) == (one_by_one.minimum, one_by_one.maximum)


def test_wide_buckets_that_lie_over_each_other_are_refused_before_they_take_long():
    amount = 10_000
    lefts = [-1e30 * (1 + place / amount) for place in range(amount)]
    with pytest.raises(ValueError, match="lie over each other"):
        spread_buckets(lefts, [-left for left in lefts], [10**9] * amount)
    assert spread_buckets(lefts[:8], [-left for left in lefts[:8]], [10**9] * 8).count == 8 * 10**9
