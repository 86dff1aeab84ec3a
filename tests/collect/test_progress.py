"""The progress bar draws on terminals, and nowhere else."""

import io

from reportgen.collect.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class BrokenTerminal(Terminal):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_it_draws_its_last_state_on_a_terminal():
    stream = Terminal()
    bar = ProgressBar("train epoch 1", 3, stream)
    for done in (1, 2, 3):
        bar.advance(done)
    bar.close()
    assert "3/3" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_it_writes_nothing_into_a_pipe():
    stream = io.StringIO()
    bar = ProgressBar("train", 2, stream)
    bar.advance(2)
    bar.close()
    assert stream.getvalue() == ""


def test_an_unknown_length_shows_the_count_alone():
    stream = Terminal()
    bar = ProgressBar("stream", None, stream)
    bar.advance(1)
    assert "stream 1" in stream.getvalue()
    assert "/None" not in stream.getvalue()


def test_a_broken_terminal_turns_it_off_and_raises_nothing():
    bar = ProgressBar("train", 2, BrokenTerminal())
    bar.advance(1)
    bar.advance(2)
    bar.close()
    assert not bar._on


def test_a_closed_stream_is_no_terminal():
    stream = Terminal()
    stream.close()
    bar = ProgressBar("train", 2, stream)
    bar.advance(1)
    bar.close()
    assert not bar._on
