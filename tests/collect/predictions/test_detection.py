from __future__ import annotations

import importlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from reportgen.collect.predictions import Predictions, vision
from reportgen.errors import InvalidArgumentError
from tests.collect.fake_recorder import FakeRecorder
from tests.collect.predictions.given import recorded

TRUTH = [
    {"boxes": torch.tensor([[0, 0, 10, 10], [20, 20, 40, 40]]), "labels": torch.tensor([1, 1])},
    {"boxes": torch.tensor([[5.0, 5.0, 15.0, 15.0]]), "labels": torch.tensor([2])},
]
FOUND = [
    {
        "boxes": torch.tensor([[0.0, 0.0, 10.0, 9.0], [1.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]]),
        "labels": torch.tensor([1, 1, 1]),
        "scores": torch.tensor([0.9, 0.8, 0.3]),
    },
    {"boxes": torch.tensor([[5.0, 5.0, 15.0, 15.0]]), "labels": torch.tensor([2]), "scores": torch.tensor([0.6])},
]


def test_each_object_is_found_once_and_low_scores_count_for_the_area_only():
    found = recorded((None, FOUND, TRUTH), classes={1: "cat", 2: "dog"})
    # Class cat: a hit at 0.9, a second box on the same object, a far box of low score; one of two objects is missed.
    assert (found.task, found.samples) == ("detection", 2)
    assert found.metrics == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "ap50": (0.5 + 1.0) / 2})
    cat, dog = found.scores
    assert (cat.name, cat.support, cat.predicted, cat.hits, cat.average_precision) == ("cat", 2, 2, 1, 0.5)
    assert (dog.name, dog.precision, dog.recall) == ("dog", 1.0, 1.0)
    assert [(example.index, example.correct) for example in found.examples] == [(0, False), (1, True)]
    assert found.examples[0].truth == "2 boxes: 2 cat"


def test_average_precision_is_that_of_the_voc_curve():
    generator = np.random.default_rng(0)
    truth, found, scored = [], [], []
    for _ in range(60):
        corner = generator.random((3, 2)) * 10 + np.arange(3)[:, None] * 100
        boxes = np.concatenate([corner, corner + 50], axis=1)
        hit = generator.random(3) < 0.6
        shifted = boxes + np.where(hit, 0, 45)[:, None]
        scores = np.clip(generator.normal(0.4, 0.15, 3) + 0.25 * hit, 0.01, 0.99)
        truth.append({"boxes": boxes, "labels": np.ones(3)})
        found.append({"boxes": shifted, "labels": np.ones(3), "scores": scores})
        scored += list(zip(scores, hit, strict=True))
    scored.sort(reverse=True)
    hits = np.cumsum([hit for _, hit in scored])
    precision = hits / np.arange(1, len(scored) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    expected = (np.diff(hits, prepend=0) / 180 * best).sum()
    assert recorded((None, found, truth)).metrics["ap50"] == pytest.approx(expected, abs=2e-3)


def test_images_without_objects_and_without_boxes():
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    found = recorded((None, [{**nothing, "scores": torch.zeros(0)}, FOUND[1]], [nothing, nothing]))
    assert found.metrics == {"precision": 0.0, "f1": 0.0}
    assert {example.index: example.correct for example in found.examples} == {0: True, 1: False}


def test_boxes_are_drawn_at_the_size_of_the_kept_image_with_hostile_names():
    recorder = FakeRecorder()
    predictions = Predictions(recorder)
    image = torch.zeros(3, 448, 448)
    boxes = torch.tensor([[100.0, 100.0, 300.0, 300.0]])
    truth = [{"boxes": boxes, "labels": torch.tensor([1])}]
    found = [{"boxes": boxes + 100, "labels": torch.tensor([1]), "scores": torch.tensor([0.75])}]
    predictions.add([image], found, truth, classes={1: "\ud800\u202e</script>" + "x" * 10_000}, step=0)
    predictions.flush()
    (example,) = recorder.records[-1][1].examples
    overlay = np.array(Image.open(io.BytesIO(recorder.media[example.overlay])).convert("RGB")).astype(int)
    assert overlay.shape == (224, 224, 3)
    truth_edge, guess_edge = overlay[100, 50], overlay[180, 200]
    assert truth_edge[1] > truth_edge[[0, 2]].max() + 20  # green at half of x = 100
    assert guess_edge[0] > guess_edge[[1, 2]].max() + 40  # red at half of x = 400


def broken_import(name: str) -> object:
    if name.startswith("torchvision"):
        raise RuntimeError("operator torchvision::nms does not exist")
    return importlib.__import__(name)


def test_without_torchvision_there_is_one_note_and_everything_else(monkeypatch):
    monkeypatch.setattr(vision, "_found", [])
    monkeypatch.setattr(vision.importlib, "import_module", broken_import)
    recorder = FakeRecorder()
    predictions = Predictions(recorder)
    for step in range(3):
        predictions.add(torch.zeros(2, 3, 64, 64), FOUND, TRUTH, step=step)
        predictions.flush()
    record = max((record for _, record in recorder.records), key=lambda record: record.stamp.step)
    assert (record.samples, record.metrics) == (2, {})
    assert any("torchvision cannot be imported" in note for note in record.notes)
    assert [example.overlay for example in record.examples] == [None, None]
    assert all(example.image for example in record.examples)
    assert {what for _, _, what in recorder.notes} == {
        "torchvision cannot be imported (RuntimeError: operator torchvision::nms does not exist): "
        "boxes and masks are not drawn over the images."
    }


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([{"boxes": [[0, 0, 1, 1]], "labels": [1]}], r"outputs\[0\]"),
        ([{"boxes": [[0, 0, 1, 1]], "labels": [1, 2], "scores": [0.5]}], "1 boxes, 2 labels, 1 scores"),
        ([{"boxes": [[0, 0, 1, 1]], "labels": [1], "scores": [7.0]}], r"outputs\[0\]\['scores'\] is 7.0"),
    ],
)
def test_incomplete_detections_are_named(found, message):
    with pytest.raises(InvalidArgumentError, match=message):
        recorded((None, found, [{"boxes": [[0, 0, 1, 1]], "labels": [1]}]))
