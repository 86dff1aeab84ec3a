"""What was given for an overview -> the runs in it: found at once, read one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.load import Progress, Reader, holds_run, load_for_page, runs_in
from reportgen.readers.page import read_overview
from reportgen.run.overview import Overview
from reportgen.run.records import Run

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Source:
    """A run that was found. name: its place in what was given (`given`), parts joined by "/".

    reader: takes whether only what a page needs is wanted; raises UnreadableRunError.
    """

    name: str
    given: Path
    reader: Reader

    def read(self) -> Run | UnreadableRunError:
        """The run as far as a page needs it, or why it cannot be read."""
        try:
            return self.reader(True)
        except UnreadableRunError as error:
            return error

    def reason(self, error: UnreadableRunError) -> str:
        """What `error` says, with the places it names as they lie in what was given."""
        given = re.escape(str(self.given))
        inner = re.sub(rf"(?<![\w.]){given}[/\\](?=[^\s/\\])", "", str(error))
        # Standing alone, not as a part of another path or, for ".", as the end of a sentence.
        return re.sub(rf"(?<![\w./\\]){given}(?![\w./\\])", lambda _: self.name, inner)


def find(paths: Sequence[Path], progress: Progress | None = None) -> Iterator[Source | Overview]:
    """The runs in `paths`, in their order; an overview page is read at once, since it holds its runs.

    A single folder's runs are named by their places in it; of several, each is named as its last folder, with as many
    of those above as tell them apart. What is given twice is taken once. progress: called with bytes read and bytes in
    all, of event files. A run folder is that run alone, as for `load`, whose own page is the report.html in it.
    """
    wanted = list({_resolved(path): path for path in paths}.values())
    names = given_names([_resolved(path) for path in wanted])
    for path, name in zip(wanted, names, strict=True):
        try:
            overview = read_overview(path) if path.is_file() else None
            if overview is not None:
                yield overview
                continue
            inside = [(path, partial(load_for_page, path))] if holds_run(path) else runs_in(path, progress)
        except (OSError, UnreadableRunError) as error:
            said = error if isinstance(error, UnreadableRunError) else UnreadableRunError(f"{path} cannot be read")
            yield Source(name, path, _failing(said))
            continue
        for place, reader in inside:
            yield Source(_named(name, place, path, len(wanted) == 1), path, reader)


def _named(name: str, place: Path, given: Path, alone: bool) -> str:
    """The name of a run that lies in what was given under `name`; a single thing given needs not be named."""
    inner = place.relative_to(given).as_posix() if place.is_relative_to(given) else "."
    if inner == ".":
        return name
    return inner if alone else f"{name}/{inner}"


def _failing(error: UnreadableRunError) -> Reader:
    def read(page: bool) -> Run:
        raise error

    return read


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a null byte: reading it says so
        return path.absolute()


def given_names(paths: Sequence[Path]) -> list[str]:
    """A name for each of different paths: its last part, and as many of the parts before it as tell all apart.

    report.html is named by its folder, any other page by its name without the suffix.
    """
    parts = [_parts(path) for path in paths]
    depths = [1] * len(parts)
    while True:
        names = ["/".join(part[-depth:]) for part, depth in zip(parts, depths, strict=True)]
        amounts = Counter(names)
        alike = [at for at, name in enumerate(names) if amounts[name] > 1 and depths[at] < len(parts[at])]
        if not alike:
            return names
        for at in alike:
            depths[at] += 1


def _parts(path: Path) -> list[str]:
    parts = [part for part in path.parts if part != path.anchor]
    if parts and parts[-1] == REPORT:
        return parts[:-1] or parts
    if parts and parts[-1].endswith((".html", ".htm")):
        return [*parts[:-1], parts[-1].rpartition(".")[0]]
    return parts or [""]
