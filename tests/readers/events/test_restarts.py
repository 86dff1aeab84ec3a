import pytest
from torch.utils.tensorboard import SummaryWriter

from reportgen import load
from tests.readers.events.writing import points, scalar, session, version, write


def reading(run, where):
    return [note.what for note in run.notes if note.where == where]


def test_a_writer_with_purge_step_drops_what_was_at_or_after_it_and_a_note_says_so(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in range(8):
            writer.add_scalar("loss", step, step, walltime=100 + step)
            writer.add_text("said", "first", step, walltime=100 + step)
    with SummaryWriter(tmp_path, purge_step=5, filename_suffix=".second") as writer:
        for step in range(5, 8):
            writer.add_scalar("loss", 10 + step, step, walltime=200 + step)
    run = load(tmp_path)
    assert points(run, "loss") == [*((step, float(step)) for step in range(5)), (5, 15.0), (6, 16.0), (7, 17.0)]
    assert run.scalars["loss"].restarts == (5,)
    assert [text.stamp.step for text in run.texts] == [0, 1, 2, 3, 4]
    assert reading(run, "purge") == ["6 records at or after step 5 were dropped, as a later writer asked (purge_step)"]
    assert [attempt.resumed_from for attempt in run.meta.attempts] == [None, 5]


def test_steps_that_begin_anew_in_one_file_are_a_restart_and_nothing_is_dropped(tmp_path):
    steps = [*range(10), *range(5), *range(5)]
    write(tmp_path, version(), *(scalar("loss", at, step) for at, step in enumerate(steps)))
    series = load(tmp_path).scalars["loss"]
    assert list(series.steps) == steps
    assert list(series.values) == [float(at) for at in range(20)]
    assert series.restarts == (0, 0)


def test_the_same_step_twice_is_no_restart(tmp_path):
    write(tmp_path, version(), *(scalar("loss", at, at // 2) for at in range(8)))
    assert load(tmp_path).scalars["loss"].restarts == ()


def test_steps_in_no_order_are_no_restarts(tmp_path):
    steps = [5, 3, 8, 1, 9, 2, 7, 0]
    write(tmp_path, version(), *(scalar("loss", at, step) for at, step in enumerate(steps)))
    series = load(tmp_path).scalars["loss"]
    assert list(series.steps) == steps
    assert series.restarts == ()


def test_several_files_are_read_in_the_order_of_their_names_and_each_is_an_attempt(tmp_path):
    for number, (first, last) in enumerate([(0, 3), (0, 3), (3, 5)]):
        payloads = [scalar("loss", 10 * number + step, step, 1000 * number + 100 + step) for step in range(first, last)]
        write(tmp_path, version(1000.0 * number + 99), *payloads, name=f"events.out.tfevents.170000000{number}.host")
    run = load(tmp_path)
    assert [value for _, value in points(run, "loss")] == [0, 1, 2, 10, 11, 12, 23, 24]
    assert run.scalars["loss"].restarts == (0, 3)
    assert [(one.number, one.started, one.ended, one.resumed_from) for one in run.meta.attempts] == [
        (0, 99.0, 102.0, None),
        (1, 1099.0, 1102.0, 0),
        (2, 2099.0, 2104.0, 3),
    ]
    assert (run.meta.started, run.meta.last_record) == (99.0, 2104.0)


def test_files_without_anything_logged_are_no_attempts(tmp_path):
    write(tmp_path, version(1.0), name="events.out.tfevents.1")
    write(tmp_path, version(5.0), scalar("loss", 1, 1), name="events.out.tfevents.2")
    write(tmp_path, name="events.out.tfevents.3")
    run = load(tmp_path)
    assert len(run.meta.attempts) == 1
    assert run.scalars["loss"].restarts == ()


def test_writers_side_by_side_are_no_attempts_and_their_tags_no_restarts(tmp_path):
    write(tmp_path, version(1), *(scalar("a", at, at, 10.0 + at) for at in range(5)), name="events.out.tfevents.1.x")
    write(tmp_path, version(2), *(scalar("b", at, at, 10.5 + at) for at in range(5)), name="events.out.tfevents.1.y")
    run = load(tmp_path)
    assert run.meta.attempts == ()
    assert [series.restarts for series in run.scalars.values()] == [(), ()]


def test_a_session_that_begins_inside_of_a_file_is_an_attempt_of_its_own(tmp_path):
    before = [scalar("loss", at, at, 10.0 + at) for at in range(5)]
    after = [scalar("loss", 100 + at, at, 20.0 + at) for at in range(3, 6)]
    write(tmp_path, version(), *before, session(3, 19.0), *after)
    run = load(tmp_path)
    assert points(run, "loss") == [(0, 0), (1, 1), (2, 2), (3, 103), (4, 104), (5, 105)]
    assert run.scalars["loss"].restarts == (3,)
    assert [one.resumed_from for one in run.meta.attempts] == [None, 3]


def test_the_end_of_a_session_purges_nothing(tmp_path):
    write(tmp_path, version(), scalar("loss", 1, 1), session(0, status=2), scalar("loss", 2, 2))
    assert len(load(tmp_path).scalars["loss"]) == 2


@pytest.mark.parametrize("step", [0, 2])
def test_what_is_purged_away_wholly_is_gone(tmp_path, step):
    write(tmp_path, version(), scalar("old", 1, 2), scalar("loss", 1, 2), session(step), scalar("loss", 5, 2))
    run = load(tmp_path)
    assert list(run.scalars) == ["loss"]
    assert points(run, "loss") == [(2, 5.0)]
