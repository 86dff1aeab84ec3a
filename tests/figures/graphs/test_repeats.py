import random

import pytest

from reportgen.figures.graphs.repeats import LONGEST_UNIT, Run, runs


def found(row, weights=None):
    return [tuple(run) for run in runs(row, weights or [1] * len(row))]


def test_what_repeats_is_one_run():
    assert found([7, 7, 7, 7, 7]) == [(0, 1, 5)]


def test_a_unit_of_several_that_repeats_is_one_run():
    assert found([1, 2] * 50) == [(0, 2, 50)]
    assert found([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 8]) == [(0, 1, 1), (1, 3, 3), (10, 1, 1)]


def test_an_extra_one_before_a_run_does_not_break_it():
    assert found([1, 1, 2, 1, 2, 1, 2]) == [(0, 1, 1), (1, 2, 3)]


def test_the_shortest_unit_is_taken():
    assert found([1, 2, 1, 2, 1, 2, 1, 2]) == [(0, 2, 4)]


def test_what_hides_little_stays_apart():
    assert found([1, 1, 1]) == [(0, 1, 1), (1, 1, 1), (2, 1, 1)]
    assert found([1, 2, 1, 2]) == [(k, 1, 1) for k in range(4)]
    assert found([1, 1], [8, 8]) == [(0, 1, 2)]


def test_a_unit_longer_than_the_limit_is_not_looked_for():
    row = list(range(LONGEST_UNIT + 1)) * 2
    assert len(found(row)) == len(row)
    assert found(list(range(LONGEST_UNIT)) * 2) == [(0, LONGEST_UNIT, 2)]


@pytest.mark.parametrize("seed", range(20))
def test_runs_cover_the_row_and_each_is_a_repetition(seed):
    chance = random.Random(seed)
    row = [chance.randrange(3) for _ in range(200)]
    at = 0
    for run in runs(row, [1] * len(row)):
        assert isinstance(run, Run)
        assert run.start == at
        unit = row[at : at + run.period]
        at += run.period * run.times
        assert row[run.start : at] == unit * run.times
    assert at == len(row)
    assert runs([], []) == []
