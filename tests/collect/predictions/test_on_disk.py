"""The way from a batch to what a reader finds, with the real recorder."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from reportgen.collect.encoding import Encoding
from reportgen.collect.media import Media
from reportgen.collect.predictions import Predictions
from reportgen.collect.recorder import Recorder
from reportgen.readers.load import load
from reportgen.run.folder import create_folder
from reportgen.run.records import Meta, Run
from tests.collect.predictions.given import logits_and_labels


def recorder_in(path: Path) -> Recorder:
    return Recorder(create_folder("predictions", path / "run"), Meta("predictions", "running", 0.0))


def wait_for(path: Path, seconds: float) -> Run | None:
    """The run once it holds a set with examples, as a reader in another process would find it after a kill."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = load(path / "run")
        if run.predictions and run.predictions[-1].examples:
            return run
        time.sleep(0.1)
    return None


def test_predictions_alone_are_on_disk_soon_without_any_flush(tmp_path):
    recorder = recorder_in(tmp_path)
    predictions = Predictions(recorder)
    logits, labels = logits_and_labels(32, 10)
    logits[0, 0] = np.nan
    predictions.add(torch.rand(32, 28, 28), logits, labels, ["\ud800"] + [f"c{n}" for n in range(9)], step=3)
    run = wait_for(tmp_path, 10.0)
    recorder.close()
    assert run is not None
    (found,) = run.predictions
    assert (found.split, found.stamp.step, found.samples, found.task) == ("val", 3, 32, "classification")
    assert found.classes[:2] == ("\ud800", "c0")
    assert np.isnan(found.metrics["loss"])
    assert len(found.examples) == 32
    assert all(run.media[example.image].startswith(b"\x89PNG") for example in found.examples if example.image)
    assert all(example.image for example in found.examples)


def test_earlier_sets_keep_their_metrics_and_the_order_of_steps(tmp_path):
    recorder = recorder_in(tmp_path)
    predictions = Predictions(recorder)
    for step in range(5):
        predictions.add(torch.rand(8, 28, 28), *logits_and_labels(8, 3, seed=step), step=step)
        predictions.flush()
    recorder.flush()
    run = load(tmp_path / "run")
    recorder.close()
    assert [one.stamp.step for one in run.predictions] == [0, 1, 2, 3, 4]
    assert all(one.confusion and one.metrics for one in run.predictions)
    assert [bool(one.examples) for one in run.predictions].count(True) <= 3
    assert run.predictions[0].examples
    assert run.predictions[4].examples


def test_images_texts_and_tables_are_read_back(tmp_path):
    recorder = recorder_in(tmp_path)
    media = Media(recorder, Encoding(recorder))
    media.images("seen", torch.rand(2, 1, 28, 28), step=1)
    media.text("said", "a\n\ud800b", step=2)
    media.table("made", [{"a": 1.5, "b": True}, {"a": "x"}])
    recorder.flush()
    run = load(tmp_path / "run")
    recorder.close()
    assert (run.images[0].tag, run.images[0].stamp.step, len(run.images[0].media)) == ("seen", 1, 2)
    assert (run.texts[0].text, run.texts[0].stamp.step) == ("a\n\ud800b", 2)
    assert (run.tables[0].columns, run.tables[0].rows) == (("a", "b"), ((1.5, True), ("x", None)))
