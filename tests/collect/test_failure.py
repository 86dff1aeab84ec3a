"""The record of an exception names lines and modules, and no value and no place of the machine."""

import sys
from pathlib import Path

import torch

from reportgen.collect.failure import MOST_FRAMES, chain, failure_of, place
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.graph import TensorSpec
from reportgen.run.records import Failure, Frame
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


def test_shapes_of_what_a_line_of_the_users_names_are_told_and_no_number():
    def broken():
        left, right, scale = torch.full((2, 3), 12345.0), {"a": torch.ones(4)}, 67890
        keep = torch.ones(1)
        return keep, (left
                      + right["a"] * scale)  # fmt: skip

    failure = failure_of(caught(broken), Stamp(step=0))
    tensors = failure.frames[-1].tensors
    assert TensorSpec((2, 3), "float32", "left") in tensors
    assert "12345" not in repr(failure.frames)
    assert "67890" not in repr(failure.frames)
    assert all(not frame.tensors for frame in failure.frames if not frame.own)
    if sys.version_info >= (3, 11):  # which tells where an expression begins and ends
        assert tensors == (TensorSpec((2, 3), "float32", "left"), TensorSpec((4,), "float32", "right.a"))


def test_what_is_typed_at_a_prompt_is_the_users_own():
    for name in ("<stdin>", "<ipython-input-3-abc>", "<python-input-0>", "<console>"):
        assert place(name) == (name, True)
    assert place("<frozen importlib._bootstrap>") == ("<frozen importlib._bootstrap>", False)


def test_what_it_came_of_is_kept_nearest_first_and_once():
    def broken():
        try:
            try:
                raise KeyError("first")
            except KeyError as error:
                raise OSError("second") from error
        except OSError:
            raise ValueError("third")  # noqa: B904

    error = caught(broken)
    failure = failure_of(error, Stamp(step=0))
    assert [(cause.type, cause.how) for cause in failure.causes] == [("OSError", "context"), ("KeyError", "cause")]
    assert [type(one) for one in chain(error)] == [ValueError, OSError, KeyError]
    knot = ValueError("a")
    knot.__cause__ = OSError("b")
    knot.__cause__.__cause__ = knot
    assert [cause.type for cause in failure_of(knot, Stamp(step=0)).causes] == ["OSError"]


def test_a_traceback_inside_of_a_message_becomes_frames_without_places_of_the_machine(tmp_path):
    file = tmp_path / "data.py"
    text = (
        "Caught FileNotFoundError in DataLoader worker process 3.\nOriginal Traceback (most recent call last):\n"
        f'  File "{file}", line 7, in __getitem__\n    return open(path)\n           ^^^^^^^^^^\n'
        f'  File "{file}", line 9, in missing_source\n'
        "FileNotFoundError: [Errno 2] No such file: 'a.png'\n"
    )
    failure = failure_of(FileNotFoundError(text), Stamp(step=0))
    assert failure.message == "Caught FileNotFoundError in DataLoader worker process 3."
    (cause,) = failure.causes
    assert (cause.type, cause.message) == ("FileNotFoundError", "[Errno 2] No such file: 'a.png'")
    assert cause.frames == (
        Frame("data.py", 7, "__getitem__", "return open(path)"),
        Frame("data.py", 9, "missing_source"),
    )
    assert from_plain(Failure, to_plain(failure)) == failure
