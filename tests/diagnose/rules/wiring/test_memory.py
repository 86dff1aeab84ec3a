"""Memory that grows with every step."""

import dataclasses
from array import array

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.wiring.memory import memory_leak
from reportgen.testing.run import series_of
from tests.diagnose.altered import passed, the_one, with_measure
from tests.healthy import healthy

STEPS = list(range(50, 1050, 50))
MEGABYTE = 1e6


def alive(*values):
    return with_measure(healthy(), "live_graphs", {"Net": values}, STEPS[: len(values)])


def taken(values, name="resident"):
    run = with_measure(healthy(), "memory", {name: values}, STEPS[: len(values)])
    series = run.measures["memory"][name]
    # Two epochs of 500 steps.
    epochs = type(series.epochs)("d", [float(step // 500) for step in series.steps])
    return dataclasses.replace(
        run, measures={**run.measures, "memory": {name: dataclasses.replace(series, epochs=epochs)}}
    )


def test_graphs_that_become_more_are_a_leak():
    finding = the_one(memory_leak(alive(18.0, 68.0, 118.0, 168.0, 218.0, 224.0, 224.0)))

    assert (finding.id, finding.tier, finding.severity) == ("memory_leak", "fact", "warning")
    assert finding.title == "Graphs of past steps are kept alive: 224 outputs of Net by step 350"
    assert finding.code == "- total_loss += loss\n+ total_loss += loss.item()"
    assert finding.where.model == "Net"


@pytest.mark.parametrize(
    "values",
    [(18.0, 28.0), (18.0,), (18.0, 68.0, 0.0, 18.0, 68.0), (64.0,) * 5, (0.0, 10.0, 20.0, 30.0)],
)
def test_graphs_that_go_again_or_stay_few_are_none(values):
    assert passed(memory_leak(alive(*values)))


@pytest.mark.parametrize("values", [(18.0, 68.0), (18.0, 68.0, 118.0, 168.0, 0.0)])
def test_what_grew_before_the_end_of_the_run_is_a_leak(values):
    assert the_one(memory_leak(alive(*values))).value == f"{max(values):g} outputs"


def test_seventy_five_steps_are_enough():
    first_pass, *looks = [
        dataclasses.replace(series_of(list(values), steps), epochs=array("d", epochs))
        for values, steps, epochs in [
            ((18.0, 0.0), [50, 75], [0.0, 0.0]),
            ((18.0, 43.0), [50, 75], [0.0, 0.0]),
            ((18.0, 0.0), [50, 75], [3.0, 5.0]),
        ]
    ]

    def holding(series):
        return dataclasses.replace(healthy(), measures={**healthy().measures, "live_graphs": {"Net": series}})

    assert passed(memory_leak(holding(first_pass)))  # a list of one pass over the data
    for series in looks:
        assert the_one(memory_leak(holding(series))).where.model == "Net"


def test_memory_that_rises_in_a_straight_line_after_the_first_epoch_is_a_leak():
    values = [800 * MEGABYTE + 10 * MEGABYTE * k for k in range(20)]

    finding = the_one(memory_leak(taken(values)))

    assert (finding.tier, finding.severity) == ("statistics", "warning")
    assert finding.title == "Memory of the process rises in a straight line: by 100\u00a0MB in 500 steps"
    assert "200\u00a0kB a step" in finding.why


@pytest.mark.parametrize(
    ("steps", "often"),
    [
        ([50, 100, 150, 170], "one every 50 optimizer steps."),  # the last at the end of the run
        ([1550, 1600, 1700, 1800], "one every 50 optimizer steps, and later fewer."),
    ],
)
def test_how_often_graphs_were_looked_at_is_told_under_their_chart(steps, often):
    run = with_measure(healthy(), "live_graphs", {"Net": (10.0, 60.0, 110.0, 130.0)}, steps)

    assert the_one(memory_leak(run)).evidence.caption == f"At 4 looks, {often}"


def test_within_the_first_epoch_rising_memory_is_a_remark():
    values = [800 * MEGABYTE + 10 * MEGABYTE * k for k in range(20)]
    run = with_measure(healthy(), "memory", {"resident": values}, STEPS)
    series = run.measures["memory"]["resident"]
    epochs = type(series.epochs)("d", [0.0] * len(series))
    run = dataclasses.replace(
        run, measures={**run.measures, "memory": {"resident": dataclasses.replace(series, epochs=epochs)}}
    )

    finding = the_one(memory_leak(run))

    assert (finding.tier, finding.severity) == ("statistics", "info")
    assert "after the first epoch" not in finding.why
    assert "from step 300 on" in finding.why
    assert "No second epoch was seen" in finding.why


@pytest.mark.parametrize(
    "values",
    [
        [800 * MEGABYTE + 3 * MEGABYTE * k for k in range(20)],  # 30 MB in all
        [8000 * MEGABYTE + 20 * MEGABYTE * k for k in range(20)],  # 2.5 %
        [800 * MEGABYTE + 100 * MEGABYTE * min(k, 13) for k in range(20)],  # a cache that is full
        [800 * MEGABYTE + 300 * MEGABYTE * (k % 2) for k in range(20)],
        [800 * MEGABYTE + 40 * MEGABYTE * k for k in range(9)],  # the first epoch only
    ],
)
def test_other_courses_pass(values):
    assert passed(memory_leak(taken(values)))


def test_a_run_without_looks_at_memory_is_not_judged():
    run = with_measure(with_measure(healthy(), "memory", {}), "live_graphs", {})

    assert isinstance(memory_leak(run), Unchecked)
    assert passed(memory_leak(healthy()))
