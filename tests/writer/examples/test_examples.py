"""Scripts written for torch's SummaryWriter run with ours by changing the import; both reports then show the same."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import reportgen
from reportgen.pipeline import build_overview
from tests.writer.examples.comparing import Sides, differences
from tests.writer.examples.comparing.pages import page_differences
from tests.writer.examples.running import SCRIPTS, run_script
from tests.writer.examples.wanted import ON_PAGES, WANTED, unexplained

# Two writers in folders named after splits are one run in event files; the last test is about these.
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "splits")


@dataclass(frozen=True)
class Both:
    """One script run with both writers: the folders, the runs read back of them, and what ours printed."""

    name: str
    sides: tuple[Sides, ...] = field(repr=False)
    folders: tuple[Path, Path] = field(repr=False)
    printed: str = field(repr=False)


@dataclass(frozen=True)
class Pages:
    """The two reports."""

    theirs: Path
    ours: Path


@pytest.fixture(scope="module", params=NAMES)
def both(request, tmp_path_factory):
    top = tmp_path_factory.mktemp(request.param)
    theirs, ours = top / "theirs", top / "ours"
    given = time.time() - 1
    run_script(request.param, theirs, ours=False)
    printed = run_script(request.param, ours, ours=True)
    runs = [sorted(reportgen.load_all(folder), key=lambda run: run.meta.title) for folder in (theirs, ours)]
    assert len(runs[0]) == len(runs[1])
    return Both(
        request.param,
        tuple(Sides(one, two, given) for one, two in zip(*runs, strict=True)),
        (theirs, ours),
        printed,
    )


def test_both_writers_leave_the_same_records(both):
    found = [sentence for sides in both.sides for sentence in differences(sides)]
    odd = unexplained(found, WANTED.get(both.name, ()))
    assert not odd, "\n".join(odd)


def test_our_writer_prints_nothing_and_writes_the_report(both):
    assert both.printed == ""
    reports = list(both.folders[1].rglob("report.html"))
    assert len(reports) == len(both.sides)
    assert all(report.stat().st_size > 10_000 for report in reports)
    assert not list(both.folders[1].rglob("*tfevents*"))


def test_our_run_has_no_failure_of_its_own(both):
    for sides in both.sides:
        assert [note for note in sides.ours.notes if note.kind == "failure"] == []
        assert sides.ours.meta.status == "finished"


@pytest.fixture(scope="module")
def pages(both, tmp_path_factory):
    """The reports of both folders: of one run its page, of several their overview."""
    out = tmp_path_factory.mktemp("pages")
    for name, folder in zip(("theirs", "ours"), both.folders, strict=True):
        build_overview([folder], out / f"{name}.html")
    return Pages(out / "theirs.html", out / "ours.html")


def test_both_reports_show_the_same(both, pages):
    runs = zip(reportgen.load_all(pages.theirs), reportgen.load_all(pages.ours), strict=True)
    found = [sentence for theirs, ours in runs for sentence in page_differences(theirs, ours)]
    odd = unexplained(found, ON_PAGES.get(both.name, ()))
    assert not odd, "\n".join(odd)


def test_the_report_that_close_wrote_is_the_one_that_build_writes(both, pages):
    if len(both.sides) == 1:
        assert (both.folders[1] / "report.html").read_bytes() == pages.ours.read_bytes()
    else:
        for folder in both.folders[1].iterdir():
            written = (folder / "report.html").read_bytes()
            build_overview([folder])
            assert (folder / "report.html").read_bytes() == written


def test_writers_of_splits_record_what_torchs_folders_of_splits_hold(tmp_path):
    run_script("splits", tmp_path / "theirs", ours=False)
    run_script("splits", tmp_path / "ours", ours=True)
    whole = reportgen.load(tmp_path / "theirs")
    parts = {run.meta.title: run for run in reportgen.load_all(tmp_path / "ours")}
    joined = {f"{split}/{tag}": series for split, run in parts.items() for tag, series in run.scalars.items()}
    assert differences(Sides(whole, replace(whole, scalars=joined))) == []
    assert sorted(joined) == ["train/loss", "val/accuracy", "val/loss"]
