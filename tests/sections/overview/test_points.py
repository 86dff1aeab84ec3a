import math
import random

import pytest

from reportgen.sections.overview.points import typical, typical_positions
from reportgen.testing.run import series_of


@pytest.mark.parametrize("limit", [8, 20, 160])
@pytest.mark.parametrize("odd", [0, 1, 40, 990])
def test_ends_extremes_and_the_first_that_is_not_finite_stay(limit, odd):
    chance = random.Random(odd)
    values = [chance.gauss(0, 1) for _ in range(1000)]
    for at in chance.sample(range(1000), odd):
        values[at] = math.nan
    kept = typical_positions(values, limit)
    finite = [value for value in values if math.isfinite(value)]
    assert len(kept) <= limit
    assert kept == sorted(set(kept))
    assert {0, 999} <= set(kept)
    assert {min(finite), max(finite)} <= {values[at] for at in kept}
    if odd:
        assert next(at for at, value in enumerate(values) if math.isnan(value)) in kept


def test_what_lies_between_is_typical_and_not_extreme():
    chance = random.Random(1)
    values = [5.0 + chance.gauss(0, 1) for _ in range(4000)]
    kept = typical_positions(values, 100)
    near = [at for at in kept if abs(values[at] - 5.0) < 0.7]
    assert len(near) >= len(kept) - 4


def test_a_short_series_stays_as_it_is_and_thinning_again_changes_nothing():
    series = series_of([float(k % 7) for k in range(300)])
    once = typical(series, 50, 20)
    assert (len(once), once.logged) == (50, 300)
    assert typical(once, 50, 20) is once


def test_a_series_without_a_finite_value_keeps_its_ends():
    assert typical_positions([math.nan] * 100, 8)[0] == 0
    assert typical_positions([math.nan] * 100, 8)[-1] == 99
