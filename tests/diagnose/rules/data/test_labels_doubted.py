"""Rows that repeat or contradict others, and labels to look at."""

from dataclasses import replace

import pytest

from reportgen.blocks.media import ImageGrid
from reportgen.blocks.table import Table
from reportgen.diagnose.reading.splits import few_values
from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.labels_doubted import duplicates_in_train, label_noise
from reportgen.run.evidence import DataSplit, Doubt, FeatureFacts
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.records import Run
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy

WIDE = FeatureFacts("a", 0.0, 1.0, -3.0, 3.0, distinct=450)


def split(**fields) -> DataSplit:
    known = {"inputs": "numbers", "shape": (1,), "dtype": "float32", "whole": WIDE, "features": (WIDE,)}
    return DataSplit("train", "data", 500, **(known | {"targets": "classes"} | fields))


def of(data: DataSplit | None, run: Run | None = None) -> Run:
    run = run or healthy()
    return replace(run, evidence=replace(run.evidence, data=(data,) if data else ()))


def poor() -> Run:
    return fake_run(scalars={"train/loss": series_of([2.3, 2.31] * 100)}, predictions=())


def test_contradictions_are_a_warning_with_their_rows():
    (finding,) = duplicates_in_train(of(split(duplicates=60, conflicting=30, pairs=((400, 3), (401, 7)))))

    assert (finding.id, finding.severity, finding.where.tag) == ("duplicates_in_train", "warning", "train data")
    assert "30 of 500 training rows have the same input as an earlier one and another target" in finding.title
    assert finding.evidence.rows == ((400, 3), (401, 7))
    assert "drop_duplicates" in finding.code


def test_numbers_may_be_measured_twice():
    assert duplicates_in_train(of(split(duplicates=20, conflicting=20, targets="numbers"))) == []


def test_copies_alone_are_told_and_a_warning_where_little_was_learned():
    (told,) = duplicates_in_train(of(split(duplicates=60)))
    (warned,) = duplicates_in_train(of(split(duplicates=60), poor()))

    assert (told.severity, warned.severity) == ("info", "warning")


@pytest.mark.parametrize("fields", [{"duplicates": 25}, {"duplicates": 5, "conflicting": 5}, {}])
def test_few_copies_are_normal(fields):
    assert duplicates_in_train(of(split(**fields))) == []


def test_rows_of_few_values_repeat_by_themselves():
    answers = tuple(FeatureFacts(name, 0.5, 0.5, 0.0, 1.0, distinct=2) for name in "abcdef")
    survey = split(shape=(6,), features=answers, duplicates=436, conflicting=100)

    assert few_values(survey)
    assert "few different values" in not_about(duplicates_in_train(of(survey)))


@pytest.mark.parametrize(
    ("data", "few"),
    [
        (split(inputs="tokens", shape=(20,), features=(), padding=0.3), False),
        (split(inputs="tokens", shape=(20,), features=(), padding=0.95), True),
        (split(inputs="tokens", shape=(2,), features=(), padding=0.1), True),
        (split(inputs="image", shape=(1, 8, 8), features=(), whole=replace(WIDE, distinct=17)), False),
        (split(inputs="image", shape=(1, 8, 8), features=(), whole=FeatureFacts("a", distinct=1)), True),
        (split(inputs="sequence", shape=(20, 1), features=()), False),
    ],
)
def test_which_rows_have_few_values(data, few):
    assert few_values(data) is few


def test_without_rows_it_is_not_judged():
    for rule in (duplicates_in_train, label_noise):
        judged = rule(of(None))
        assert isinstance(judged, Unchecked)
        assert 'report.data("train", train_set)' in judged.why
        assert rule(healthy()) == []


def doubts(count: int, image: str = "") -> tuple[Doubt, ...]:
    return tuple(Doubt(10 * k, "3", "8", 9, 10, image and f"{k}{image}") for k in range(count))


def test_doubtful_labels_are_a_list_and_no_verdict():
    (finding,) = label_noise(of(split(doubts=doubts(6))))

    assert (finding.severity, finding.where.tag) == ("info", "train data")
    assert isinstance(finding.evidence, Table)
    assert finding.evidence.rows[1] == (10, "3", "8", "9 of 10")
    assert finding.code == "+ print(train_set[0]); print(train_set[10])"


def test_doubtful_images_are_shown():
    (finding,) = label_noise(of(split(doubts=doubts(16, ".png"))))

    assert isinstance(finding.evidence, ImageGrid)
    assert [item.media for item in finding.evidence.items] == [f"{k}.png" for k in range(8)]
    assert finding.evidence.items[0].title == "3, not 8?"


def test_a_few_doubts_are_what_any_data_has():
    assert label_noise(of(split(doubts=doubts(4)))) == []
    assert label_noise(of(replace(split(doubts=doubts(12)), rows=1500))) == []


def test_confident_mistakes_on_trained_rows_are_shown():
    wrong = tuple(Example(k, "cat", "dog", False, 0.7 + 0.01 * k, kept="mistake") for k in range(5))
    unsure = Example(9, "cat", "dog", False, 0.5)
    said = PredictionSet(
        "train", Stamp(7), "classification", samples=500, metrics={"accuracy": 0.7}, examples=(*wrong, unsure)
    )

    (finding,) = label_noise(replace(of(split()), predictions=(said,)))

    assert finding.title.startswith("5 training labels")
    assert [row[0] for row in finding.evidence.rows] == [4, 3, 2, 1, 0]
    unlearned = replace(said, metrics={"accuracy": 0.3})
    assert label_noise(replace(of(split()), predictions=(unlearned,))) == []


def test_data_without_targets_was_looked_at_all_the_same():
    inputs = replace(split(targets=""), source="inputs")

    assert label_noise(of(split(targets=""))) == Unchecked("The training data was given without targets.")
    assert "The targets of the training data are not known" in label_noise(of(inputs)).why
    assert "The training data was not looked at" in label_noise(of(None)).why
