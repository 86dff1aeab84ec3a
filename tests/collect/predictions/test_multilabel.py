from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as judge

from reportgen.errors import InvalidArgumentError
from tests.collect.predictions.given import recorded

GENERATOR = np.random.default_rng(0)
TRUTH = (GENERATOR.random((500, 4)) < [0.1, 0.3, 0.5, 0.7]).astype(np.int64)
LOGITS = GENERATOR.normal(size=(500, 4)) + 2 * TRUTH - 1


def test_metrics_agree_with_scikit_learn_and_torch():
    found = recorded((None, LOGITS[:200], TRUTH[:200]), (None, LOGITS[200:], TRUTH[200:]), classes=list("abcd"))
    predicted = LOGITS > 0
    assert (found.task, found.outputs_are) == ("multilabel", "logits")
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(LOGITS), torch.from_numpy(TRUTH).double()
    )
    expected = {
        "exact match": judge.accuracy_score(TRUTH, predicted),
        "label accuracy": 1 - judge.hamming_loss(TRUTH, predicted),
        "macro f1": judge.f1_score(TRUTH, predicted, average="macro"),
        "micro f1": judge.f1_score(TRUTH, predicted, average="micro"),
        "loss": float(loss),
    }
    assert found.metrics == pytest.approx(expected)
    f1 = judge.f1_score(TRUTH, predicted, average=None)
    for index, score in enumerate(found.scores):
        assert (score.name, score.f1) == ("abcd"[index], pytest.approx(f1[index]))
        assert score.roc_auc == pytest.approx(judge.roc_auc_score(TRUTH[:, index], LOGITS[:, index]), abs=1e-3)
        average = judge.average_precision_score(TRUTH[:, index], LOGITS[:, index])
        assert score.average_precision == pytest.approx(average, abs=2e-3)


def test_a_label_that_never_occurs_has_no_recall_and_no_area():
    truth = TRUTH.copy()
    truth[:, 2] = 0
    score = recorded((None, LOGITS, truth)).scores[2]
    assert (score.recall, score.average_precision, score.roc_auc) == (None, None, None)


def test_nan_rows_are_counted_and_noted():
    logits = LOGITS.copy()
    logits[5, 1] = np.nan
    found = recorded((None, logits, TRUTH))
    assert np.isnan(found.metrics["loss"])
    assert any(note.startswith("1 samples whose outputs hold NaN") for note in found.notes)
    assert found.examples[0].prediction == "none (NaN)"


def test_examples_name_the_labels_and_the_most_confident_mistake_comes_early():
    outputs = np.array([[9.0, -9.0], [-1.0, 1.0], [0.5, -0.5]])
    found = recorded((None, outputs, [[0, 1], [1, 1], [1, 0]]), classes=["sun", "sea"])
    assert (found.examples[0].truth, found.examples[0].prediction) == ("sea", "sun")
    assert found.examples[0].top[0] == ("sun", pytest.approx(1.0, abs=1e-3))


def test_truth_values_as_outputs_are_labels():
    found = recorded((None, torch.from_numpy(LOGITS > 0), torch.from_numpy(TRUTH)))
    assert (found.task, found.outputs_are) == ("multilabel", "labels")
    assert "loss" not in found.metrics
    assert found.metrics["exact match"] == judge.accuracy_score(TRUTH, LOGITS > 0)


def test_targets_other_than_0_and_1_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"targets is 2\.0; accepted: 0 and 1"):
        recorded((None, LOGITS, TRUTH * 2), task="multilabel")
