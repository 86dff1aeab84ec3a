"""What predictions prove: no better than always saying one class."""

import dataclasses
import math

import pytest

from reportgen.diagnose import diagnose, findings
from reportgen.diagnose.rules.dynamics.baseline import worse_than_baseline
from reportgen.run.records import Run
from reportgen.testing import fake_run
from tests.healthy import healthy


def with_confusion(run: Run, confusion: list[list[int]], split: str = "val") -> Run:
    last = run.predictions[-1]
    classes = tuple("abcdefgh"[: len(confusion)])
    counts = tuple(map(tuple, confusion))
    changed = dataclasses.replace(last, split=split, confusion=counts, classes=classes, scores=(), examples=())
    return dataclasses.replace(run, predictions=(*run.predictions[:-1], changed))


def test_always_one_class_is_no_better_than_the_baseline():
    run = with_confusion(healthy(), [[0, 40], [0, 60]])

    (finding,) = worse_than_baseline(run)

    assert (finding.id, finding.severity) == ("worse_than_baseline", "warning")
    assert finding.title == "val accuracy ended at 60.0\u00a0%, no better than always saying one class"
    assert "Every sample is predicted as b." in finding.why
    assert finding.code == "- lr=0.1\n+ lr=0.01"
    (card,) = findings(run)
    assert (card.id, card.also) == ("constant_predictions", (finding.title,))


def test_hits_beyond_chance_are_better_than_the_baseline():
    assert findings(with_confusion(healthy(), [[10, 30], [0, 60]])) == []


@pytest.mark.parametrize("confusion", [[[0, 20], [0, 29]], [[0, 0], [50, 0]]])
def test_few_samples_or_one_class_decide_nothing(confusion):
    diagnosis = diagnose(with_confusion(healthy(), confusion))

    assert diagnosis.findings == ()
    assert "worse_than_baseline" in {check.id for check in diagnosis.unchecked}


def test_a_broken_loss_explains_bad_predictions():
    run = with_confusion(fake_run(scalars={"train/loss": [2.0, *[math.nan] * 59]}), [[0, 40], [0, 60]])

    (finding,) = findings(run)

    assert finding.id == "nan_loss"
    assert any("no better than always saying one class" in symptom for symptom in finding.also)
