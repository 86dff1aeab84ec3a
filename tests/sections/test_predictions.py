"""Predictions: metrics of every set, samples to look at, classes, calibration, regression."""

import dataclasses
import math

import pytest

from reportgen.blocks import Bar, Fold, ImageGrid, Matrix, ScatterChart, Table, Text
from reportgen.diagnose import diagnose
from reportgen.run.predictions import ClassScore, Example, PredictionSet
from reportgen.run.records import Run
from reportgen.run.series import Stamp
from reportgen.sections.calibration import calibration
from reportgen.sections.classes import class_table, confusion
from reportgen.sections.predictions import build
from reportgen.testing import fake_run
from tests.healthy import healthy


def view(run: Run):
    return build(run, diagnose(run))


def of(run: Run, kind: type) -> list:
    return [block for block in view(run).blocks if isinstance(block, kind)]


def only(each: PredictionSet, **fields) -> Run:
    return fake_run(predictions=(each,), **fields)


def test_it_says_what_was_predicted_and_how_outputs_were_taken():
    first = view(healthy()).blocks[0]

    assert isinstance(first, Text)
    assert first.text.startswith("360 samples of val at step 449, classification; outputs were taken as logits (")


def test_every_set_has_a_row_of_metrics():
    run = healthy()
    table = of(run, Table)[0]

    assert [row[:3] for row in table.rows] == [("val", 90, 360), ("val", 225, 360), ("val", 449, 360)]
    assert [column.name for column in table.columns[3:]] == ["accuracy", "loss", "macro f1"]
    assert table.columns[3].format == "percent"
    assert table.rows[-1][3] == run.predictions[-1].metrics["accuracy"]


def test_grids_come_in_order_worst_first():
    grids = of(healthy(), ImageGrid)
    titles = [grid.title for grid in grids]

    assert titles == ["Worst mistakes", "Confident mistakes", "Right, but with the largest losses", "Random samples"]
    losses = [float(item.lines[1].removeprefix("loss ")) for item in grids[0].items]
    assert losses == sorted(losses, reverse=True)
    assert all(item.level == "error" and "←" in item.title for item in grids[0].items)
    assert all(item.level == "ok" and item.title.endswith("✓") for item in grids[2].items)
    assert sum(len(grid.items) for grid in grids) == 32


def test_a_caption_reads_prediction_then_truth_with_confidence():
    example = Example(3, "3", "8", False, 0.912, 2.5, "worst", image="a.png")
    run = only(PredictionSet("val", Stamp(5), "classification", samples=1, examples=(example,)), media={"a.png": b"x"})
    (item,) = of(run, ImageGrid)[0].items

    assert (item.title, item.lines, item.media) == ("8 ← 3", ("91.2\u00a0%", "loss 2.5"), "a.png")
    assert item.alt == "Sample 3: truth 3, predicted 8 with confidence 91.2\u00a0%"


def test_the_overlay_is_shown_where_there_is_one():
    example = Example(0, "", "3 boxes", None, image="a.png", overlay="b.png")
    media = {"a.png": b"x", "b.png": b"y"}
    grid = of(
        only(PredictionSet("val", Stamp(5), "detection", samples=1, examples=(example,)), media=media), ImageGrid
    )[0]

    assert grid.items[0].media == "b.png"
    assert not grid.small


def test_examples_without_pictures_are_a_table():
    examples = (
        Example(7, "pos", "neg", False, 0.9, 2.0, "worst", text="a long film"),
        Example(2, "neg", "neg", True, 0.8, 0.2, "random", text="short"),
    )
    run = only(PredictionSet("test", Stamp(5), "classification", samples=2, examples=examples))
    table = next(t for t in of(run, Table) if t.title == "Samples")

    assert of(run, ImageGrid) == []
    assert table.rows[0] == (7, "a long film", "pos", "neg", "wrong", 0.9, 2.0)
    assert table.marks == ((0, 3),)


def test_a_picture_that_is_lost_leaves_its_sample_in_the_table():
    example = Example(0, "1", "1", True, image="gone.png")
    run = only(PredictionSet("val", Stamp(5), "classification", samples=1, examples=(example,)), media={})

    assert of(run, ImageGrid) == []
    assert any(table.title == "Samples" for table in of(run, Table))


def test_the_matrix_tells_the_most_frequent_mistake():
    (matrix,) = of(healthy(), Matrix)

    assert matrix.labels == tuple("0123456789")
    assert "of 360 samples lie on the diagonal" in matrix.caption
    assert "The most frequent mistake: " in matrix.caption


@pytest.mark.parametrize(("amount", "often"), [(1, "once"), (2, "2 times"), (1200, "1,200 times")])
def test_how_often_a_mistake_was_made_is_told_in_words_that_fit(amount, often):
    each = PredictionSet("val", Stamp(1), "classification", ("cat", "dog"), confusion=((9, amount), (0, 9)), samples=20)
    (matrix,) = of(only(each), Matrix)
    assert matrix.caption.endswith(f"The most frequent mistake: cat taken for dog, {often}.")


def test_the_matrix_of_a_segmentation_counts_pixels():
    each = PredictionSet(
        "val", Stamp(1), "segmentation", ("sky", "road"), confusion=((90, 10), (0, 100)), samples=2
    )  # fmt: skip
    (matrix,) = of(only(each), Matrix)

    assert matrix.caption.startswith("190 of 200 pixels lie on the diagonal")


def test_many_classes_list_their_confusions_instead():
    size = 40
    counts = [[10 if t == p else 0 for p in range(size)] for t in range(size)]
    counts[3][5] = 30
    names = tuple(f"c{k}" for k in range(size))
    each = PredictionSet("val", Stamp(1), "classification", names, confusion=tuple(map(tuple, counts)), samples=430)
    (table,) = confusion(each)

    assert table.rows == (("c3", "c5", 30, Bar(0.75)),)


def test_classes_have_their_scores_and_unused_columns_are_left_out():
    scores = (
        ClassScore("cat", 10, 12, 9, 0.75, 0.9, 0.818),
        ClassScore("dog", 0, 0, 0, None, None, None),
    )
    (table,) = class_table(PredictionSet("val", Stamp(1), "classification", ("cat", "dog"), scores=scores))

    assert [c.name for c in table.columns] == ["class", "samples", "predicted", "precision", "recall", "F1"]
    assert table.rows[0] == ("cat", 10, 12, Bar(0.75), Bar(0.9), Bar(0.818))
    assert table.rows[1][3:] == (None, None, None)


def test_of_very_many_classes_the_worst_are_shown():
    scores = tuple(ClassScore(f"c{k}", 5, 5, 1, 0.5, 0.5, k / 1000) for k in reversed(range(500)))
    (table,) = class_table(PredictionSet("val", Stamp(1), "classification", scores=scores))

    assert (len(table.rows), table.total) == (100, 500)
    assert table.rows[0][0] == "c0"


def test_calibration_error_is_the_weighted_gap():
    each = PredictionSet("val", Stamp(1), "classification", confidence=(0, 100, 0, 300), correct=(0, 50, 0, 240))
    chart, numbers = calibration(each)

    # |0.5 - 0.375| * 1/4 + |0.8 - 0.875| * 3/4
    assert "expected calibration error 0.087" in chart.caption or "expected calibration error 0.088" in chart.caption
    assert chart.points == ((0.375, 0.5), (0.875, 0.8))
    assert chart.diagonal
    assert numbers.rows == (("25 to 50 %", 100, Bar(0.5)), ("75 to 100 %", 300, Bar(0.8)))


def test_the_calibration_error_is_told_once_as_it_was_recorded():
    fifteen = tuple(20 if k in (9, 14) else 0 for k in range(15))
    each = PredictionSet(
        "val", Stamp(1), "classification", metrics={"calibration error": 0.123},
        confidence=tuple(5 * amount for amount in fifteen), correct=fifteen,
    )  # fmt: skip
    chart, numbers = calibration(each)

    assert "expected calibration error 0.12." in chart.caption
    assert [row[0] for row in numbers.rows] == ["60 to 67 %", "93 to 100 %"]
    assert [x for x, _ in chart.points] == pytest.approx([9.5 / 15, 14.5 / 15], abs=1e-4)


def test_fine_bins_are_taken_together():
    confidence = tuple(1 if k >= 500 else 0 for k in range(1000))
    (chart, _) = calibration(
        PredictionSet("val", Stamp(1), "classification", confidence=confidence, correct=confidence)
    )

    assert [x for x, _ in chart.points] == pytest.approx([0.55, 0.65, 0.75, 0.85, 0.95])
    assert "not sure enough by 0.25" in chart.caption


def test_few_samples_have_no_calibration():
    assert calibration(PredictionSet("val", Stamp(1), "classification", confidence=(5, 5), correct=(1, 5))) == []


def test_regression_is_a_scatter_with_its_errors():
    points = ((1.0, 1.5), (2.0, 2.0), (3.0, 2.0), (math.nan, 1.0))
    each = PredictionSet(
        "val", Stamp(1), "regression", outputs_are="values", samples=4, metrics={"mae": 0.5}, points=points
    )
    (chart,) = of(only(each), ScatterChart)

    assert chart.points == points[:3]
    assert "reach from −1 to 0.5" in chart.caption
    assert "1 pair with a value that is not finite" in chart.caption


def test_other_splits_are_folded_and_the_latest_of_val_leads():
    run = healthy()
    test = dataclasses.replace(run.predictions[-1], split="test")
    run = dataclasses.replace(run, predictions=(test, *run.predictions))

    assert "of val at step 449" in view(run).blocks[0].text
    assert [fold.title for fold in of(run, Fold)] == ["Predictions of test"]


def test_without_samples_there_is_no_section():
    assert view(only(PredictionSet("val", Stamp(1), "classification"))) is None
    assert view(fake_run(predictions=())) is None
