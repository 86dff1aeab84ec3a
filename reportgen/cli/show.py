"""`reportgen show`: the verdict of a run in the terminal, or as JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from reportgen.cli.build import Commands
from reportgen.cli.output import print_lines, say
from reportgen.cli.progress import Reading
from reportgen.cli.styles import Styles

# Text wider than this is hard to read, however wide the terminal is.
WIDEST = 100
NARROWEST = 40


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "show",
        help="say in the terminal what is wrong with a run",
        description="Print the verdict of a run: how it ended, how good it is, its findings worst first with what to "
        "change, and what to pass so that more can be checked. Several runs are listed, one line each, worst first. "
        "What is found does not change the exit status.",
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="+",
        help="a run folder, a TensorBoard log folder or event file, a report.html, or a folder that holds several runs",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON (docs/show.md says how)")
    parser.set_defaults(command=run, wrong=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Judge, and print to stdout."""
    if not all(arguments.run):
        arguments.wrong("RUN must not be empty")  # as of a shell's variable that is not set
    from reportgen.cli.judged import judged

    reading = Reading(quiet=arguments.json)
    try:
        runs, unread = judged(arguments.run, reading.bytes, reading.runs)
    finally:
        reading.close()
    if arguments.json:
        from reportgen.cli.show_json import plain

        print_lines([json.dumps(plain(runs, unread), indent=1, allow_nan=False)])
        return 0
    for name, reason in unread:
        say(f"reportgen: {name} could not be read: {reason}")
    width = max(NARROWEST, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))
    from reportgen.cli.show_text import about, overview

    styles = Styles.of(sys.stdout)
    lines = about(runs[0], styles, width) if len(runs) == 1 else overview(runs, styles, width)
    print_lines(list(lines))
    return 0
