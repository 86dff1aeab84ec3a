from __future__ import annotations

from reportgen.collect import work as module
from reportgen.collect.schedule import BURST, DENSE, DENSE_MEASURES, START_FREE, WINDOW, Schedule
from reportgen.collect.work import Work
from tests.collect.memory import Memory


def test_short_runs_are_seen_enough_and_long_ones_not_too_often():
    schedule = Schedule()
    steps = [step for step in range(1_000_000) if schedule.snapshot(step)]
    assert steps[:DENSE] == list(range(DENSE))
    assert sum(step < 100 for step in steps) >= 10
    assert 30 <= len(steps) <= 52
    assert all(schedule.any(step) for step in steps)


def test_the_cheap_is_taken_at_every_early_step_and_then_in_bursts():
    schedule = Schedule()
    assert all(schedule.measures(step) for step in range(DENSE_MEASURES))
    assert all(schedule.measures(step) for step in range(1024, 1024 + BURST))
    assert not schedule.measures(1024 + BURST)


def test_the_dearest_is_rarer():
    schedule = Schedule()
    late = range(DENSE_MEASURES + 1, 100_000)
    activations = [step for step in late if schedule.activations(step)]
    snapshots = [step for step in late if schedule.snapshot(step)]
    assert set(activations) < set(snapshots)
    assert len(activations) <= len(snapshots) // 2 + 1


def test_it_depends_on_nothing_but_the_step():
    one, other = Schedule(), Schedule()
    forwards = [one.snapshot(step) for step in range(500)]
    assert forwards == [other.snapshot(step) for step in reversed(range(500))][::-1]


def test_too_high_a_cost_doubles_the_distances():
    schedule = Schedule()
    before = [step for step in range(20_000) if schedule.snapshot(step)]
    assert not schedule.review(100, seconds=4.0, elapsed=100.0, steps=68)
    assert not schedule.review(100, seconds=0.0005, elapsed=0.005, steps=68)  # 7 us a step are free
    assert schedule.review(100, seconds=6.0, elapsed=100.0, steps=68)
    after = [step for step in range(20_000) if schedule.snapshot(step)]
    assert set(after) < set(before)
    assert [s for s in after if s < DENSE_MEASURES] == [s for s in before if s < DENSE_MEASURES]
    late = [s for s in before if s >= DENSE_MEASURES]
    assert abs(len([s for s in after if s >= DENSE_MEASURES]) - len(late) / 2) <= 1


def test_a_burst_alone_says_nothing_of_the_cost():
    schedule = Schedule()
    assert not schedule.review(33, seconds=0.9, elapsed=1.0, steps=WINDOW - 1)
    assert schedule.review(33 + WINDOW, seconds=0.9, elapsed=1.0, steps=WINDOW)
    assert (schedule.thinning, schedule.stretch) == (1, 2)


def test_a_dense_start_that_costs_as_much_as_the_run_is_thinned():
    schedule = Schedule()
    assert not schedule.review(5, seconds=START_FREE * 0.9, elapsed=START_FREE, steps=5)  # too short to matter
    assert not schedule.review(5, seconds=1.0, elapsed=3.0, steps=5)
    assert schedule.review(5, seconds=2.0, elapsed=3.0, steps=5)
    snapshots = [step for step in range(DENSE_MEASURES) if schedule.snapshot(step)]
    assert snapshots == [0, 2, 4, 6, 8, 14, 24]
    assert [step for step in range(DENSE_MEASURES) if schedule.activations(step)] == snapshots
    assert [step for step in range(DENSE_MEASURES) if schedule.measures(step)] == list(range(0, DENSE_MEASURES, 2))
    untouched = Schedule()
    late = range(DENSE_MEASURES, 5000)
    assert [s for s in late if schedule.measures(s)] == [s for s in late if untouched.measures(s)]


def test_the_cost_is_reviewed_before_a_step_and_apart_for_the_start_and_the_rest(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    work = Work(Memory())

    def run(steps, seconds, each):
        for step in steps:
            now[0] += each
            if work.schedule.any(step):
                work.review(step)
                if work.schedule.any(step):
                    with work.part("look"):
                        now[0] += seconds
            yield step

    list(run(range(DENSE_MEASURES), 0.4, 0.006))
    assert work.schedule.thinning >= 4  # some looks of 66 steps each, and not all 32
    assert now[0] < DENSE_MEASURES * 0.2
    assert work.schedule.stretch == 1
    list(run(range(DENSE_MEASURES, 1000), 0.0001, 0.006))
    assert work.schedule.stretch == 1  # what the start cost is not held against the rest
    list(run(range(1000, 3000), 0.4, 0.006))
    assert work.schedule.stretch > 1
