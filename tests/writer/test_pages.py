"""The page that close() builds, also of what is odd in every way, and what its tables say."""

from __future__ import annotations

import math

import numpy as np
import torch

from reportgen import SummaryWriter, load
from reportgen.testing import ReportDoc


def test_empty_broken_and_hostile_records_of_every_kind_make_a_sound_page(tmp_path):
    writer = SummaryWriter(tmp_path / "odd", strict=True)
    for tag in ("", "a\nb", "<script>alert(1)</script>", "x" * 400):
        writer.add_scalar(tag, 1.0, 0)
        writer.add_scalar(tag, math.nan, 1)
        writer.add_scalars(tag, {tag: math.inf}, 0)
        writer.add_hparams({tag: tag}, {tag: 1.0})
        writer.add_histogram(tag, torch.full((5,), math.nan), 0)
        writer.add_images(tag, torch.rand(0, 3, 8, 8), 0)
        writer.add_text(tag, "<img src=x onerror=alert(1)> [a](javascript:alert(1))", 0)
        writer.add_audio(tag, torch.zeros(2), 0)
        writer.add_video(tag, torch.zeros(1, 1, 1, 1, 1), 0)
        writer.add_embedding(torch.zeros(0, 4), tag=tag)
        writer.add_embedding(torch.full((3, 4), math.nan), tag=tag, global_step=1)
        writer.add_pr_curve(tag, torch.tensor([]), torch.tensor([]), 0)
        writer.add_mesh(tag, torch.full((1, 4, 3), math.nan))
        writer.add_mesh(tag, torch.zeros(0, 4, 3))
        writer.add_mesh(tag, torch.zeros(1, 0, 3))
        writer.add_tensor(tag, torch.zeros(0))
        writer.add_custom_scalars({tag: {tag: ["Multiline", [tag, "("]]}})
    writer.add_custom_scalars({})
    writer.close()
    page = ReportDoc(tmp_path / "odd" / "report.html")
    page.check()
    assert "<script>alert(1)</script>" in page.text
    assert load(tmp_path / "odd" / "report.html").meta.title == "odd"


def test_the_tables_of_the_page_say_what_was_logged(tmp_path):
    writer = SummaryWriter(tmp_path / "run", strict=True)
    for step, value in enumerate((0.125, 3.4028234663852886e38, math.nan, math.inf, -math.inf, 0.25)):
        writer.add_scalar("value", value, step)
    writer.add_hparams({"rate": 0.125, "layers": 3, "bias": True, "none": None, "name": "adam"}, {"hp/score": 0.75})
    writer.add_tensor("tensor", torch.tensor([1.5, 2.5]).bfloat16(), 7)
    writer.add_text("words", "|left|right|\n|-|-|\n|cell one|cell two|", 3)
    writer.add_embedding(np.eye(3), ["one", "two", "three"], tag="points")
    writer.close()
    page = ReportDoc(tmp_path / "run" / "report.html")
    page.check()
    run, shown = load(tmp_path / "run"), load(tmp_path / "run" / "report.html")
    for tag, series in run.scalars.items():
        assert list(shown.scalars[tag].steps) == list(series.steps)
        wanted = np.array(series.values, dtype=np.float32)
        assert np.array_equal(np.array(shown.scalars[tag].values, dtype=np.float32), wanted, equal_nan=True)
    assert shown.hparams[0].params == run.hparams[0].params
    assert shown.texts == run.texts
    cells = {" ".join(cell.split()) for table in page.tables() for row in table for cell in row}
    assert {"rate", "0.125", "layers", "3", "name", "adam", "cell one", "cell two"} <= cells
    assert "bfloat16" in page.text
