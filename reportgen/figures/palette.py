"""The colours of a page: each has a name, a value on white paper and one on dark paper.

Every drawing names a colour as `var(--name,#value)`: themes take the variable, hosts that forbid styles the value.
"""

from __future__ import annotations

# name -> (on white, on dark). Text colours have a contrast of 4.5 or more on paper, wash, badwash and warnwash, also
# with each other's backgrounds in a matrix (WCAG 2.2 AA); tests/figures/test_palette.py computes it.
COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14171b"),
    "wash": ("#f6f7f9", "#1b1f24"),
    "ink": ("#1f2328", "#e6e9ed"),
    "muted": ("#59636e", "#9aa4af"),
    "line": ("#d8dce1", "#333a42"),
    "grid": ("#e8eaed", "#262c33"),
    "edge": ("#7d8792", "#6f7a86"),
    "c1": ("#0b6bcb", "#6cb2ff"),
    "c1soft": ("#d6e7f8", "#1d3a57"),
    "c2": ("#c2410c", "#ff9d6b"),
    "c2soft": ("#fadfd2", "#532b18"),
    "c3": ("#0e7a54", "#5ad1a4"),
    "c3soft": ("#d3ede3", "#17402f"),
    "c4": ("#7a3fb8", "#c9a6ff"),
    "c4soft": ("#e9dff5", "#3a2a52"),
    "c5": ("#a8195f", "#ff94c5"),
    "c5soft": ("#f7dbe8", "#502038"),
    "c6": ("#6b5e00", "#d6c64f"),
    "c6soft": ("#efeaca", "#3d380f"),
    "plain": ("#eceef1", "#272d34"),
    "bad": ("#b3261e", "#ff8a80"),
    "badwash": ("#fdf4f3", "#241a1b"),
    "warn": ("#8a5a00", "#f2c166"),
    "warnwash": ("#fdf8ec", "#221e15"),
    "ok": ("#0f7b55", "#5ad1a5"),
}

_ROLES = {"train": "c1", "val": "c2", "test": "c3", "neutral": "muted", "error": "bad", "warning": "warn"}
_ROLES["spread"] = "c4"  # the median of the user's own numbers, as their distributions are drawn
_ROLES |= {str(number): f"c{(number - 1) % 6 + 1}" for number in range(1, 9)}
# Runs beside each other: each has a dash of its own besides its colour; those past the eighth are alike.
_ROLES |= {f"run{number}": f"c{(number - 1) % 6 + 1}" for number in range(1, 9)} | {"rest": "edge"}
_RUNS = ("", "7 3", "3 2", "9 3 2 3", "12 2", "5 2 1.5 2", "1.5 2.5", "2 2 7 2")
_DASHES = {"4": "7 3", "5": "3 2", "6": "9 3 2 3", "7": "1 3", "8": "1 3"}
_DASHES |= {f"run{number}": dashes for number, dashes in enumerate(_RUNS, 1)}


def paint(name: str) -> str:
    """The value of a fill or stroke attribute for a colour of COLOURS."""
    return f"var(--{name},{COLOURS[name][0]})"


def colour_of(role: str) -> str:
    """The colour's name for a line's role; c1 for an unknown one.

    Roles are "train", "val", "test", "neutral", "1" ... "8"; of runs beside each other "run1" ... "run8" and "rest".
    """
    return _ROLES.get(role, "c1")


def dashes_of(role: str) -> str:
    """The stroke-dasharray for a role, "" for a solid line; tells the later colours apart without seeing them."""
    return _DASHES.get(role, "")


def variables(dark: bool) -> str:
    """The declarations of all colours, for a style sheet."""
    return "".join(f"--{name}:{values[dark]};" for name, values in COLOURS.items())
