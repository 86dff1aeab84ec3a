"""Some of the set-ups, trained and judged: that training, collecting, reading and judging go together.

All of them, with more seeds and beside published thresholds, are a benchmark: tests/benchmarks/bench_faults.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.diagnose import RULES
from tests.faults.judged import judged
from tests.faults.scoring import firings, is_hit
from tests.faults.setup import setups

FAULTY = (
    "batch_norm_off_after_first_validation",
    "dropout_stays_on_in_validation",
    "gradients_add_up_in_adam",
    "rows_of_zero_length",
    "table_with_missing_values",
    "adam_cnn_with_a_large_rate",
    "biases_far_below_zero",
    "column_against_row_in_criterion",
    "mlp_probabilities_to_criterion",
)
HEALTHY = ("linear_warm_up", "digits_with_dropout", "rare_class_weighted", "double_precision")


@pytest.fixture(scope="module")
def found():
    known = setups()
    chosen = [known[name] for name in (*FAULTY, *HEALTHY)]
    return {one.setup.name: one for one in judged([(setup, 0) for setup in chosen], processes=1)}


@pytest.mark.parametrize("name", FAULTY)
def test_the_cause_is_named_and_nothing_else(found, name):
    one = found[name]

    assert not one.crashed
    assert is_hit(one), one.fired
    assert set(firings(one)) <= {*one.setup.expected, *one.setup.also}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_left_in_peace(found, name):
    one = found[name]

    assert not one.crashed
    assert not one.poor
    assert firings(one) == []


def test_every_problem_of_the_list_has_a_rule():
    problems = (Path(__file__).parent / "ids.txt").read_text().split()

    assert [problem for problem in problems if not any(rule.gives(problem) for rule in RULES)] == []


def test_set_ups_expect_problems_of_the_list():
    problems = set((Path(__file__).parent / "ids.txt").read_text().split())

    for part in ("known", "blind"):
        found = setups(part).values()
        assert sum(setup.healthy for setup in found) >= (25 if part == "known" else 15)
        assert sum(not setup.healthy for setup in found) >= (40 if part == "known" else 20)
        for setup in found:
            assert problems.issuperset(setup.expected), setup.name
