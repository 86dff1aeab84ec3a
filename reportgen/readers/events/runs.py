"""Folders of event files -> Runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.events.arrange import Arranged, Part, arrange
from reportgen.readers.events.builder import Builder
from reportgen.readers.events.columns import Clock, series_of
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Column, EventFile, Session
from reportgen.readers.events.media import EventMedia
from reportgen.readers.events.names import host_in, shown_folder
from reportgen.readers.events.plugins import DRAFTERS, MAKERS, histograms, projector
from reportgen.readers.events.remarks import damage_of, remarks
from reportgen.readers.events.times import is_told
from reportgen.run.distribution import DistributionSeries
from reportgen.run.logged import TagGroup
from reportgen.run.records import IMPORTED, SCHEMA, Attempt, Meta, Run
from reportgen.run.series import Series
from reportgen.run.thin_distributions import kind_limit, snapshot_limit

PROBLEMS = 20  # told one by one
EPOCH = "epoch"  # the tag that tells it, as where a run is recorded
Progress = Callable[[int, int], None]


def find_runs(
    logs: Mapping[Path, list[EventFile]],
    root: Path,
    progress: Progress | None = None,
    problems: tuple[str, ...] = (),
    alone: bool = False,
) -> list[tuple[Path, Callable[[bool], Run]]]:
    """The runs that the event files of these folders are: each with its folder, and a function that gives it.

    The files are read at once, since only what they hold says which folders are one run. What takes time and memory,
    such as the histograms, is decoded when a run is asked for; with True only what its page shows of them.
    root: the folder they were found in; a run's title is its path from there. progress: called with bytes read and
    bytes in all. problems: what could not be looked into. alone: of files that were asked for by name nothing beside
    them is looked at. Raises UnreadableRunError when none of the files holds a record that can be read.
    """
    whole = sum(file.size for files in logs.values() for file in files)
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, whole)

    read = {folder: _read(folder, files, advance) for folder, files in logs.items()}
    if not any(session.seen for log in read.values() for session in log.sessions):
        raise UnreadableRunError(_nothing(root, list(read.values())))
    return [(each.folder, partial(_run, each, root, problems, alone)) for each in arrange(read)]


def _read(folder: Path, files: list[EventFile], advance: Callable[[int], None]) -> Log:
    log = Log(folder, DRAFTERS)
    for file in files:
        try:
            log.read(file, advance)
        except OSError as error:
            file.problem = error.strerror or type(error).__name__
    return log


def _nothing(root: Path, logs: list[Log]) -> str:
    files = [file for log in logs for file in log.files]
    first = files[0]
    for file in files:
        if file.problem:
            return f"{file.path} cannot be read: {file.problem}"
    named = first.path if len(files) == 1 else f"{root}: each of its {len(files):,} event files"
    if not any(file.size for file in files):
        return f"{named} is empty: nothing was recorded yet"
    return f"{named} is no event file: it holds no record that can be read"


def _run(arranged: Arranged, root: Path, problems: tuple[str, ...], alone: bool, page: bool) -> Run:
    logs = [part.log for part in arranged.parts]
    files = [file for log in logs for file in log.files]
    for number, file in enumerate(files):
        file.number = number
    clock = Clock([part.log.scalars[EPOCH] for part in arranged.parts if EPOCH in part.log.scalars])
    scalars, groups = _scalars(arranged.parts, clock)
    lengths = histograms.lengths(logs)
    snapshots = kind_limit("histogram", snapshot_limit(lengths), len(lengths))
    meta = _meta(arranged, root)
    builder = Builder(page=page, snapshots=snapshots, started=meta.started, alone=alone, scalars=scalars, clock=clock)
    for part in arranged.parts:
        _make(part, builder)
    for problem in problems[:PROBLEMS]:
        builder.note("folders", problem)
    if problems[PROBLEMS:]:
        builder.note("folders", "other folders cannot be read", len(problems[PROBLEMS:]))
    remarks(logs, builder)
    records = builder.records
    return Run(
        schema=SCHEMA,
        meta=meta,
        scalars=scalars,
        distributions=_distributions(builder),
        graphs=tuple(records.get("graph", ())),
        images=tuple(records.get("images", ())),
        texts=tuple(records.get("text", ())),
        audio=tuple(records.get("audio", ())),
        videos=tuple(records.get("video", ())),
        pr_curves=tuple(records.get("pr_curve", ())),
        embeddings=tuple(records.get("embedding", ())),
        meshes=tuple(records.get("mesh", ())),
        tensors=tuple(records.get("tensor", ())),
        hparams=tuple(records.get("hparams", ())),
        layouts=tuple(records.get("layout", ())),
        groups=groups,
        notes=builder.written_notes(),
        damage=damage_of(files),
        media=EventMedia(builder.sources),
    )


def _make(part: Part, builder: Builder) -> None:
    builder.prefix, builder.log, builder.session = part.prefix, part.log, part.session or ""
    for plugin, make in MAKERS.items():
        entries = [entry for entry in part.log.entries if entry.plugin == plugin]
        if entries:
            make(entries, builder)
    if not builder.alone:
        last = [session.last for session in part.log.sessions if session.last is not None and is_told(session.last)]
        projector.make(builder, max(last, default=builder.started))


def _scalars(parts: list[Part], clock: Clock) -> tuple[dict[str, Series], tuple[TagGroup, ...]]:
    """The series of all tags, in the order in which they were met, and those that share a chart."""
    columns: dict[str, list[Column]] = {}
    groups: dict[str, dict[str, None]] = {}
    for part in parts:
        if part.session is not None:
            continue
        for tag, column in part.log.scalars.items():
            if not column.steps:
                continue
            name = part.prefix + tag
            if part.group is not None:
                main = part.prefix + part.group[0]
                name = f"{main}/{part.group[1]}"
                groups.setdefault(main, {})[name] = None
            columns.setdefault(name, []).append(column)
    for tag, column in _of_sessions(parts).items():
        columns.setdefault(tag, [column])  # a metric that is also a curve of the run stays that curve
    return (
        {tag: series_of(each, clock) for tag, each in columns.items()},
        tuple(TagGroup(tag, tuple(tags)) for tag, tags in groups.items()),
    )


def _of_sessions(parts: list[Part]) -> dict[str, Column]:
    """The metrics of sessions of hyperparameters by tag, a point a session."""
    found: dict[str, Column] = {}
    for part in parts:
        if part.session is not None:
            for tag, column in part.log.scalars.items():
                together = found.setdefault(part.prefix + tag, Column())
                together.steps.extend(column.steps)
                together.values.extend(column.values)
                together.times.extend(column.times)
    return found


def _distributions(builder: Builder) -> dict[str, dict[str, DistributionSeries]]:
    series = builder.records.get("histogram", ())
    return {"histogram": {one.name: one for one in series}} if series else {}


def _meta(arranged: Arranged, root: Path) -> Meta:
    logs = [part.log for part in arranged.parts]
    own = [session for session in logs[0].sessions if session.step is not None]
    if not all(time is not None and is_told(time) for session in own for time in (session.first, session.last)):
        own = []  # when each wrote is not known
    hosts = frozenset(host_in(file.path.name) for log in logs for file in log.files)
    times = [time for time in _times(logs) if is_told(time)]
    return Meta(
        title=shown_folder(arranged.folder, root, hosts),
        status=IMPORTED,
        started=min(times, default=0.0),
        last_record=max(times, default=None),
        attempts=_attempts(own),
    )


def _times(logs: list[Log]) -> Iterator[float]:
    """When something was written: a user may give times that are not those of the writer."""
    for log in logs:
        for session in log.sessions:
            yield from (time for time in (session.first, session.last) if time is not None)
        for column in log.scalars.values():
            yield from (column.times[at] for at in (0, -1) if column.times)


def _attempts(sessions: list[Session]) -> tuple[Attempt, ...]:
    """One for each writer that recorded something, unless they wrote side by side."""
    for before, after in itertools.pairwise(sessions):
        if before.last is not None and after.first is not None and not after.first >= before.last:
            return ()
    return tuple(
        Attempt(
            number=number,
            started=min(session.first or 0.0, session.last or 0.0),
            resumed_from=session.resumed_from if session.resumed_from is not None else session.step if number else None,
            ended=session.last,
            status=IMPORTED,
        )
        for number, session in enumerate(sessions)
    )
