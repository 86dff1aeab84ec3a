"""The page of an imported run."""

import pytest
from torch.utils.tensorboard import SummaryWriter

from reportgen import load
from reportgen.diagnose import diagnose
from reportgen.pipeline import build, build_html
from reportgen.readers.load import load_for_page
from reportgen.run import thin_distributions
from reportgen.sections import build_sections
from tests.readers.events.writing import scalar, version, write


def sentence(run):
    header, _, _ = build_sections(run, diagnose(run))
    return "".join(reading.text for reading in header.verdict)


def test_an_imported_run_is_neither_failed_nor_unfinished(tmp_path):
    run = load(write(tmp_path, version(), *(scalar("train/loss", 1 / (1 + at), at, 100 + at) for at in range(9))))
    diagnosis = diagnose(run)
    header, _, footer = build_sections(run, diagnosis)
    assert (header.status, header.level) == ("imported", "ok")
    assert diagnosis.findings == ()
    assert {check.id for check in diagnosis.unchecked} >= {"run_failed", "no_end_recorded", "stopped_by_user"}
    assert "do not say how the run ended" in sentence(run)
    assert footer[-1].startswith("Read from TensorBoard's event files")
    assert header.facts[0] == "8.0\N{NO-BREAK SPACE}s"


def test_a_log_without_anything_in_it_says_so(tmp_path):
    run = load(write(tmp_path, version()))
    assert sentence(run) == "The event files hold nothing that was logged yet."
    build_html(run)


def test_a_page_built_from_the_page_is_the_same(tmp_path):
    import numpy as np
    import torch

    with SummaryWriter(tmp_path / "log") as writer:
        for step in range(2000):
            writer.add_scalar("train/loss", 1 / (1 + step), step)
        for step in range(12):
            writer.add_histogram("h", np.arange(20.0) * step, step)
            writer.add_image("i", np.full((3, 40, 40), 20 * step, np.uint8), step)
            writer.add_text("t", f"*{step}*", step)
        writer.add_audio("a", torch.sin(torch.arange(800) / 9)[None], 1, sample_rate=8000)
        writer.add_pr_curve("p", np.arange(9) % 2, np.arange(9) / 9, 1)
        writer.add_mesh("m", torch.rand(1, 5, 3, generator=torch.Generator().manual_seed(0)))
        writer.add_embedding(torch.rand(9, 4, generator=torch.Generator().manual_seed(0)))
        writer.add_hparams({"lr": 0.1}, {"m": 1.0})
    first = build(tmp_path / "log")
    assert first.path == tmp_path / "log" / "report.html"
    second = build(first.path, tmp_path / "again.html")
    assert second.path.read_bytes() == first.path.read_bytes()
    assert build(tmp_path / "log", tmp_path / "third.html").path.read_bytes() == first.path.read_bytes()
    assert first.bytes < 1_000_000
    again = load(first.path)
    assert again.meta.status == "imported"
    assert again.scalars["train/loss"].logged == 2000


@pytest.mark.parametrize("tag", ["line\nbreak", "<script>alert(1)</script>", "x" * 10_000, "\x00\x1b[31m"])
def test_a_tag_of_any_kind_gives_a_page(tmp_path, tag):
    run = load(write(tmp_path, version(), *(scalar(tag, at, at) for at in range(5))))
    html, _ = build_html(run)
    assert "<script>alert" not in html
    assert len(html) < 200_000


def test_reading_for_a_page_gives_the_same_page(tmp_path, monkeypatch):
    import numpy as np

    # Each tag keeps fewer than it would if its split were all there is.
    monkeypatch.setattr(thin_distributions, "ALL_SNAPSHOTS", 70)
    monkeypatch.setattr(thin_distributions, "ALL_HISTOGRAMS", 70)

    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        with SummaryWriter(tmp_path / split) as writer:
            for tag in range(5):
                for step in range(9):
                    values = generator.normal(size=8) if step != 4 else np.array([1.0, np.nan])
                    writer.add_histogram(f"layer {tag}", values, step, walltime=100 + step)
    whole, short = load(tmp_path), load_for_page(tmp_path)
    kept = sum(len(series.snapshots) for series in short.distributions["histogram"].values())
    assert kept < sum(len(series.snapshots) for series in whole.distributions["histogram"].values()) == 90
    assert build_html(short)[0] == build_html(whole)[0]


def test_steps_that_began_anew_have_the_pace_of_their_own_stretches(tmp_path):
    def stats(steps):
        path = write(tmp_path, version(), *(scalar("loss", 1.0, step, 100 + at) for at, step in enumerate(steps)))
        run = load(path)
        return {stat.label: stat.value for stat in build_sections(run, diagnose(run))[0].stats.items}

    assert stats(range(40))["step"] == "1.0\xa0s"
    assert stats([*range(20), *range(20)])["step"] == "1.0\xa0s"


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e300, 1e300, -5.0, 4e11])
def test_a_time_that_no_clock_tells_gives_a_page(tmp_path, time):
    with SummaryWriter(tmp_path / "log") as writer:
        for step in range(4):
            writer.add_scalar("loss", 1.0, step, walltime=time if step == 2 else 1.7e9 + step)
            writer.add_text("text", "said", step, walltime=time)
    run = load(tmp_path / "log")
    assert list(run.scalars["loss"].times) == [1.7e9, 1.7e9 + 1, 1.7e9 + 1, 1.7e9 + 3]
    assert [note.what.split()[0] for note in run.notes if note.where == "wall times"] == ["1"]
    assert all(0 <= moment < 253_402_300_800 for moment in (run.meta.started, run.meta.last_record))
    build_html(run)
