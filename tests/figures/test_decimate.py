import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.figures.decimate import stretches, thinned

NAN = math.nan


def test_lines_end_at_what_is_no_finite_number_and_at_breaks():
    assert stretches([1, 2, NAN, 3, math.inf, NAN, 4]) == [[0, 1], [3], [6]]
    assert stretches([1, 2, 3, 4], breaks=(2,)) == [[0, 1], [2, 3]]
    assert stretches([NAN, NAN]) == stretches([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(5, 60), st.sampled_from([1.0, 2.5]))
def test_first_last_and_extremes_stay(values, width, bucket):
    points = [(at * width / len(values), value) for at, value in enumerate(values)]
    kept = thinned(points, width, bucket)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert min(y for _, y in kept) == min(values)
    assert max(y for _, y in kept) == max(values)
    assert len(kept) <= max(2 * width / bucket + 4, 2 * (width / bucket + 1) + 2)
    places = iter(points)
    assert all(point in places for point in kept)  # in their order


def test_a_spike_of_one_point_in_a_million_stays():
    chance = random.Random(0)
    points = [(at / 2500, chance.gauss(0, 1)) for at in range(200_000)]
    points[123_456] = (points[123_456][0], 99.0)
    kept = thinned(points, 80)
    assert (points[123_456][0], 99.0) in kept
    assert len(kept) < 200
