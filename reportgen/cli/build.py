"""`reportgen build`: the report of a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from reportgen.cli.output import counted, say

if TYPE_CHECKING:
    from reportgen.pipeline import Result

Commands = argparse._SubParsersAction  # argparse gives the type of add_subparsers' result no public name


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "build",
        help="write the report of a run",
        description="Write the report of a run as one HTML file and print its path.",
    )
    parser.add_argument("run", metavar="RUN", help="a run folder, or a report.html")
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="where to write it (default: report.html in the run folder)"
    )
    parser.add_argument(
        "--embed",
        choices=("thin", "full"),
        help="how much data the page carries: thinned series (the default for a run folder) or every point",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the path")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Build, print the path on stdout and a summary on stderr."""
    from reportgen.pipeline import build

    result = build(arguments.run, arguments.out, arguments.embed)
    if not arguments.quiet:
        say(_summary(result))
    print(result.path)
    return 0


def _summary(result: Result) -> str:
    severities = [finding.severity for finding in result.findings]
    found = [
        counted(severities.count(severity), noun)
        for severity, noun in (("error", "error"), ("warning", "warning"), ("info", "remark"))
        if severity in severities
    ]
    return f"{', '.join(found) or 'no findings'}; {result.bytes / 1000:,.0f} kB in {result.seconds:.1f} s"
