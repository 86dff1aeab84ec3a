"""The errors reportgen raises, each with the exit status the command line gives it.

ReportgenError                 4   a fault of our own, or of the machine
├── InvalidArgumentError       2   an argument has the wrong type or value (also a ValueError)
├── UnreadableRunError         3   what was given cannot be read as a run
│   └── NewerSchemaError       3   it was written by a newer reportgen
└── OutputError                4   the report or the run folder cannot be written
"""

from __future__ import annotations


class ReportgenError(Exception):
    """Base of all errors raised by reportgen."""

    exit_status = 4


class InvalidArgumentError(ReportgenError, ValueError):
    """An argument has the wrong type or value; the message names argument, value and what is accepted."""

    exit_status = 2

    def __init__(self, argument: str, value: object, accepted: str) -> None:
        self.argument = argument
        self.value = shown(value)
        self.accepted = accepted
        super().__init__(f"{argument} is {self.value}; accepted: {accepted}")


class UnreadableRunError(ReportgenError):
    """What was given cannot be read as a run."""

    exit_status = 3


class NewerSchemaError(UnreadableRunError):
    """The run was written by a newer reportgen than this one."""


class OutputError(ReportgenError):
    """The report or the run folder cannot be written."""


class ReportgenWarning(UserWarning):
    """What reportgen warns with when something of its own failed and training went on without it."""


def shown(value: object, limit: int = 80) -> str:
    """`value` as an error message shows it: its repr cut to `limit` characters, never raising."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a broken __repr__ must not hide the message it is part of
        text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
