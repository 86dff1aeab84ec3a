import json

from reportgen.run.resume import Reached, reached


def write(folder, attempt, *lines):
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (folder / f"events.rank-00000.attempt-{attempt:03d}.jsonl").write_text(text)


def scalars(step, opt=0, epoch=None):
    return {"k": "scalars", "step": step, "opt": opt, "epoch": epoch, "t": 1.0, "v": {"a": 1.0}}


def test_the_last_line_that_counts_says_how_far_a_run_came(tmp_path):
    write(tmp_path, 0, scalars(5, 50, 1), {**scalars(0), "k": "end"}, {**scalars(0), "k": "note"})
    assert reached(tmp_path, 1) == Reached(5, 50, 1.0)


def test_the_latest_attempt_that_recorded_anything_counts(tmp_path):
    write(tmp_path, 0, scalars(5, 50))
    write(tmp_path, 1, scalars(7, 70))
    write(tmp_path, 2, {**scalars(0), "k": "start"})
    write(tmp_path, 3, scalars(99, 99))
    assert reached(tmp_path, 3) == Reached(7, 70)
    assert reached(tmp_path, 1) == Reached(5, 50)


def test_damaged_lines_are_passed_over(tmp_path):
    write(tmp_path, 0, scalars(5, 50), scalars("6"), '{"k":"scalars"}', "[]", '{"k":"scalars","step":7,"op')
    assert reached(tmp_path, 1) == Reached(5, 50)


def test_nothing_recorded_is_nothing_reached(tmp_path):
    assert reached(tmp_path, 1) == Reached()
    write(tmp_path, 0)
    assert reached(tmp_path, 1) == Reached()
