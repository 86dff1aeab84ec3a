from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as judge

from reportgen.collect.predictions import scores
from reportgen.collect.predictions.scores import BINS, ScoreHistograms, average_precision, bins_of
from reportgen.errors import InvalidArgumentError
from tests.collect.predictions.given import logits_and_labels, recorded, softmax

LOGITS, LABELS = logits_and_labels(1500, 10)


def in_batches(
    outputs: np.ndarray, targets: np.ndarray, size: int = 256
) -> list[tuple[None, torch.Tensor, torch.Tensor]]:
    return [
        (None, torch.from_numpy(outputs[at : at + size]), torch.from_numpy(targets[at : at + size]))
        for at in range(0, len(outputs), size)
    ]


def test_metrics_over_batches_agree_with_scikit_learn_and_torch():
    found = recorded(*in_batches(LOGITS, LABELS), classes=[f"c{n}" for n in range(10)])
    predicted = LOGITS.argmax(axis=1)
    assert found.task == "classification"
    assert found.samples == 1500
    assert found.confusion == tuple(map(tuple, judge.confusion_matrix(LABELS, predicted).tolist()))
    expected = {
        "accuracy": judge.accuracy_score(LABELS, predicted),
        "loss": float(torch.nn.functional.cross_entropy(torch.from_numpy(LOGITS), torch.from_numpy(LABELS))),
        "top-5 accuracy": judge.top_k_accuracy_score(LABELS, LOGITS, k=5),
        "macro f1": judge.f1_score(LABELS, predicted, average="macro"),
        "weighted f1": judge.f1_score(LABELS, predicted, average="weighted"),
    }
    for name, value in expected.items():
        assert found.metrics[name] == pytest.approx(value, abs=1e-12), name


def test_per_class_scores_agree_with_scikit_learn_within_a_bin():
    found = recorded(*in_batches(LOGITS, LABELS))
    predicted = LOGITS.argmax(axis=1)
    precision, recall, f1, support = judge.precision_recall_fscore_support(LABELS, predicted)
    shares = softmax(LOGITS)
    for index, score in enumerate(found.scores):
        assert (score.precision, score.recall, score.f1) == pytest.approx((precision[index], recall[index], f1[index]))
        assert (score.name, score.support) == (str(index), support[index])
        truth = index == LABELS
        assert score.average_precision == pytest.approx(
            judge.average_precision_score(truth, shares[:, index]), abs=2e-3
        )
        assert score.roc_auc == pytest.approx(judge.roc_auc_score(truth, shares[:, index]), abs=2e-4)


def test_histogram_areas_are_exactly_those_of_the_rounded_scores():
    generator = np.random.default_rng(1)
    odds = generator.normal(0, 3, size=(400, 2))
    odds[:50] = odds[50:100]  # ties
    truth = generator.random((400, 2)) < 0.3
    histograms = ScoreHistograms(2)
    histograms.add(odds, truth)
    for index in range(2):
        rounded = bins_of(odds[:, index])
        assert histograms.average_precision(index) == pytest.approx(
            judge.average_precision_score(truth[:, index], rounded)
        )
        assert histograms.roc_auc(index) == pytest.approx(judge.roc_auc_score(truth[:, index], rounded))
    assert bins_of(np.array([-1e9, -np.inf, 1e9, np.inf])).tolist() == [0, 0, BINS - 1, BINS - 1]


@pytest.mark.parametrize("held", [0, 500, 10**9])
def test_areas_do_not_depend_on_how_many_scores_are_held_back(monkeypatch, held):
    generator = np.random.default_rng(2)
    batches = [(generator.normal(0, 3, size=(50, 4)), generator.random((50, 4)) < 0.3) for _ in range(6)]
    for odds, truth in batches:
        truth[:, 3] = False  # a class without positives
        odds[:, 2] = 1.0  # one whose scores are all the same
    batches[2][0][7] = np.nan
    monkeypatch.setattr(scores, "HELD", held)
    histograms = ScoreHistograms(4)
    for at, batch in enumerate(batches):
        histograms.add(*batch)
        if at == 3:
            histograms.average_precision(0)  # asked for in between
    odds, truth = (np.concatenate(column) for column in zip(*batches, strict=True))
    known = ~np.isnan(odds[:, 0])
    for index in range(4):
        ours, others = (
            np.bincount(bins_of(odds[known & (truth[:, index] == belongs), index]), minlength=BINS)
            for belongs in (True, False)
        )
        assert histograms.average_precision(index) == average_precision(ours, others)
        area = judge.roc_auc_score(truth[known, index], bins_of(odds[known, index])) if index < 3 else None
        assert histograms.roc_auc(index) == pytest.approx(area)


def test_scores_that_differ_only_next_to_1_are_still_ranked():
    # All three probabilities round to 1.0000 in any equal division of [0, 1] into 10,000 bins.
    logits = np.array([[0.0, 12.0], [0.0, 13.0], [0.0, 14.0], [0.0, 15.0]])
    found = recorded((None, logits, [0, 0, 1, 1]))
    assert found.scores[1].roc_auc == 1.0


def test_calibration_error_is_that_of_guo_et_al():
    found = recorded(*in_batches(LOGITS, LABELS))
    shares = softmax(LOGITS)
    confidence, right = shares.max(axis=1), LOGITS.argmax(axis=1) == LABELS
    expected, bins = 0.0, np.minimum((confidence * 15).astype(int), 14)
    for index in range(15):
        inside = bins == index
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert found.metrics["calibration error"] == pytest.approx(expected)
    assert sum(found.confidence) == 1500
    assert sum(found.correct) == int(right.sum())


@pytest.mark.parametrize("form", ["logits", "probabilities", "log-probabilities"])
def test_all_scales_are_recognised_and_give_the_same_metrics(form):
    outputs = {"logits": LOGITS, "probabilities": softmax(LOGITS), "log-probabilities": np.log(softmax(LOGITS))}[form]
    found = recorded((None, outputs.astype(np.float32), LABELS))
    assert found.outputs_are == form
    assert found.metrics["loss"] == pytest.approx(recorded((None, LOGITS, LABELS)).metrics["loss"], rel=1e-5)
    assert "classification was read from outputs (1500, 10) float32" in found.reason


def test_outputs_are_overrides_what_the_rows_look_like():
    found = recorded((None, softmax(LOGITS), LABELS), outputs_are="logits")
    assert (found.outputs_are, found.metrics["accuracy"]) == (
        "logits",
        recorded((None, LOGITS, LABELS)).metrics["accuracy"],
    )
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(softmax(LOGITS)), torch.from_numpy(LABELS))
    assert found.metrics["loss"] == pytest.approx(float(expected))
    assert "the caller said so" in found.reason


def test_bfloat16_logits_and_lists_and_gradients_are_accepted():
    exact = torch.tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    for outputs in (exact, exact.bfloat16(), exact.tolist(), [exact[0], exact[1]], exact.to_sparse()):
        found = recorded((None, outputs, [0, 0]))
        assert found.metrics["loss"] == pytest.approx(1.220094, abs=1e-6)
        assert found.confusion == ((1, 1), (0, 0))


def test_nan_rows_have_no_prediction_and_are_counted_and_noted():
    logits = LOGITS[:100].copy()
    logits[3, 2] = np.nan
    logits[7, 1] = np.inf
    logits[9, :] = -np.inf
    found = recorded((None, logits, LABELS[:100]))
    hits = (logits.argmax(axis=1) == LABELS[:100])[[row for row in range(100) if row not in (3, 7, 9)]].sum()
    assert found.samples == 100
    assert found.metrics["accuracy"] == hits / 100
    assert math.isnan(found.metrics["loss"])
    assert sum(map(sum, found.confusion)) == 97
    assert any(note.startswith("3 samples whose outputs hold NaN") for note in found.notes)
    assert [example.prediction for example in found.examples[:3]] == ["none (NaN)"] * 3


def test_a_masked_class_of_minus_infinity_is_no_nan():
    found = recorded((None, [[0.0, -math.inf, 0.0], [0.0, 1.0, 0.0]], [0, 1]))
    expected = (math.log(2) + math.log(1 + 2 * math.exp(-1))) / 2
    assert (found.notes, found.metrics["loss"]) == ((), pytest.approx(expected))


def test_soft_and_one_hot_targets():
    shares = softmax(np.random.default_rng(3).normal(size=(1500, 10)))
    found = recorded((None, torch.from_numpy(LOGITS), torch.from_numpy(shares)))
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(LOGITS), torch.from_numpy(shares))
    assert (found.task, found.metrics["loss"]) == ("classification", pytest.approx(float(expected)))
    one_hot = recorded((None, LOGITS, np.eye(10)[LABELS]))
    assert one_hot.confusion == recorded((None, LOGITS, LABELS)).confusion
    assert one_hot.metrics == pytest.approx(recorded((None, LOGITS, LABELS)).metrics)


def test_samples_with_torchs_ignore_index_are_left_out():
    labels = LABELS.copy()
    labels[::3] = -100
    found = recorded((None, LOGITS, labels))
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(LOGITS), torch.from_numpy(labels))
    assert found.metrics["loss"] == pytest.approx(float(expected))
    assert "500 samples with the label -100 are left out." in found.notes
    assert all(example.index % 3 for example in found.examples)


def test_class_indices_as_outputs_give_no_loss():
    found = recorded((None, torch.tensor([0, 2, 1]), torch.tensor([0, 1, 1])), (None, [3], [3]), classes={1: "one"})
    assert (found.task, found.outputs_are) == ("classification", "labels")
    assert set(found.metrics) == {"accuracy", "macro f1", "weighted f1"}
    assert found.confusion == ((1, 0, 0, 0), (0, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 1))
    assert found.classes == ("0", "one", "2", "3")


@pytest.mark.parametrize("shape", [(1500,), (1500, 1)])
def test_binary_answers_agree_with_scikit_learn(shape):
    logits, labels = LOGITS[:, 0] * 2, LABELS % 2
    found = recorded((None, logits.reshape(shape).astype(np.float32), labels))
    predicted = logits > 0
    assert found.task == "binary"
    assert found.confusion == tuple(map(tuple, judge.confusion_matrix(labels, predicted).tolist()))
    bce = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits), torch.from_numpy(labels).double()
    )
    assert found.metrics["loss"] == pytest.approx(float(bce), rel=1e-6)
    assert found.metrics["f1"] == pytest.approx(judge.f1_score(labels, predicted))
    assert found.metrics["roc auc"] == pytest.approx(judge.roc_auc_score(labels, logits), abs=1e-3)
    shares = recorded((None, 1 / (1 + np.exp(-logits)), labels.astype(float)))
    assert (shares.outputs_are, shares.confusion) == ("probabilities", found.confusion)


def test_zero_logits_of_a_new_last_layer_are_not_probabilities_of_0():
    found = recorded((None, torch.zeros(8), torch.tensor([0, 1] * 4)))
    assert (found.outputs_are, found.metrics["loss"]) == ("logits", pytest.approx(math.log(2)))


def test_later_batches_that_are_no_probabilities_are_noted():
    found = recorded((None, [0.2, 0.7], [0, 1]), (None, [-3.0, 4.0], [0, 1]))
    assert found.outputs_are == "logits"
    assert any('outputs_are="logits"' in note for note in found.notes)


def test_thousands_of_classes_stay_bounded_and_say_what_is_left_out():
    logits, labels = logits_and_labels(300, 5000)
    found = recorded((None, logits.astype(np.float32), labels))
    assert (found.confusion, found.classes) == ((), ())
    assert len(found.scores) == 100
    assert found.metrics["accuracy"] == (logits.argmax(axis=1) == labels).mean()
    assert any("5,000 classes" in note for note in found.notes)


def test_examples_show_the_likeliest_classes():
    found = recorded((None, [[0.0, 3.0, 1.0]], [2]), classes=["cat", "dog", "emu"])
    (example,) = found.examples
    assert (example.truth, example.prediction, example.correct) == ("emu", "dog", False)
    assert [name for name, _ in example.top] == ["dog", "emu", "cat"]
    assert example.confidence == pytest.approx(example.top[0][1])
    assert example.loss == pytest.approx(-math.log(example.top[1][1]))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 1, 3], r"targets\[2\] is 3; accepted: class indices from 0 to 2"),
        ([0, -1, 2], r"targets\[1\] is -1"),
        ([[0.5, 0.6, 0.2]] * 3, "multilabel"),
    ],
)
def test_labels_out_of_range_are_named(targets, message):
    with pytest.raises(InvalidArgumentError, match=message):
        recorded((None, np.eye(3) * 2 - 1, targets), task="classification")
