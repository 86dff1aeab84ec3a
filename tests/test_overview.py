"""Several runs become one page: from folders, event files and pages, and from the page itself again."""

import dataclasses
import json
import shutil

import pytest

import reportgen
from reportgen.errors import InvalidArgumentError, OutputError, UnreadableRunError
from reportgen.pipeline import build, build_overview
from reportgen.readers.page import read_page
from reportgen.testing import ReportDoc, fake_run
from tests.readers.writing import write_folder
from tests.sections.overview.several import small_run


def run_of(title, accuracy, lr, **changes):
    scalars = {"val/acc": [0.1, accuracy], "train/loss": [2.0, 1.0 - accuracy, 0.5]}
    run = fake_run(title=title, layers=1, steps=3, snapshots=2, scalars=scalars, predictions=(), graphs=(), **changes)
    meta = dataclasses.replace(run.meta, config={**run.meta.config, "lr": lr})
    return dataclasses.replace(run, meta=meta, media={})


@pytest.fixture
def runs(tmp_path):
    """A folder with three runs, the second the best."""
    for name, accuracy, lr in (("a", 0.5, 0.1), ("b", 0.9, 0.01), ("c", 0.7, 0.001)):
        write_folder(tmp_path / "runs" / name, run_of("digits", accuracy, lr, hostile=name == "c"))
    return tmp_path / "runs"


def text_of(path):
    return ReportDoc(path).check().text


def test_a_folder_of_runs_gives_one_page_in_it(runs):
    result = build_overview([runs])
    assert result.path == runs / "report.html"
    assert (result.runs, result.unread) == (3, ())
    assert result.bytes == result.path.stat().st_size
    doc = ReportDoc(result.path).check()
    assert set(doc.sections) >= {"runs", "metrics", "hyperparameters", "findings"}
    assert len(doc.charts) == 3


def test_the_page_is_the_same_wherever_the_runs_lie(tmp_path, runs):
    first = build_overview([runs]).path.read_bytes()
    shutil.copytree(runs, tmp_path / "else where")
    second = build_overview([tmp_path / "else where"], tmp_path / "second.html").path.read_bytes()
    assert first == second
    assert str(tmp_path).encode() not in first


def test_the_page_gives_that_page_again_and_its_runs(tmp_path, runs):
    first = build_overview([runs]).path
    again = build_overview([first], tmp_path / "again.html").path
    assert again.read_bytes() == first.read_bytes()
    assert build_overview([first]).path == first
    loaded = reportgen.load_all(first)
    assert [run.scalars["val/acc"].last for run in loaded] == pytest.approx([0.9, 0.7, 0.5])
    with pytest.raises(UnreadableRunError, match=r"several runs; reportgen\.load_all gives them: b, c, a"):
        reportgen.load(first)
    with pytest.raises(UnreadableRunError, match="several runs"):
        build(first)
    with pytest.raises(UnreadableRunError, match="the overview of several runs"):
        read_page(first)


def test_pages_give_what_their_folders_give(tmp_path, runs):
    pages = []
    for name in ("a", "b", "c"):
        (tmp_path / "pages" / name).mkdir(parents=True)
        pages.append(build(runs / name, tmp_path / "pages" / name / "report.html").path)
    of_pages = build_overview(pages, tmp_path / "pages.html").path.read_bytes()
    of_folders = build_overview([runs / name for name in "abc"], tmp_path / "folders.html").path.read_bytes()
    assert of_pages == of_folders


def test_an_overview_page_and_another_run_make_a_page_of_all(tmp_path, runs):
    first = build_overview([runs]).path
    write_folder(tmp_path / "best", run_of("digits", 0.95, 0.5))
    result = build_overview([first, tmp_path / "best"], tmp_path / "all.html")
    assert result.runs == 4
    assert reportgen.load_all(result.path)[0].meta.config["lr"] == 0.5


def test_one_run_in_a_folder_has_its_own_page(tmp_path):
    write_folder(tmp_path / "runs" / "only", run_of("only", 0.5, 0.1))
    result = build_overview([tmp_path / "runs"])
    assert result.path == tmp_path / "runs" / "report.html"
    own = build(tmp_path / "runs" / "only", tmp_path / "own.html").path
    assert result.path.read_bytes() == own.read_bytes()


def test_a_run_that_cannot_be_read_is_listed_and_the_others_shown(runs):
    (runs / "bad").mkdir()
    (runs / "bad" / "run.json").write_text(json.dumps({"schema": 1, "title": 5}))
    result = build_overview([runs])
    assert result.runs == 3
    ((name, reason),) = result.unread
    assert name == "bad"
    text = text_of(result.path)
    assert "1 more run could not be read" in text
    assert " ".join(reason.split())[:60] in " ".join(text.split())
    again = build_overview([result.path], runs / "again.html")
    assert again.path.read_bytes() == result.path.read_bytes()


def test_where_no_run_can_be_read_there_is_no_page(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text("{")
    with pytest.raises(UnreadableRunError, match=r"none of the 2 runs can be read; the first: .*a"):
        build_overview([tmp_path / "runs"])
    assert not (tmp_path / "runs" / "report.html").exists()


def test_several_sources_need_a_place_and_carry_thinned_curves_only(runs):
    with pytest.raises(InvalidArgumentError, match="a file to write"):
        build_overview([runs / "a", runs / "b"])
    with pytest.raises(InvalidArgumentError, match="thin"):
        build_overview([runs], embed="full")


def test_an_overview_page_is_not_replaced_by_one_that_differs(runs):
    page = build_overview([runs]).path
    page.write_bytes(page.read_bytes().replace(b"</body>", b"<!-- by hand --></body>"))
    with pytest.raises(OutputError, match="-o"):
        build_overview([page])


def test_findings_are_those_of_each_runs_own_page(tmp_path, runs):
    broken = run_of("broken", 0.2, 1.0, failure=True)
    nan = dataclasses.replace(broken, failure=None, meta=dataclasses.replace(broken.meta, status="finished"))
    write_folder(runs / "failed", broken)
    write_folder(
        runs / "nan", fake_run(title="nan", layers=1, steps=3, scalars={"val/acc": [0.1], "loss": [float("nan")]})
    )
    write_folder(runs / "fine", nan)
    for name in ("failed", "nan", "fine"):
        own = [one.id for one in build(runs / name, tmp_path / "own.html").findings if one.severity != "info"]
        told = build_overview([runs / name, runs / "b"], tmp_path / "two.html").findings
        assert [one.id for one in told] == own, name


def test_many_runs_make_a_small_page(tmp_path):
    for number in range(230):
        scalars = {f"part{k}/loss": [1.0 / (number + step + k + 1) for step in range(15)] for k in range(12)}
        run = small_run("sweep", scalars, {"lr": number / 1000, "seed": number % 5})
        write_folder(tmp_path / "runs" / f"run-{number:03d}", run)
    result = build_overview([tmp_path / "runs"])
    assert result.runs == 230
    assert result.bytes < 1_000_000
    assert "The first 200 of 230 are shown" in text_of(result.path)
    again = build_overview([result.path], tmp_path / "again.html")
    assert again.runs == 230
    assert again.path.read_bytes() == result.path.read_bytes()


def test_the_logs_of_a_tensorboard_folder_are_laid_beside_each_other(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for name, value in (("slow", 0.5), ("quick", 0.8)):
        writer = EventFileWriter(str(tmp_path / "logs" / name))
        for step in range(5):
            summary = Summary(value=[Summary.Value(tag="Accuracy/test", simple_value=value * step / 5)])
            writer.add_event(Event(step=step, wall_time=1e9 + step, summary=summary))
        writer.close()
    write_folder(tmp_path / "logs" / "ours", run_of("ours", 0.6, 0.1))
    result = build_overview([tmp_path / "logs"])
    assert result.path == tmp_path / "logs" / "report.html"
    assert sorted(run.meta.title for run in reportgen.load_all(result.path)) == ["ours", "quick", "slow"]
