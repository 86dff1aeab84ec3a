"""The command line: parsing, exit statuses, and errors as one line.

Exit status: 0 good, 2 wrong usage, 3 the input cannot be read, 4 the output cannot be written or a fault of our own,
130 interrupted, 141 the reader of our output went away.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import reportgen
from reportgen.cli import build, demo, show
from reportgen.cli.output import say
from reportgen.errors import ReportgenError

FAULT, INTERRUPTED, BROKEN_PIPE = 4, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: the process's own) and return its exit status."""
    _open_streams()
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        status = chosen.command(chosen)
        sys.stdout.flush()
        return int(status)
    except ReportgenError as error:
        say(f"reportgen: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        say("reportgen: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort: one line instead of a traceback
        say(f"reportgen: this is a fault of reportgen {reportgen.__version__}, please report it: {_described(error)}")
        return FAULT


def _open_streams() -> None:
    """Streams that the shell closed (`>&-`) take what is written, and drop it: Python has None in their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the end


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reportgen", description="One self-contained HTML report of a PyTorch training run."
    )
    parser.add_argument("--version", action="version", version=f"reportgen {reportgen.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    build.add(commands)
    show.add(commands)
    demo.add(commands)
    return parser


def _described(error: Exception) -> str:
    """The error and the line of ours that raised it: what a report of the fault needs."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
