"""From a run to its page: Run -> thinned Run -> findings -> sections -> HTML -> file. Without torch."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from reportgen.blocks.finding import Finding
from reportgen.blocks.page import Page
from reportgen.blocks.pictures import pictures
from reportgen.diagnose import Diagnosis, diagnose
from reportgen.errors import InvalidArgumentError, OutputError
from reportgen.readers.load import load_for_page
from reportgen.render import render_page
from reportgen.run.page_data import encode
from reportgen.run.records import Note, Run
from reportgen.run.thin import thin
from reportgen.sections import build_sections

REPORT_NAME = "report.html"

Embed = Literal["thin", "full"]


@dataclass(frozen=True, slots=True)
class Result:
    """A report that was written: where, its size in bytes, what it found, and how many seconds building it took."""

    path: Path
    bytes: int
    findings: tuple[Finding, ...]
    seconds: float


def build_html(run: Run, embed: Embed = "thin") -> tuple[str, Diagnosis]:
    """The page of `run` as HTML, and what was found in it.

    The page is always made from the thinned run, so that a page made from another page's data is the same page.
    `embed="full"` puts the whole run into its data block instead of the thinned one.
    """
    if embed not in ("thin", "full"):
        raise InvalidArgumentError("embed", embed, '"thin" or "full"')
    thinned = thin(run)
    diagnosis = diagnose(thinned)
    header, sections, footer = build_sections(thinned, diagnosis)
    shown = [name for section in sections for name in pictures(section.blocks) if name in thinned.media]
    media = {name: thinned.media[name] for name in shown}
    data = encode(run if embed == "full" else thinned, shown=media)
    return render_page(Page(header, sections, data, media, footer)), diagnosis


def build(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    embed: Embed | None = None,
    notes: Sequence[Note] = (),
) -> Result:
    """Write the report of the run that `source` holds: a run folder, or a report.html.

    out: a file, or a folder to put report.html in; by default report.html in the run folder. A report is not replaced
    by one that differs from it unless `out` says so. embed: as in build_html; by default what a report.html itself
    holds, and "thin" for a folder. notes: what the folder could not take, such as that its disk is full.
    Raises UnreadableRunError, InvalidArgumentError, OutputError.
    """
    started = time.perf_counter()
    source = Path(source)
    run = load_for_page(source, page=embed != "full")
    known = {(note.where, note.what) for note in run.notes}
    run = replace(run, notes=(*run.notes, *(note for note in notes if (note.where, note.what) not in known)))
    if embed is None:
        # The run of a thinned page says what it left out, or had nothing to leave out: then both are the same.
        embed = "thin" if source.is_dir() or thin(run) is run else "full"
    html, diagnosis = build_html(run, embed)
    data = html.encode("utf-8", "backslashreplace")
    target = _target(source, out)
    if out is None and source.is_file():
        if source.read_bytes() != data:
            raise OutputError(f"{source} is not replaced by a report that differs from it: say where to write with -o")
    else:
        _write(target, data)
    return Result(target, len(data), diagnosis.findings, time.perf_counter() - started)


def _target(source: Path, out: str | os.PathLike[str] | None) -> Path:
    if out is None:
        return source / REPORT_NAME if source.is_dir() else source
    path = Path(out)
    if path.is_dir() or str(out).endswith(("/", os.sep)):
        path /= REPORT_NAME
    return path


def _write(target: Path, data: bytes) -> None:
    """Write `target` in one piece: it is the old file until it is wholly the new one."""
    place = Path(os.path.realpath(target))  # a link to the report stays a link
    partial = place.with_name(f".{place.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        if place.exists() and not place.is_file():
            raise OutputError(f"{target} cannot be written: it is not a regular file")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{target} cannot be written: {reason}; choose another place with -o") from None
