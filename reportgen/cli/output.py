"""How the command speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """One line for people, on stderr. A stderr that is gone or knows too few characters does not stop a command."""
    line = " ".join(message.split())
    try:
        print(line.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)
    except UnicodeEncodeError:
        print(line.encode("ascii", "backslashreplace").decode("ascii"), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
