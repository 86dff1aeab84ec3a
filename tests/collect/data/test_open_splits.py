"""Which split `recorder.split` says the loop is in."""

from __future__ import annotations

import warnings

import pytest

import reportgen
from reportgen.collect.data.open_splits import OpenSplits


def test_the_split_that_is_open_is_the_innermost(report):
    recorder = report._recorder
    seen = []
    for _ in report.track([1, 2, 3]):
        seen.append(recorder.split)
        recorder.optimizer_step += 1
        for _ in report.track([1, 2], "val"):
            seen.append(recorder.split)  # noqa: PERF401
        seen.append(recorder.split)
    assert seen == ["train", "val", "val", "train"] * 3
    assert recorder.split is None


def test_splits_that_take_turns_are_not_taken_for_one_inside_the_other(report):
    recorder = report._recorder
    seen = []
    for _ in zip(report.track([1] * 4), report.track([1] * 4, "unlabelled"), strict=False):
        seen.append(recorder.split)
        recorder.optimizer_step += 1
    assert seen == [None] * 4


def test_a_loader_left_half_way_gives_the_split_back(report):
    recorder = report._recorder
    held = iter(report.track([1, 2, 3], "val"))
    next(held)
    assert recorder.split == "val"
    seen = []
    for _ in report.track([1, 2, 3]):
        seen.append(recorder.split)  # noqa: PERF401
    assert seen == [None, "train", "train"]
    assert recorder.split == "val"
    held.close()
    assert recorder.split is None


@pytest.mark.parametrize("broken", ["advance", "close"])
def test_a_failure_in_following_splits_does_not_reach_the_loop(tmp_path, monkeypatch, broken):
    def fail(self, opened):
        raise IndexError("list index out of range")

    monkeypatch.setattr(OpenSplits, broken, fail)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so, once
        report = reportgen.Report("run", folder=tmp_path / "run")
        assert list(report.track([1, 2, 3], progress=False)) == [1, 2, 3]
        report.close()
    assert "IndexError" in reportgen.load(report.folder).notes[0].what
