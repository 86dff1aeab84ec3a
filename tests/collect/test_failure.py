"""The record of an exception names lines and modules, and no value and no place of the machine."""

from pathlib import Path

from reportgen.collect.failure import MOST_FRAMES, failure_of, place
from reportgen.run.series import Stamp


def caught(function):
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it did not raise")


def test_it_holds_type_message_and_the_line_that_raised():
    def broken():
        secret = "local value 12345"
        raise ValueError("7 channels, expected 3" if secret else "")

    failure = failure_of(caught(broken), Stamp(step=4), "layer1.conv")
    assert failure.type == "ValueError"
    assert failure.message == "7 channels, expected 3"
    assert failure.module == "layer1.conv"
    assert failure.frames[-1].function == "broken"
    assert failure.frames[-1].code.startswith("raise ValueError(")
    assert "12345" not in repr(failure.frames)


def test_frames_of_installed_code_are_told_from_the_users_own(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text("import json\ndef go():\n    json.loads('{')\n")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(compile(script.read_text(), str(script), "exec"), namespace)
    failure = failure_of(caught(namespace["go"]), Stamp(step=0))
    own = [frame for frame in failure.frames if frame.own and frame.path == "train.py"]
    assert own[0].line == 3
    library = [frame for frame in failure.frames if not frame.own]
    assert library
    assert all(not Path(frame.path).is_absolute() for frame in failure.frames)


def test_a_path_outside_the_working_folder_is_cut_to_its_name(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert place(str(tmp_path / "elsewhere" / "model.py")) == ("model.py", True)
    assert place(str(tmp_path / "here" / "train.py")) == ("train.py", True)
    assert place("<string>") == ("<string>", False)


def test_a_recursion_keeps_its_first_and_last_frames():
    def down(n):
        return down(n + 1)

    failure = failure_of(caught(lambda: down(0)), Stamp(step=0))
    assert failure.type == "RecursionError"
    assert len(failure.frames) == MOST_FRAMES


def test_an_exception_that_cannot_be_shown_is_still_recorded():
    class OddError(Exception):
        def __str__(self):
            raise TypeError("no text")

    def broken():
        raise OddError

    failure = failure_of(caught(broken), Stamp(step=0))
    assert failure.type.endswith("OddError")
    assert "TypeError" in failure.message


def test_a_long_message_is_bounded():
    def broken():
        raise ValueError("x" * 100_000)

    assert len(failure_of(caught(broken), Stamp(step=0)).message) <= 4000
