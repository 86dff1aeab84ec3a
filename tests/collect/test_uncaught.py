"""Being told of exceptions that nobody catches, beside all others who want to be told of them."""

import sys
import threading

import pytest

from reportgen.collect import uncaught


@pytest.fixture(autouse=True)
def heard(monkeypatch):
    """What the hooks that were there before are called with; they print nothing. Puts all back."""
    calls = []
    monkeypatch.setattr(uncaught, "_hooks", uncaught._Hooks())  # without reports that other tests left open
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: calls.append(error))
    monkeypatch.setattr(threading, "excepthook", lambda args: calls.append(args.exc_value))
    return calls


def end(error):
    """What the interpreter does with what nobody caught."""
    sys.excepthook(type(error), error, None)


def in_a_thread(error):
    def target():
        raise error

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()


def test_a_listener_is_told_before_and_after_it_is_printed(heard):
    order = []

    def listener(error, thread):
        order.append(("told", error, thread, len(heard)))
        return lambda: order.append(("printed", len(heard)))

    uncaught.listen(listener)
    first, second = ValueError("a"), ValueError("b")
    end(first)
    in_a_thread(second)
    uncaught.forget(listener)
    end(ValueError("c"))
    assert order == [("told", first, False, 0), ("printed", 1), ("told", second, True, 1), ("printed", 2)]
    assert len(heard) == 3


def test_the_hooks_are_as_before_when_nobody_listens():
    before = sys.excepthook, threading.excepthook
    listeners = [lambda error, thread: None, lambda error, thread: None]
    for listener in listeners:
        uncaught.listen(listener)
    assert sys.excepthook is not before[0]
    uncaught.forget(listeners[0])
    assert sys.excepthook is not before[0]
    uncaught.forget(listeners[1])
    assert (sys.excepthook, threading.excepthook) == before


def test_a_hook_that_came_later_stays_and_still_reaches_those_before(heard):
    told, later = [], []
    listener = lambda error, thread: told.append(error)  # noqa: E731
    uncaught.listen(listener)
    ours = sys.excepthook

    def another(kind, error, traceback):
        later.append(error)
        ours(kind, error, traceback)

    sys.excepthook = another
    end(ValueError("a"))
    assert len(told) == len(later) == len(heard) == 1
    uncaught.forget(listener)
    assert sys.excepthook is another
    end(ValueError("b"))
    assert (len(told), len(later), len(heard)) == (1, 2, 2)
    uncaught.listen(listener)  # over a hook that calls what was ours: no circle, and told once
    end(ValueError("c"))
    uncaught.forget(listener)
    assert (len(told), len(later), len(heard)) == (2, 3, 3)
    assert sys.excepthook is another


def test_a_report_that_is_opened_after_another_hook_was_put_over_ours_is_told(heard):
    first, second = [], []
    listeners = [lambda error, thread: first.append(error), lambda error, thread: second.append(error)]
    uncaught.listen(listeners[0])

    def another(kind, error, traceback):
        heard.append("another")  # and calls nobody

    sys.excepthook = another
    uncaught.listen(listeners[1])
    end(ValueError("a"))
    for listener in listeners:
        uncaught.forget(listener)
    assert (len(first), len(second), heard) == (1, 1, ["another"])
    assert sys.excepthook is another


def test_a_listener_that_breaks_hides_no_exception(heard):
    def listener(error, thread):
        raise KeyError("ours")

    uncaught.listen(listener)
    with pytest.raises(KeyError):
        end(ValueError("a"))
    uncaught.forget(listener)
    assert len(heard) == 1


def test_a_hook_that_breaks_does_not_keep_a_report_from_being_built(monkeypatch):
    def broken(kind, error, traceback):
        raise SystemExit(3)

    monkeypatch.setattr(sys, "excepthook", broken)
    built = []
    listener = lambda error, thread: lambda: built.append(error)  # noqa: E731
    uncaught.listen(listener)
    with pytest.raises(SystemExit):
        end(ValueError("a"))
    uncaught.forget(listener)
    assert len(built) == 1


def test_at_a_prompt_an_exception_ends_nothing(heard, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr(sys, "last_value", ValueError("old"), raising=False)
    told = []
    listener = lambda error, thread: told.append(error)  # noqa: E731
    uncaught.listen(listener)
    end(ValueError("a"))
    in_a_thread(ValueError("b"))  # a thread is gone there as well
    sys.excepthook = sys.__excepthook__
    assert uncaught.missed() is None
    uncaught.forget(listener)
    assert [str(error) for error in told] == ["b"]
    assert len(heard) == 2


def test_what_another_hook_kept_from_us_is_found_and_what_a_debugger_keeps_is_not(monkeypatch):
    error = ValueError("a")
    monkeypatch.setattr(sys, "last_value", error, raising=False)
    listener = lambda error, thread: None  # noqa: E731
    uncaught.listen(listener)
    assert uncaught.missed() is None  # a test runner caught it
    sys.excepthook = lambda kind, error, traceback: None
    assert uncaught.missed() is error
    uncaught.forget(listener)
