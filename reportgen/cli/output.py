"""How the command speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """One line for people, on stderr. Control characters and what the terminal cannot show are written as escapes."""
    line = " ".join(message.split())
    line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
    encoding = sys.stderr.encoding or "ascii"
    print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
