"""The run folder: its name, its attempts, and run.json, which says what it holds."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportgen.errors import NewerSchemaError, OutputError, UnreadableRunError
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.records import SCHEMA, Meta

MANIFEST = "run.json"
MEDIA = "media"
# The journal of an attempt of rank 0, which is the only rank that records so far.
JOURNAL = re.compile(r"events\.rank-00000\.attempt-(\d{3,9})\.jsonl", re.ASCII)
PARENT = "runs"
LONGEST_NAME = 40
# Names that Windows keeps for devices, with any suffix.
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
# What launchers call one run, the same on every rank: torchrun's and SLURM's.
LAUNCHER_IDS = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID")
MOST_SIBLINGS = 10_000


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run is recorded. attempt: 0, or one more than the last when resumed. warning: what was unexpected.

    rank: of this process in a launched job. Only rank 0 makes the folder and records.
    """

    path: Path
    attempt: int = 0
    warning: str = ""
    rank: int = 0

    @property
    def journal(self) -> Path:
        """The file this attempt appends its lines to."""
        return self.path / f"events.rank-00000.attempt-{self.attempt:03d}.jsonl"


def create_folder(
    title: str, folder: str | os.PathLike[str] | None = None, resume: bool = False, now: float | None = None
) -> RunFolder:
    """Make the folder of a run.

    Without `folder` it is `runs/<title>-<local time>` (the launcher's id instead of the time under torchrun or SLURM),
    with -2, -3 ... when that exists. An explicit folder that already holds a run is resumed when `resume`, else a
    sibling is made and `warning` says so. On another rank than 0 nothing is made. Raises OutputError when it cannot be
    made or written to.
    """
    rank = launched_rank()
    try:
        # Absolute: the script may change its working folder while it runs.
        named = Path(PARENT) / f"{_plain(title)}-{_suffix(now)}" if folder is None else Path(folder)
        wanted = named.absolute()
        if rank:
            return RunFolder(wanted, rank=rank)
        if folder is None:
            return RunFolder(_new(wanted))
        if not (wanted / MANIFEST).exists():
            wanted.mkdir(parents=True, exist_ok=True)
            return RunFolder(_writable(wanted))
        if resume:
            return RunFolder(_writable(wanted), attempt=_next_attempt(wanted))
        sibling = _new(wanted)
        return RunFolder(
            sibling,
            warning=f"{wanted} already holds a run; this one is recorded in {sibling}. "
            "Pass resume=True to go on with the first.",
        )
    except OSError as error:
        place = folder if folder is not None else PARENT
        reason = error.strerror or type(error).__name__
        what = f"the run folder {place} cannot be written ({reason}): pass folder= a writable place"
        raise OutputError(what) from None


def launched_rank() -> int:
    """This process's rank as the launcher gave it (torchrun's RANK, else SLURM's); 0 without a launcher."""
    for variable in ("RANK", "SLURM_PROCID"):
        rank = os.environ.get(variable, "")
        if rank.isascii() and rank.isdigit():
            return int(rank)
    return 0


def _plain(title: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if not name:
        return "run"
    return f"run-{name}" if name in DEVICES else name


def _suffix(now: float | None) -> str:
    for variable in LAUNCHER_IDS:
        launched = re.sub(r"[^A-Za-z0-9]+", "-", os.environ.get(variable, "")).strip("-")
        if launched and launched != "none":  # torchrun's id when none was given
            return launched[:LONGEST_NAME]
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now))


def _new(wanted: Path) -> Path:
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, MOST_SIBLINGS):
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            place.mkdir()
        except FileExistsError:
            continue
        return place
    raise OutputError(f"{wanted} has {MOST_SIBLINGS:,} siblings already: pass folder= another place")


def _writable(path: Path) -> Path:
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied")
    return path


def _next_attempt(path: Path) -> int:
    found = [int(match[1]) for entry in path.iterdir() if (match := JOURNAL.fullmatch(entry.name))]
    return max(found, default=-1) + 1


def write_manifest(path: Path, meta: Meta) -> None:
    """Replace run.json in the run folder `path` atomically. Raises OSError."""
    text = json.dumps({"schema": SCHEMA, **to_plain(meta)}, indent=1, allow_nan=False)
    temporary = path / f"{MANIFEST}.{os.getpid()}.tmp"
    temporary.write_text(text + "\n", encoding="ascii", newline="\n")
    temporary.replace(path / MANIFEST)


def read_manifest(path: Path) -> Meta:
    """What run.json in the run folder `path` says.

    Raises UnreadableRunError when it is missing or cannot be read, NewerSchemaError when a newer reportgen wrote it.
    """
    file = path / MANIFEST
    try:
        if file.exists() and not (file.is_file() or file.is_dir()):  # reading a pipe or a device may never end
            raise OSError(errno.EINVAL, "not a regular file")
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = f"{path} is not a run folder: it has no {MANIFEST}; give a folder that a run wrote"
        raise UnreadableRunError(what) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableRunError(
            f"{file} cannot be read ({_reason(error)}): restore it from a copy of the run folder"
        ) from None
    schema = data.get("schema") if isinstance(data, Mapping) else None
    if type(schema) is not int:
        raise UnreadableRunError(f"{file} is not a run's: it has no schema number; give a folder that a run wrote")
    if schema > SCHEMA:
        raise NewerSchemaError(
            f"{file} has schema {schema}, and this reportgen reads up to {SCHEMA}: update reportgen to build it"
        )
    try:
        return from_plain(Meta, data)
    except ValueError as error:
        raise UnreadableRunError(f"{file} cannot be read ({error}): restore it from a copy of the run folder") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not JSON"
