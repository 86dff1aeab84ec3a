from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import metrics as judge

from reportgen.collect.predictions import Predictions
from reportgen.errors import InvalidArgumentError
from tests.collect.fake_recorder import FakeRecorder
from tests.collect.predictions.given import recorded

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 4, 20, 30, generator=GENERATOR)
TRUTH = torch.randint(0, 4, (6, 20, 30), generator=GENERATOR)


def test_metrics_agree_with_scikit_learn_and_torch():
    found = recorded(
        (None, LOGITS[:4], TRUTH[:4]), (None, LOGITS[4:], TRUTH[4:]), classes=["sky", "sea", "sand", "ship"]
    )
    predicted = LOGITS.argmax(dim=1)
    truth, guess = TRUTH.flatten().numpy(), predicted.flatten().numpy()
    assert (found.task, found.outputs_are, found.samples) == ("segmentation", "logits", 6)
    assert found.confusion == tuple(map(tuple, judge.confusion_matrix(truth, guess).tolist()))
    expected = {
        "pixel accuracy": judge.accuracy_score(truth, guess),
        "mean iou": judge.jaccard_score(truth, guess, average="macro"),
        "mean dice": judge.f1_score(truth, guess, average="macro"),
        "loss": float(torch.nn.functional.cross_entropy(LOGITS.double(), TRUTH)),
    }
    assert found.metrics == pytest.approx(expected)
    assert [score.name for score in found.scores] == ["sky", "sea", "sand", "ship"]


def test_the_void_label_is_left_out():
    truth = TRUTH.clone()
    truth[:, :5] = 255
    truth[0] = -100
    found = recorded((None, LOGITS, truth))
    kept = torch.where(truth == 255, -100, truth)
    assert found.metrics["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(LOGITS.double(), kept)))
    assert sum(map(sum, found.confusion)) == 5 * 15 * 30
    assert f"{6 * 20 * 30 - 5 * 15 * 30:,} pixels labelled -100 or 255 are left out." in found.notes
    assert 0 not in {example.index for example in found.examples}


def test_one_channel_is_foreground_against_background():
    logits, truth = LOGITS[:, :1], (TRUTH > 1).long()
    found = recorded((None, logits, truth[:, None]))
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0].double(), truth.double())
    assert found.metrics["loss"] == pytest.approx(float(bce))
    assert found.metrics["mean iou"] == pytest.approx(
        judge.jaccard_score(truth.flatten().numpy(), (logits[:, 0] > 0).flatten().numpy(), average="macro")
    )


@pytest.mark.parametrize("form", ["probabilities", "log-probabilities"])
def test_other_scales_are_recognised(form):
    outputs = LOGITS.softmax(1) if form == "probabilities" else LOGITS.log_softmax(1)
    found = recorded((None, outputs.bfloat16() if form == "probabilities" else outputs.numpy(), TRUTH))
    assert found.outputs_are == form
    assert found.metrics["loss"] == pytest.approx(recorded((None, LOGITS, TRUTH)).metrics["loss"], rel=1e-2)


def test_class_maps_as_outputs():
    found = recorded((None, LOGITS.argmax(dim=1), TRUTH))
    assert found.outputs_are == "labels"
    assert found.confusion == recorded((None, LOGITS, TRUTH)).confusion
    assert "loss" not in found.metrics


def test_nan_pixels_have_no_prediction():
    logits = LOGITS.clone()
    logits[2, 1, 3, 3] = float("nan")
    found = recorded((None, logits, TRUTH))
    assert "1 pixels whose outputs hold NaN have no prediction." in found.notes
    assert np.isnan(found.metrics["loss"])
    assert found.examples[0].index == 2


def test_overlays_show_truth_beside_prediction():
    recorder = FakeRecorder()
    predictions = Predictions(recorder)
    truth = torch.zeros(1, 64, 64, dtype=torch.long)
    truth[0, :32] = 1
    scores = torch.stack([torch.ones(64, 64), torch.zeros(64, 64)])[None]
    predictions.add(torch.full((1, 3, 64, 64), 0.5), scores, truth, step=0)
    predictions.flush()
    (example,) = recorder.records[-1][1].examples
    assert example.overlay is not None
    overlay = np.array(Image.open(io.BytesIO(recorder.media[example.overlay])).convert("RGB")).astype(int)
    height, width = overlay.shape[:2]
    assert (height, width) == (64 + 8, 2 * 64 + 12)
    assert abs(overlay[10, 20] - [230 * 0.55 + 127 * 0.45, 159 * 0.55 + 127 * 0.45, 127 * 0.45]).max() < 3
    assert set(overlay[60, 20]) <= {127, 128}  # below: background in the truth
    assert set(overlay[10, 64 + 20]) <= {127, 128}  # right: the prediction has background everywhere
    assert example.truth == "0 50%, 1 50%"
    assert example.prediction == "0 100%; 50.0% of pixels right"


def test_kept_maps_are_small_copies():
    recorder = FakeRecorder()
    predictions = Predictions(recorder)
    predictions.add(None, torch.randn(1, 2, 600, 500), torch.zeros(1, 600, 500, dtype=torch.long), step=0)
    (_, kept), *_ = predictions._open["val"].reservoir.kept()
    assert kept.shown.drawing.prediction.shape == (200, 167)
    assert kept.shown.drawing.prediction.base is None


def test_labels_out_of_range_are_named():
    with pytest.raises(InvalidArgumentError, match="targets is 4; accepted: class indices from 0 to 3"):
        recorded((None, LOGITS, TRUTH + 1))
