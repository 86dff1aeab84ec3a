"""Which folders of event files are one run: what add_scalars, add_hparams and Keras keep in folders of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from reportgen.readers.events.log import Log

# Folders of these names beside each other, or below one with events, are the splits of one run.
SPLITS = frozenset({"train", "training", "validation", "valid", "val", "dev", "eval", "evaluation", "test"})


@dataclass(slots=True)
class Part:
    """A log that belongs to a run: its tags get `prefix`.

    group: (main tag, key) for a line of add_scalars, whose only tag becomes `main tag/key`. session: the folder's name
    for a session of hyperparameters.
    """

    log: Log
    prefix: str = ""
    group: tuple[str, str] | None = None
    session: str | None = None


@dataclass(slots=True)
class Arranged:
    """A run: the folder it is named after, and its parts, the run's own log first."""

    folder: Path
    parts: list[Part] = field(default_factory=list)


def arrange(logs: dict[Path, Log]) -> list[Arranged]:
    """The runs that the logs of these folders are, in the order of the folders."""
    joined: dict[Path, tuple[Path, Part]] = {}
    for folder, log in logs.items():
        found = _host(folder, log, logs)
        if found is not None:
            joined[folder] = found
    beside = Counter(folder.parent for folder in logs if folder.name.lower() in SPLITS)
    for folder, log in logs.items():
        if folder in joined or folder.parent in joined or folder.name.lower() not in SPLITS:
            continue
        if beside[folder.parent] > 1 or folder.parent in logs:
            joined[folder] = (folder.parent, Part(log, prefix=f"{folder.name}/"))
    runs: dict[Path, Arranged] = {}
    for folder, log in logs.items():
        host, part = joined.get(folder, (folder, Part(log)))
        if host != folder and host in joined:  # a line of add_scalars below a split, which is part of a run itself
            host, split = joined[host]
            part = replace(part, prefix=split.prefix)
        run = runs.setdefault(host, Arranged(host))
        run.parts.insert(0 if host == folder else len(run.parts), part)
    for run in runs.values():
        _order_lines(run)
    holders = {parent for folder in logs for parent in folder.parents}
    return [run for run in runs.values() if not (run.folder in holders and _is_empty(run))]


def _order_lines(run: Arranged) -> None:
    """Put the lines of add_scalars in the order in which their folders were opened, which is that of their keys."""
    lines = iter(sorted((part for part in run.parts if part.group is not None), key=_opened))
    run.parts[:] = [part if part.group is None else next(lines) for part in run.parts]


def _opened(part: Part) -> float:
    return min((session.first for session in part.log.sessions if session.first is not None), default=0.0)


def _is_empty(run: Arranged) -> bool:
    """Whether a writer was opened in a run's folder and nothing logged, as in one that only holds other runs."""
    if len(run.parts) != 1 or any(column.steps for column in run.parts[0].log.scalars.values()):
        return False
    told = [entry for entry in run.parts[0].log.entries if entry.plugin != "hparams" or entry.draft.params is not None]
    return not told


def _host(folder: Path, log: Log, logs: dict[Path, Log]) -> tuple[Path, Part] | None:
    """The folder whose run a log is a part of, because add_scalars or add_hparams made it; None when it is no part."""
    tags = [tag for tag, column in log.scalars.items() if column.steps]
    if len(tags) == 1 and not log.entries:
        main = tags[0]
        beginning = main.replace("/", "_") + "_"
        for above in folder.parents:
            name = folder.relative_to(above).as_posix()
            if above in logs and name.startswith(beginning):  # a key may hold slashes, and so be several folders
                return above, Part(log, group=(main, name[len(beginning) :]))
    if folder.parent in logs and _is_session(log, tags):
        return folder.parent, Part(log, session=folder.name)
    return None


def _is_session(log: Log, tags: list[str]) -> bool:
    """Whether a log is what add_hparams writes: hyperparameters and one number of each metric, nothing else."""
    return (
        bool(log.entries)
        and all(entry.plugin == "hparams" for entry in log.entries)
        and all(len(log.scalars[tag].steps) == 1 for tag in tags)
    )
