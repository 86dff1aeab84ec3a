"""`reportgen build`: the report of a run, or of several."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from reportgen.cli.output import counted, say
from reportgen.cli.progress import Reading

if TYPE_CHECKING:
    from reportgen.pipeline import Result

Commands = argparse._SubParsersAction  # argparse gives the type of add_subparsers' result no public name


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "build",
        help="write the report of a run, or one page of several runs",
        description="Write the report of a run as one HTML file and print its path. Several runs give one page that "
        "lays them beside each other: a table of them, their curves on shared charts, and what differs between them.",
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="+",
        help="a run folder, a TensorBoard log folder or event file, a report.html, or a folder that holds several runs",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        help="where to write it (default: report.html in the folder given; needed when several RUNs are given)",
    )
    parser.add_argument(
        "--embed",
        choices=("thin", "full"),
        help="how much data the page of one run carries: thinned series (the default for a folder) or every point",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the path")
    parser.set_defaults(command=run, wrong=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Build, print the path on stdout and a summary on stderr."""
    if not all(arguments.run) or arguments.out == "":
        arguments.wrong("RUN and FILE must not be empty")  # as of a shell's variable that is not set
    if len(arguments.run) > 1 and arguments.out is None:
        arguments.wrong("several RUNs need -o FILE: say where to write their page")
    from reportgen.pipeline import build_overview

    reading = Reading(arguments.quiet)
    try:
        result = build_overview(arguments.run, arguments.out, arguments.embed, reading.bytes, reading.runs)
    finally:
        reading.close()
    if result.unread:
        # Said even when quiet: the page lacks something that was asked for.
        (name, reason), amount = result.unread[0], result.unread_total
        said = f"{amount:,} runs could not be read and are" if amount > 1 else "1 run could not be read and is"
        say(f"reportgen: {said} only listed; {name}: {reason}")
    if not arguments.quiet:
        say(_summary(result))
    print(result.path)
    return 0


def _summary(result: Result) -> str:
    size = f"{result.bytes / 1000:,.0f} kB in {result.seconds:.1f} s"
    if result.runs > 1:
        wrong = [(result.with_errors, "errors"), (result.with_warnings, "warnings"), (result.unread_total, "not read")]
        told = [f"{amount:,} {'' if kind == 'not read' else 'with '}{kind}" for amount, kind in wrong if amount]
        return f"{', '.join([f'{result.runs:,} runs', *told])}; {size}"
    severities = [finding.severity for finding in result.findings]
    found = [
        counted(severities.count(severity), noun)
        for severity, noun in (("error", "error"), ("warning", "warning"), ("info", "remark"))
        if severity in severities
    ]
    return f"{', '.join(found) or 'no findings'}; {size}"
