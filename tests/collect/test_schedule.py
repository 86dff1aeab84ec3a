from __future__ import annotations

from reportgen.collect.schedule import BURST, DENSE, DENSE_MEASURES, Schedule


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
    assert not schedule.review(100, seconds=0.001, elapsed=0.01, steps=68)  # 15 us a step are free
    assert schedule.review(100, seconds=6.0, elapsed=100.0, steps=68)
    after = [step for step in range(20_000) if schedule.snapshot(step)]
    assert set(after) < set(before)
    assert [s for s in after if s < DENSE_MEASURES] == [s for s in before if s < DENSE_MEASURES]
    late = [s for s in before if s >= DENSE_MEASURES]
    assert abs(len([s for s in after if s >= DENSE_MEASURES]) - len(late) / 2) <= 1
