"""`reportgen demo`: train a small network on handwritten digits and write its report."""

from __future__ import annotations

import argparse
from pathlib import Path

from reportgen.cli.build import Commands


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "demo",
        help="train a small network on handwritten digits and write its report",
        description="Train a convolutional network on real handwritten digits for about half a minute, write its "
        "report and print the path.",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="the run folder (default: a new one in runs)")
    parser.add_argument("--quiet", action="store_true", help="print only the path")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, build, print the path."""
    from reportgen.demo.train import main  # imports torch: only when asked for

    print(main(arguments.out, arguments.quiet))
    return 0
