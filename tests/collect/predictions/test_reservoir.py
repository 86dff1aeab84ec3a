from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reportgen.collect.predictions.reservoir import BLOCK, KEPT, WORST, Kept, Reservoir, chances, spread
from reportgen.collect.predictions.task import Scored, Shown

GENERATOR = np.random.default_rng(0)
LOSS = GENERATOR.random(3000)
MISTAKE = np.where(GENERATOR.random(3000) < 0.2, GENERATOR.random(3000), np.nan)


def filled(
    sizes: int, loss: np.ndarray = LOSS, mistake: np.ndarray = MISTAKE
) -> tuple[list[tuple[str, int]], list[int]]:
    """(why, index) of the kept, and how many were copied in each batch."""
    reservoir, copied = Reservoir(), []

    def keep(rows: Sequence[int], seen: int) -> list[Kept]:
        copied.append(len(rows))
        return [Kept(seen + row, Shown("", "")) for row in rows]

    for at in range(0, len(loss), sizes):
        part = slice(at, at + sizes)
        scored = Scored(loss[part], mistake[part], np.ones(len(loss[part]), bool), lambda row: Shown("", ""))
        reservoir.offer(scored, keep)
    return [(why, kept.index) for why, kept in reservoir.kept()], copied


def test_the_worst_and_the_most_confident_mistakes_are_always_kept():
    kept, _ = filled(64)
    worst = np.argsort(-LOSS)[:WORST].tolist()
    assert [index for why, index in kept if why == "worst"] == worst
    confident = [index for index in np.argsort(-np.nan_to_num(MISTAKE, nan=-1)).tolist() if index not in worst]
    assert [index for why, index in kept if why == "mistake"] == confident[:24]
    assert len({index for _, index in kept}) == KEPT


def test_what_is_kept_does_not_depend_on_the_batches():
    assert filled(1)[0] == filled(100)[0] == filled(3000)[0]


def test_few_rows_are_copied_once_the_reservoir_is_full():
    _, copied = filled(50)
    assert sum(copied) < 700
    assert sum(copied[-20:]) < 60


def test_the_random_rest_is_spread_evenly():
    shares = spread(np.arange(100_000))
    assert abs(shares.mean() - 0.5) < 0.005
    assert np.histogram(shares, 10, (0, 1))[0].min() > 9_600
    assert len(set(shares.tolist())) == 100_000
    assert abs(np.corrcoef(shares[:-1], shares[1:])[0, 1]) < 0.01


def test_the_random_generators_of_the_user_do_not_move():
    state = np.random.get_state()[1].tolist()
    filled(100)
    assert np.random.get_state()[1].tolist() == state


def test_a_set_without_mistakes_is_filled_up_with_random_samples():
    kept, _ = filled(100, LOSS, np.full(3000, np.nan))
    assert [why for why, _ in kept].count("random") == KEPT - WORST
    assert filled(100, LOSS[:20], np.full(20, np.nan))[0][-1][0] == "random"
    assert len(filled(100, LOSS[:20], np.full(20, np.nan))[0]) == 20


def test_equal_losses_keep_the_earlier_sample():
    kept, _ = filled(10, np.zeros(100), np.full(100, np.nan))
    assert [index for why, index in kept if why == "worst"] == list(range(WORST))


@pytest.mark.parametrize("sizes", [10, 64, 100, 700])
def test_what_is_wanted_of_a_batch_is_what_is_kept_of_it(sizes):
    reservoir = Reservoir()
    for at in range(0, len(LOSS), sizes):
        part = slice(at, at + sizes)
        scored = Scored(LOSS[part], MISTAKE[part], LOSS[part] < 0.9, lambda row: Shown("", ""))
        wanted, kept = reservoir.wanted(scored), []

        def keep(rows: Sequence[int], seen: int, kept: list[int] = kept) -> list[Kept]:
            kept += rows
            return [Kept(seen + row, Shown("", "")) for row in rows]

        reservoir.offer(scored, keep)
        assert wanted == kept


@pytest.mark.parametrize(("first", "count"), [(0, 1), (BLOCK - 3, 7), (5, 3 * BLOCK), (2 * BLOCK, BLOCK), (BLOCK, 0)])
def test_chances_made_in_blocks_are_those_of_each_index(first, count):
    assert chances(first, count).tolist() == spread(np.arange(first, first + count)).tolist()
