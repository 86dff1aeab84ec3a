"""Exceptions that nobody catches: whoever listens is told before they are printed, and once more after.

The hooks of the interpreter and of threading are chained: what was there before is always called. They are there while
somebody listens. At a prompt (also IPython's, which calls neither) an exception ends nothing, and nobody is told.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

# Given the exception, and whether only a thread dies of it; what it returns is called after the exception was printed.
Listener = Callable[[BaseException, bool], Callable[[], None] | None]
MainHook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]
ThreadHook = Callable[[threading.ExceptHookArgs], Any]


class _Hooks:
    """The listeners of this process, and the two hooks with those that were there before them."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.lock = threading.Lock()
        self.main: MainHook | None = None
        self.threads: ThreadHook | None = None
        self.main_before: MainHook = sys.__excepthook__
        self.threads_before: ThreadHook = threading.__excepthook__

    def install(self) -> None:
        """Put ours over what is there, where it is not ours.

        A function made anew each time: a hook of others that was put over an earlier one may still call that, which
        then only passes on.
        """
        if sys.excepthook is not self.main:
            self.main_before = sys.excepthook
            self.main = sys.excepthook = _main_hook(self.main_before)
        if threading.excepthook is not self.threads:
            self.threads_before = threading.excepthook
            self.threads = threading.excepthook = _thread_hook(self.threads_before)

    def remove(self) -> None:
        """Put back what was there before, where nobody has put another one over ours."""
        if sys.excepthook is self.main:
            sys.excepthook = self.main_before
        if threading.excepthook is self.threads:
            threading.excepthook = self.threads_before
        self.main = self.threads = None


_hooks = _Hooks()


def listen(listener: Listener) -> None:
    """Tell `listener` of uncaught exceptions from now on."""
    with _hooks.lock:
        if listener not in _hooks.listeners:
            _hooks.listeners.append(listener)
        _hooks.install()


def forget(listener: Listener) -> None:
    """Tell `listener` no more. After the last one the hooks go, where nobody has put another one over them."""
    with _hooks.lock:
        if listener in _hooks.listeners:
            _hooks.listeners.remove(listener)
        if not _hooks.listeners and _hooks.main is not None:
            _hooks.remove()


def missed() -> BaseException | None:
    """The exception that ends the process, where another hook was put over ours and may not have called it.

    The interpreter leaves it in `sys.last_value`. While ours is in place nothing is missed: what is found there then
    was caught by somebody who keeps it for a debugger, as pytest does.
    """
    if _prompt() or (_hooks.main is not None and sys.excepthook is _hooks.main):
        return None
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def _prompt() -> bool:
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _tell(error: BaseException, thread: bool) -> list[Callable[[], None]]:
    told = [listener(error, thread) for listener in tuple(_hooks.listeners)]
    return [after for after in told if after is not None]


def _main_hook(before: MainHook) -> MainHook:
    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        after: list[Callable[[], None]] = []
        try:
            if hook is _hooks.main and not _prompt():
                after = _tell(error, False)
        finally:
            try:
                before(kind, error, traceback)
            finally:
                for call in after:
                    call()

    return hook


def _thread_hook(before: ThreadHook) -> ThreadHook:
    def hook(args: threading.ExceptHookArgs, /) -> None:
        after: list[Callable[[], None]] = []
        try:
            if hook is _hooks.threads and args.exc_value is not None:
                after = _tell(args.exc_value, True)
        finally:
            try:
                before(args)
            finally:
                for call in after:
                    call()

    return hook
