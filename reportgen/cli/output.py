"""How the command speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reportgen.errors import OutputError


def say(message: str) -> None:
    """One line for people, on stderr. Control characters and what the terminal cannot show are written as escapes."""
    line = " ".join(message.split())
    line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
    encoding = sys.stderr.encoding or "ascii"
    print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def print_lines(lines: Sequence[str]) -> None:
    """Lines on stdout; what it cannot show is written as escapes.

    Raises OutputError where stdout takes no more, as on a full disk, and BrokenPipeError where its reader went away.
    """
    encoding = sys.stdout.encoding or "ascii"
    try:
        for line in lines:
            print(line.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"stdout cannot be written: {error.strerror or type(error).__name__}") from None


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
