"""The sample reports are what their run folders and event files give today; `make samples` rebuilds them."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import reportgen
from reportgen.pipeline import build_overview
from reportgen.run.page_data import encode
from reportgen.testing import ReportDoc

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_reports"
# The folders of runs that reportgen recorded, and the first finding of each that is more than a remark.
FIRST = {
    "digits": None,
    "digits-lr-too-high": "lr_too_high",
    "dead-relus": "dead_relu",
    "eval-mode-left-on": "eval_mode_in_train",
    "crashed-forward": "shape_mismatch",
    "validation-leak": "train_val_leakage",
}
LOGS = SAMPLES / "tensorboard-digits"
SHOWN = "adam-lr-0.002"
# What is built, and the committed page of it.
MADE = {
    **{name: (SAMPLES / name / "run", SAMPLES / name / "report.html") for name in FIRST},
    "tensorboard-digits": (LOGS / "logs", LOGS / "report.html"),
    "tensorboard-digits, one run": (LOGS / "logs" / SHOWN, LOGS / f"{SHOWN}.html"),
}
MOST_BYTES = 1_000_000
_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_EMBEDDINGS = re.compile(r'<section id="embeddings">.*?</section>', re.DOTALL)
_DATA = re.compile(r'(<script[^>]*type="application/json"[^>]*>)(.*?)(</script>)', re.DOTALL)


@dataclass(frozen=True)
class Parts:
    """A report taken apart: the data unpacked, what each graph says, and the HTML with neither."""

    data: bytes
    graphs: list[list[str]]
    html: str


def taken_apart(path: Path) -> Parts:
    """zlib's and dot's versions change bytes, not what is said; all else is compared as it stands.

    But for projections of embeddings: t-SNE follows the last bits of sums, which differ between processors.
    """
    html = path.read_bytes().decode("utf-8")
    blocks = _DATA.findall(html)
    assert len(blocks) == 1
    graphs: list[list[str]] = []

    def without_graph(match: re.Match[str]) -> str:
        if not match[0].startswith('<svg class="graph"'):
            return match[0]
        graphs.append(_said(match[0]))
        return "<svg/>"

    rest = _SVG.sub(without_graph, _DATA.sub(r"\1\3", html))
    rest, sections = _EMBEDDINGS.subn("", rest)
    text = blocks[0][1]
    if sections:
        run = reportgen.load(path)
        bare = tuple(replace(one, projections=()) for one in run.embeddings)
        text = encode(replace(run, embeddings=bare))
    block = json.loads(text)
    return Parts(zlib.decompress(base64.b64decode(block.get("run") or block["runs"])), graphs, rest)


def _said(drawing: str) -> list[str]:
    """Titles and labels of all nodes and edges, and their links; where each lies is dot's business.

    Which node an edge leads to is compared with the page's data.
    """
    links = re.findall(r'<a href="[^"]*"', drawing)
    return sorted([*links, *re.findall(r">([^<>]+)<", drawing)])


def pinned_elsewhere() -> list[str]:
    """The packages that decide a report's bytes and are not here in the version of constraints.txt."""
    upper = (ROOT / "constraints.txt").read_text().split("\n\n")[0]
    pins = re.findall(r"^([\w-]+)==([\w.]+)", upper, re.MULTILINE)
    assert "matplotlib" in dict(pins)
    return [f"{name} {version}" for name, version in pins if importlib.metadata.version(name) != version]


def first_difference(old: str, new: str) -> str:
    pairs = enumerate(zip(old, new, strict=False))
    place = next((at for at, (before, after) in pairs if before != after), min(len(old), len(new)))
    around = slice(max(0, place - 80), place + 80)
    return f"{old[around]!r} became {new[around]!r}"


@pytest.mark.parametrize("name", MADE)
def test_a_sample_report_is_what_its_runs_give(name: str, tmp_path: Path) -> None:
    differing = pinned_elsewhere()
    if differing:
        pytest.skip(f"the samples were made with {', '.join(differing)} (constraints.txt)")
    source, page = MADE[name]
    old = taken_apart(page)
    new = taken_apart(build_overview([source], tmp_path / "report.html").path)
    assert old.graphs or page == LOGS / "report.html", "no graph was found in the committed report"
    assert old.graphs == new.graphs
    assert old.data == new.data, "the page's data changed: run `make samples`"
    assert old.html == new.html, f"the page changed: run `make samples`. {first_difference(old.html, new.html)}"


@pytest.mark.parametrize("name", MADE)
def test_a_sample_keeps_the_promises_of_a_report(name: str) -> None:
    source, report = MADE[name]
    assert report.stat().st_size < MOST_BYTES
    ReportDoc(report).check()
    assert not (source / "report.html").exists(), "the report stands beside the run folder, once"


def test_the_event_files_are_small_and_name_no_machine() -> None:
    files = [path for path in (LOGS / "logs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    events = [path for path in files if "tfevents" in path.name]
    assert len(events) == 6  # a file a run, and one of its hyperparameters
    assert all(re.fullmatch(r"events\.out\.tfevents\.\d+\.host\.1\.\d", path.name) for path in events)
    for path in files:
        assert not re.search(rb"(?<![\w.])/(home|root|work|tmp|usr|Users)\b", path.read_bytes()), path


def test_the_runs_of_the_event_files_differ_and_one_holds_all_that_can_be_logged() -> None:
    runs = {run.meta.title: run for run in reportgen.load_all(LOGS / "logs")}
    assert len(runs) == 3
    reached = {title: max(run.scalars["val/accuracy"].values) for title, run in runs.items()}
    assert sorted(reached.values())[1] > 0.95
    assert reached["sgd-lr-0.005"] < 0.95
    run = runs[SHOWN]
    logged = (run.scalars, run.distributions, run.images, run.texts, run.pr_curves, run.hparams, run.embeddings)
    assert all(logged)
    assert run.layouts
    assert run.graphs


@pytest.mark.parametrize("name", FIRST)
def test_the_first_finding_of_a_sample_is_its_fault_and_the_page_shows_it(name: str) -> None:
    run = reportgen.load(SAMPLES / name / "run")
    found = [finding for finding in reportgen.findings(run) if finding.severity != "info"]
    assert (found[0].id if found else None) == FIRST[name]
    shown = " ".join(ReportDoc(SAMPLES / name / "report.html").text.split())
    assert all(" ".join(finding.title.split()) in shown for finding in found)


@pytest.mark.parametrize("name", FIRST)
def test_a_run_folder_is_small_and_names_no_machine(name: str) -> None:
    files = [path for path in (SAMPLES / name / "run").rglob("*") if path.is_file()]
    # The page of the run that learned, and of its twin, draws on many epochs.
    assert sum(path.stat().st_size for path in files) < 2 * MOST_BYTES
    for path in files:
        assert not re.search(rb"(?<![\w.])/(home|root|work|tmp|usr|Users)\b", path.read_bytes()), path


def test_two_samples_differ_in_the_learning_rate_only_and_one_of_them_learned() -> None:
    learned, lost = (reportgen.load(SAMPLES / name / "run") for name in ("digits", "digits-lr-too-high"))
    assert learned.scalars["val/accuracy"].last >= 0.95
    assert lost.scalars["val/accuracy"].last < 0.5
    changed = {key for key in learned.meta.config if learned.meta.config[key] != lost.meta.config[key]}
    assert changed == {"lr"}


def test_the_readme_and_make_name_every_sample_and_its_first_finding() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = re.search(r"^SAMPLES := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert made
    assert made[1].split() == list(FIRST)
    for name, finding in FIRST.items():
        rows = [line for line in readme.splitlines() if line.startswith(f"| [{name}](sample_reports/{name}/train.py)")]
        assert len(rows) == 1, name
        assert (f"`{finding}`" in rows[0]) if finding else ("none" in rows[0]), name
