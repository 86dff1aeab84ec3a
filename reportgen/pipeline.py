"""From a run to its page: Run -> thinned Run -> findings -> sections -> HTML -> file. Without torch."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from reportgen.blocks.finding import Finding
from reportgen.blocks.page import Page
from reportgen.blocks.pictures import pictures
from reportgen.diagnose import Diagnosis, diagnose, with_own_rules
from reportgen.diagnose.own.recorded import from_record
from reportgen.errors import InvalidArgumentError, OutputError, UnreadableRunError
from reportgen.readers import several
from reportgen.readers.load import Progress, is_event_file, load_for_page
from reportgen.readers.prepare import prepared
from reportgen.render import render_page
from reportgen.run.bare import WITHOUT_MEDIA
from reportgen.run.found import FOUND, OwnCheck
from reportgen.run.overview import LeftOut, Member, Overview, Unread
from reportgen.run.overview_data import encode_many
from reportgen.run.page_data import encode
from reportgen.run.records import Note, Run
from reportgen.run.thin import thin
from reportgen.sections import build_sections
from reportgen.sections.overview import build_overview as overview_sections
from reportgen.sections.overview.thinning import member_of, thinned

REPORT_NAME = "report.html"

Embed = Literal["thin", "full"]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """A report that was written: where, its size in bytes, what it found, and how many seconds building it took.

    runs: how many runs it is about. Of several, `findings` are those that the page tells in full; with_errors and
    with_warnings: how many runs have errors, and how many only warnings; unread: the first of `unread_total` runs that
    could not be read, each with the reason.
    """

    path: Path
    bytes: int
    findings: tuple[Finding, ...]
    seconds: float
    runs: int = 1
    with_errors: int = 0
    with_warnings: int = 0
    unread: tuple[tuple[str, str], ...] = ()
    unread_total: int = 0

    def __repr__(self) -> str:
        """Short enough to print: the findings are a page of their own."""
        told = [f"{self.bytes} bytes", f"{len(self.findings)} findings"]
        if self.runs != 1:
            told.append(f"{self.runs} runs")
        return f"<reportgen.Result {str(self.path)!r}: {', '.join(told)}>"


def build_html(run: Run, embed: Embed = "thin") -> tuple[str, Diagnosis]:
    """The page of `run` as HTML, and what was found in it.

    The page is always made from the thinned run, so that a page made from another page's data is the same page.
    `embed="full"` puts the whole run into its data block instead of the thinned one.
    """
    if embed not in ("thin", "full"):
        raise InvalidArgumentError("embed", embed, '"thin" or "full"')
    thinned = prepared(thin(run))
    diagnosis = diagnose(thinned, guarded=True)
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
    progress: Progress | None = None,
    rules: Sequence[object] = (),
    record: Callable[[str, OwnCheck], None] | None = None,
) -> Result:
    """Write the report of the run that `source` holds: a run folder, TensorBoard's event files, or a report.html.

    out: a file, or a folder to put report.html in; by default report.html in the run folder. A report is not replaced
    by one that differs from it unless `out` says so. embed: as in build_html; by default what a report.html itself
    holds, and "thin" for a folder. notes: what the folder could not take, such as that its disk is full. progress:
    called with bytes read and bytes in all while large logs are read. rules: the user's own, asked beside ours; record:
    called with a journal's kind and what each of them said, where that is not in the folder yet.
    Raises UnreadableRunError, InvalidArgumentError, OutputError.
    """
    started = time.perf_counter()
    source = Path(source)
    run = load_for_page(source, page=embed != "full", progress=progress)
    recorded = run.own_rules
    if rules:
        run = with_own_rules(run, rules, installed=False)
    for check in run.own_rules if record is not None else ():
        if record is not None and check not in recorded:
            record(FOUND, check)
    return _built(run, source, out, embed, notes, started)


def build_overview(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    embed: Embed | None = None,
    progress: Progress | None = None,
    counting: Progress | None = None,
) -> Result:
    """Write one page of all runs that `sources` hold: run folders, event files, reports, overview pages, folders.

    A single run gets its own page, as by `build`. out: as in `build`; it may be left out only for a single source.
    What cannot be read is listed on the page with its reason, as long as one run can. progress: as in `build`.
    counting: called with runs read and runs in all. The bytes depend on what the runs hold and on their places in what
    was given, not on where that lies.
    Raises UnreadableRunError when no run can be read, InvalidArgumentError, OutputError.
    """
    started = time.perf_counter()
    paths = [Path(source) for source in sources]
    if len(paths) != 1 and out is None:
        raise InvalidArgumentError("out", out, "a file to write the page of several runs to")
    found = list(several.find(paths, progress))
    if len(found) == 1 and isinstance(found[0], several.Source):
        return _built(found[0].reader(embed != "full"), paths[0], out, embed, (), started)
    if embed == "full":
        raise InvalidArgumentError("embed", embed, '"thin" for several runs, whose page carries a part of each')
    gathered = _gathered(found, counting)
    html, overview = overview_html(gathered)
    target = _written(html, paths[0], out)
    told = tuple(finding for member in overview.members for finding in member.found)
    return Result(
        path=target,
        bytes=target.stat().st_size,
        findings=tuple(map(from_record, told)),
        seconds=time.perf_counter() - started,
        runs=overview.runs,
        with_errors=overview.with_errors,
        with_warnings=overview.with_warnings,
        unread=tuple((one.name, one.reason) for one in overview.unread),
        unread_total=overview.unread_total,
    )


def overview_html(overview: Overview) -> tuple[str, Overview]:
    """The page of several runs as HTML, and what it carries of them."""
    kept = thinned(overview)
    header, sections, footer = overview_sections(kept)
    return render_page(Page(header, sections, encode_many(kept), {}, footer)), kept


def _gathered(found: Sequence[several.Source | Overview], counting: Progress | None) -> Overview:
    """All runs, each reduced to what an overview keeps as soon as it is read. Raises UnreadableRunError without any."""
    if len(found) == 1 and isinstance(found[0], Overview):
        return found[0]
    amount = sum(len(one.members) if isinstance(one, Overview) else 1 for one in found)
    members: list[Member] = []
    unread: list[Unread] = []
    left_out, not_read = LeftOut(), 0
    first = None
    for done, source in enumerate(found, 1):
        if isinstance(source, Overview):
            members += source.members
            unread += source.unread
            not_read += source.unread_total - len(source.unread)
            left_out = left_out.plus(source.left_out)
            continue
        run = source.read()
        if isinstance(run, UnreadableRunError):
            first = first or run
            unread.append(Unread(source.name, source.reason(run)))
        else:
            page_run = thin(with_own_rules(replace(run, **WITHOUT_MEDIA)))
            members.append(member_of(source.name, page_run, diagnose(page_run, guarded=True), amount))
        if counting is not None:
            counting(done, len(found))
    if not members:
        raise UnreadableRunError(f"none of the {len(unread):,} runs can be read; the first: {first}")
    return Overview(tuple(members), tuple(unread), len(unread) + not_read, left_out)


def _built(
    run: Run,
    source: Path,
    out: str | os.PathLike[str] | None,
    embed: Embed | None,
    notes: Sequence[Note],
    started: float,
) -> Result:
    known = {(note.where, note.what) for note in run.notes}
    run = replace(run, notes=(*run.notes, *(note for note in notes if (note.where, note.what) not in known)))
    if not _is_page(source):  # what a page says it says everywhere, whatever is installed there
        run = with_own_rules(run)
    if embed is None:
        # The run of a thinned page says what it left out, or had nothing to leave out: then both are the same.
        embed = "full" if _is_page(source) and prepared(thin(run)) is not run else "thin"
    html, diagnosis = build_html(run, embed)
    target = _written(html, source, out)
    return Result(target, target.stat().st_size, diagnosis.findings, time.perf_counter() - started)


def _written(html: str, source: Path, out: str | os.PathLike[str] | None) -> Path:
    """Where the page was written: `out`, or the place of the page of `source`."""
    data = html.encode("utf-8", "backslashreplace")
    target = _target(source, out)
    if out is None and _is_page(source):
        if source.read_bytes() != data:
            raise OutputError(f"{source} is not replaced by a report that differs from it: say where to write with -o")
    else:
        _write(target, data)
    return target


def _is_page(source: Path) -> bool:
    """Whether a source is a page itself, and no folder or event file."""
    return source.is_file() and not is_event_file(source)


def _target(source: Path, out: str | os.PathLike[str] | None) -> Path:
    if out is None:
        if source.is_dir():
            return source / REPORT_NAME
        return source if _is_page(source) else source.with_name(REPORT_NAME)
    path = Path(out)
    if _is_folder(path) or str(out).endswith(("/", os.sep)):
        path /= REPORT_NAME
    return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long: writing says so
        return False


def _write(target: Path, data: bytes) -> None:
    """Write `target` in one piece: it is the old file until it is wholly the new one."""
    try:
        place = Path(os.path.realpath(target))  # a link to the report stays a link
        partial = place.with_name(f".{place.name[:100]}.{secrets.token_hex(4)}.part")
        if place.exists() and not place.is_file():
            raise OutputError(f"{target} cannot be written: it is not a regular file")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise OutputError(f"{target} cannot be written: {reason}; choose another place with -o") from None
