"""What is logged as numbers equals what reportgen.load gives back."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.utils.tensorboard.summary import compute_curve

from reportgen.errors import InvalidArgumentError, ReportgenWarning
from reportgen.run.distribution import bin_of
from reportgen.run.logged import LayoutChart, TagGroup

INF, NAN = math.inf, math.nan
FLOAT32_MAX, FLOAT32_LEAST = 3.4028234663852886e38, 1.401298464324817e-45


def same(found: float, wanted: float) -> bool:
    return found == wanted or (found != found and wanted != wanted)


# -- scalars --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.1, 0.1),
        (-0.0, -0.0),
        (1e300, 1e300),
        (5e-324, 5e-324),
        (16_777_217, 16_777_217.0),
        (2**53 - 1, 9007199254740991.0),
        (True, 1.0),
        (NAN, NAN),
        (INF, INF),
        (-INF, -INF),
        ("1.5", 1.5),
        ("nan", NAN),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(0.1), 0.1),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array([[2.5]]), 2.5),
        (np.array(["2.5"]), 2.5),
        (torch.tensor(2.5), 2.5),
        (torch.tensor([[2.5]], requires_grad=True), 2.5),
        (torch.tensor(0.1, dtype=torch.float64), 0.1),
        (torch.tensor(FLOAT32_MAX), FLOAT32_MAX),
        (torch.tensor(FLOAT32_LEAST), FLOAT32_LEAST),
        (torch.tensor(70000.0).bfloat16(), 70144.0),
        (torch.tensor(0.5).half(), 0.5),
        (torch.tensor(0.5).to(torch.float8_e4m3fn), 0.5),
        (torch.tensor(2**53 - 1), 9007199254740991.0),
        (torch.tensor(True), 1.0),
        (torch.tensor([2.5]).to_sparse(), 2.5),
    ],
)
def test_a_scalar_of_any_kind_is_what_was_logged(written, value, wanted):
    written.writer.add_scalar("a", value, 3)
    series = written.run().scalars["a"]
    assert list(series.steps) == [3]
    assert same(series.values[0], wanted)
    assert math.copysign(1, series.values[0]) == math.copysign(1, wanted) or math.isnan(wanted)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (5, 5), (0, 0), (-3, -3), (3.7, 3), ("5", 5), (True, 1), (np.int32(7), 7), (torch.tensor(8), 8),
        (torch.tensor([9.9]), 9), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)),
    ],
)  # fmt: skip
def test_the_step_is_what_int_makes_of_it(written, step, wanted):
    written.writer.add_scalar("a", 1.0, step)
    assert list(written.run().scalars["a"].steps) == [wanted]


def test_without_a_step_a_counter_goes_up_when_a_tag_repeats(written):
    for value in (1.0, 2.0, 3.0):
        written.writer.add_scalar("a", value)
        written.writer.add_scalar("b", value)
    run = written.run()
    assert list(run.scalars["a"].steps) == list(run.scalars["b"].steps) == [0, 1, 2]


def test_wall_time_is_kept_and_one_that_cannot_be_is_said(written, lenient):
    written.writer.add_scalar("a", 1.0, 0, walltime=1_600_000_000.25)
    written.writer.add_text("t", "x", 0, walltime=np.float64(1_600_000_001.5))
    written.writer.add_images("i", torch.rand(1, 3, 4, 4), 0, torch.tensor(1_600_000_002.0, dtype=torch.float64))
    run = written.run()
    assert run.scalars["a"].times[0] == 1_600_000_000.25
    assert run.texts[0].stamp.time == 1_600_000_001.5
    assert run.images[0].stamp.time == 1_600_000_002.0
    for odd in (NAN, -5, 1.6e12):
        with pytest.warns(ReportgenWarning, match="walltime is"):
            lenient.writer.add_scalar("a", 1.0, 0, walltime=odd)
    times = list(lenient.run().scalars["a"].times)
    assert len(times) == 3
    assert all(1.7e9 < time < 1e11 for time in times)


@pytest.mark.parametrize("tag", ["", "a\nb", "a/b/c", "标签", "<script>", "x" * 3000, None, b"bytes"])
def test_any_text_is_a_tag(written, tag):
    written.writer.add_scalar(tag, 1.0, 0)
    wanted = "" if tag is None else tag.decode() if isinstance(tag, bytes) else tag
    assert list(written.run().scalars) == [wanted]


def test_new_style_and_double_precision_change_nothing_since_all_is_double(written):
    for new_style in (False, True):
        for double in (False, True):
            written.writer.add_scalar("a", 0.1, 0, None, new_style, double)
    assert list(written.run().scalars["a"].values) == [0.1] * 4


def test_a_tensor_changed_after_the_call_does_not_change_what_was_logged(written):
    value = torch.tensor(1.0)
    written.writer.add_scalar("a", value, 0)
    value += 1
    assert list(written.run().scalars["a"].values) == [1.0]


def test_a_meta_tensor_is_left_out_and_said_instead_of_being_a_random_number(lenient):
    state = np.random.get_state()[1].copy()
    value = torch.empty((), device="meta")
    with pytest.warns(ReportgenWarning, match="meta device, which holds no number"):
        lenient.writer.add_scalar("a", value, 0)
    with pytest.warns(ReportgenWarning, match="meta"):
        lenient.writer.add_scalars("b", {"x": value, "y": 1.0}, 0)
    with pytest.warns(ReportgenWarning, match="meta"):
        lenient.writer.add_histogram("h", torch.empty(3, device="meta"), 0)
    with pytest.warns(ReportgenWarning, match="meta"):
        lenient.writer.add_image("i", torch.empty(3, 4, 4, device="meta"), 0)
    with pytest.warns(ReportgenWarning, match="meta"):
        lenient.writer.add_tensor("t", torch.empty(3, device="meta"), 0)
    run = lenient.run()
    assert list(run.scalars) == ["b/y"]
    assert not run.distributions
    assert not run.images
    assert not run.tensors
    assert (np.random.get_state()[1] == state).all()


def test_description_and_display_name_are_a_text_under_the_tag_once(written):
    for step in range(3):
        written.writer.add_scalar("a", 1.0, step, display_name="Loss", summary_description="of *training*")
    (text,) = written.run().texts
    assert (text.tag, text.text, text.markdown) == ("a", "**Loss**\n\nof *training*", True)


def test_several_scalars_share_a_group_in_one_run(written):
    writer = written.writer
    writer.add_scalars("acc", {"train": 0.5, "val": torch.tensor(0.25)}, 1, 1_600_000_000.0)
    writer.add_scalars("acc", {"train": NAN, "test": np.float32(0.5)}, 2)
    writer.add_scalars("none", {}, 2)
    run = written.run()
    assert {tag: one.values[0] for tag, one in run.scalars.items()} == {
        "acc/train": 0.5, "acc/val": 0.25, "acc/test": 0.5,
    }  # fmt: skip
    assert run.groups == (TagGroup("acc", ("acc/train", "acc/val", "acc/test")),)
    assert run.scalars["acc/val"].times[0] == 1_600_000_000.0
    assert [entry.name for entry in written.folder.iterdir() if entry.is_dir()] == []


# -- hyperparameters ------------------------------------------------------------------------------------------------


def test_hyperparameters_keep_their_types_and_metrics_are_scalars_of_the_same_run(written):
    params = {
        "lr": 0.1, "epochs": 3, "bias": True, "off": False, "none": None, "name": "adam", "zero": torch.tensor(0.5),
        "one": torch.tensor([7]), "numpy": np.float32(0.5), "several": torch.tensor([1, 2]), "inf": INF,
    }  # fmt: skip
    written.writer.add_hparams(
        params, {"hp/acc": torch.tensor(0.75), "hp/loss": NAN}, {"epochs": [1, 2, 3]}, "first", 4
    )
    run = written.run()
    (found,) = run.hparams
    wanted = {**params, "zero": 0.5, "one": 7, "numpy": 0.5, "several": "[1, 2]", "inf": "inf"}
    assert found.params == wanted
    assert {name: type(value) for name, value in found.params.items()} == {
        name: type(value) for name, value in wanted.items()
    }
    assert (found.name, found.stamp.step, found.domains) == ("first", 4, {"epochs": (1, 2, 3)})
    assert found.metrics["hp/acc"] == 0.75
    assert math.isnan(found.metrics["hp/loss"])
    assert list(run.scalars["hp/acc"].values) == [0.75]
    assert list(run.scalars["hp/acc"].steps) == [4]
    assert [entry.name for entry in written.folder.iterdir() if entry.is_dir()] == []


def test_calls_without_a_name_are_sessions_by_their_parameters(written):
    for rate, accuracy in ((0.1, 0.5), (0.2, 0.6), (0.1, 0.7)):
        written.writer.add_hparams({"lr": rate}, {"acc": accuracy})
    written.writer.add_hparams({"lr": 0.3}, {"acc": 0.8}, name="named as tensorboardX does")
    found = {one.name: (one.params["lr"], one.metrics["acc"]) for one in written.run().hparams}
    assert found == {"": (0.1, 0.7), "session 2": (0.2, 0.6), "named as tensorboardX does": (0.3, 0.8)}


def test_texts_of_keys_that_look_secret_are_hidden_and_numbers_are_not(written):
    written.writer.add_hparams({"api_key": "abc123", "lr": 0.1, "max_tokens": 512, "auth": True}, {})
    written.writer.flush()
    assert written.run().hparams[0].params == {
        "api_key": "(hidden)", "lr": 0.1, "max_tokens": 512, "auth": True,
    }  # fmt: skip
    assert not any(b"abc123" in file.read_bytes() for file in written.folder.iterdir() if file.is_file())


# -- distributions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([[1, 2], [3, 3]]),
        torch.tensor([1.0, 70000.0]).bfloat16(),
        torch.tensor([0.5, 2.0]).to(torch.float8_e5m2),
        torch.tensor([0.0, 0.0]),
        torch.tensor([True, False]),
        torch.tensor([0.0, 2.0, 0.0]).to_sparse(),
        torch.tensor([3 + 4j]),
        torch.tensor([1e30, -1e30]),
        torch.tensor([FLOAT32_MAX, FLOAT32_LEAST]),
        torch.tensor([1e300], dtype=torch.float64),
        np.array([1.5, -2.5]),
        np.array([3 + 4j]),
        np.array([1, 2], dtype=np.uint16),
        np.array(["1.5"]),
        1.5,
    ],
    ids=str,
)
def test_a_distribution_counts_every_element(written, values):
    written.writer.add_histogram("h", values, 2)
    series = written.run().distributions["histogram"]["h"]
    (found,) = series.snapshots
    if isinstance(values, torch.Tensor):
        numbers = values.to_dense() if values.layout is not torch.strided else values
        plain = numbers.abs().double() if numbers.is_complex() else numbers.double()
    else:
        array = np.array([values]) if isinstance(values, float) else values
        plain = torch.from_numpy(np.abs(array) if array.dtype.kind == "c" else array.astype(np.float64))
    assert list(series.steps) == [2]
    assert (found.count, found.finite, found.nans) == (plain.numel(), plain.numel(), 0)
    assert (found.minimum, found.maximum) == (float(plain.min()), float(plain.max()))
    assert found.total == pytest.approx(float(plain.sum()))
    assert found.zeros == int((plain == 0).sum())
    counts = dict(zip(found.bins, found.counts, strict=True))
    for value in plain.reshape(-1).tolist():
        assert counts[bin_of(value)] > 0
    assert sum(counts.values()) == plain.numel()


@pytest.mark.parametrize(
    ("values", "odd"),
    [
        ([NAN, NAN], (2, 0, 0)),
        ([1.0, NAN, 2.0], (1, 0, 0)),
        ([1.0, INF, -INF, INF], (0, 2, 1)),
        ([1e21, 2.0], (0, 0, 0)),
    ],
)
def test_what_is_not_finite_is_counted_and_not_fatal(written, values, odd):
    written.writer.add_histogram("h", torch.tensor(values), 0)
    (found,) = written.run().distributions["histogram"]["h"].snapshots
    assert (found.nans, found.positive_infinities, found.negative_infinities) == odd
    finite = [value for value in values if math.isfinite(value)]
    assert found.count == len(values)
    assert sum(found.counts) == len(finite)
    assert same(found.maximum, float(torch.tensor(max(finite))) if finite else NAN)


def test_other_bins_are_said_not_to_apply(written):
    for bins in ("auto", 5, [0.0, 1.0, 2.0], np.array([0, 1])):
        written.writer.add_histogram("h", torch.rand(10), 0, bins=bins, max_bins=4)
    run = written.run()
    (note,) = [note for note in run.notes if note.where == "histogram"]
    assert note.what.startswith("bins= and max_bins= of add_histogram do not apply")
    assert (note.kind, note.times) == ("omission", 4)
    assert len(run.distributions["histogram"]["h"].snapshots) == 4


def test_the_default_bins_make_no_note(written):
    written.writer.add_histogram("h", torch.rand(10), 0)
    assert not written.run().notes


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor], ids=["list", "array", "tensor"])
def test_a_raw_histogram_keeps_its_statistics_and_counts(written, kind):
    written.writer.add_histogram_raw("r", 0.5, 3.5, 10, 20.0, 50.0, kind([1.0, 2.0, 4.0]), kind([2, 3, 5]), 6)
    series = written.run().distributions["histogram"]["r"]
    (found,) = series.snapshots
    assert list(series.steps) == [6]
    assert (found.count, found.minimum, found.maximum, found.total, found.squares) == (10, 0.5, 3.5, 20.0, 50.0)
    assert sum(count for index, count in zip(found.bins, found.counts, strict=True) if index < bin_of(1.0)) == 2


def test_raw_counts_below_zero_and_edges_that_descend_are_left_out_and_said(lenient):
    for limits, counts in (([1.0, 2.0], [-1, 2]), ([2.0, 1.0], [1, 2])):
        with pytest.warns(ReportgenWarning, match="right edges that ascend"):
            lenient.writer.add_histogram_raw("r", 0.0, 2.0, 3, 3.0, 3.0, limits, counts, 0)
        lenient.writer._recorder._notes = type(lenient.writer._recorder._notes)()
    assert not lenient.run().distributions


# -- curves ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 11, 127])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_pr_curve_is_torchs(written, count, weighted):
    random = np.random.default_rng(3)
    labels, scores = random.integers(0, 2, 500), random.random(500).astype(np.float32)
    scores[:2] = (0.0, 1.0)
    weights = random.random(500) if weighted else None
    written.writer.add_pr_curve("p", labels, scores, 4, count, weights)
    (found,) = written.run().pr_curves
    wanted = compute_curve(labels, scores, num_thresholds=count, weights=weights)
    columns = (
        found.true_positives, found.false_positives, found.true_negatives, found.false_negatives, found.precision,
        found.recall,
    )  # fmt: skip
    for column, expected in zip(columns, wanted, strict=True):
        assert list(column) == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-12)
    assert (found.tag, found.stamp.step, found.notes) == ("p", 4, ())
    assert list(found.thresholds) == pytest.approx(np.linspace(0, 1, max(count, 2))[:count].tolist())


def test_a_pr_curve_has_as_many_thresholds_as_asked_for(written):
    written.writer.add_pr_curve("p", torch.tensor([0, 1]), torch.tensor([0.2, 0.9]), 0, num_thresholds=500)
    assert len(written.run().pr_curves[0].thresholds) == 500


def test_a_pr_curve_of_any_labels_and_weights(written):
    labels, scores = torch.tensor([[True, False], [True, True]]), torch.tensor([[0.9, 0.1], [0.4, 0.6]]).bfloat16()
    written.writer.add_pr_curve("p", labels, scores, 0, weights=torch.tensor([[1, 1], [1, 2]]))
    (found,) = written.run().pr_curves
    assert (found.true_positives[0], found.false_positives[0]) == (4.0, 1.0)


def test_what_a_pr_curve_cannot_count_is_said(written):
    labels = np.array([0, 1, 1, 0, 1])
    written.writer.add_pr_curve("p", labels, np.array([0.5, NAN, 1.5, -0.5, 0.25]), 0)
    written.writer.add_pr_curve("q", np.zeros(3, dtype=int), np.array([0.1, 0.2, 0.3]), 0)
    written.writer.add_pr_curve("r", torch.tensor([]), torch.tensor([]), 0)
    odd, negative, empty = written.run().pr_curves
    assert odd.notes == ("3 of 5 samples are not counted: a prediction outside 0 to 1, or a NaN.",)
    assert (odd.true_positives[0], odd.false_positives[0]) == (1.0, 1.0)
    assert negative.notes == ("No label is positive, so that recall is not defined and drawn as 0.",)
    assert empty.notes == ("Nothing was counted, so that there is no precision and no recall.",)


def test_a_raw_pr_curve_is_kept_as_given(written):
    columns = [[3.0, 2.0, 1.0], [3.0, 1.0, 0.0], [0.0, 2.0, 3.0], [0.0, 1.0, 2.0], [0.5, 0.6, 1.0], [1.0, 0.6, NAN]]
    written.writer.add_pr_curve_raw("p", *columns, 9)
    written.writer.add_pr_curve_raw("p", *map(torch.tensor, columns), 10, num_thresholds=5, weights=[1])
    plain, told = written.run().pr_curves
    found = (
        plain.true_positives, plain.false_positives, plain.true_negatives, plain.false_negatives, plain.precision,
    )  # fmt: skip
    assert [list(column) for column in found] == columns[:5]
    assert list(plain.recall)[:2] == [1.0, 0.6]
    assert math.isnan(plain.recall[2])
    assert list(plain.thresholds) == [0.0, 0.5, 1.0]
    assert (plain.stamp.step, plain.notes) == (9, ())
    assert len(told.notes) == 2


# -- layouts --------------------------------------------------------------------------------------------------------


def test_layouts_are_kept_in_their_order_and_add_up(written):
    writer = written.writer
    writer.add_custom_scalars({"A": {"one": ["Multiline", ["x", "y"]], "two": ["Margin", ("v", "l", "u")]}})
    writer.add_custom_scalars_multilinechart(["z"], "B", "three")
    writer.add_custom_scalars_marginchart(["a", "b", "c"])
    writer.add_custom_scalars({"C": {"text": ["Multiline", "a single tag"], "odd": ["Other", ["x"]]}})
    charts = [chart for layout in written.run().layouts for chart in layout.charts]
    assert charts == [
        LayoutChart("A", "one", "multiline", ("x", "y")),
        LayoutChart("A", "two", "margin", ("v", "l", "u")),
        LayoutChart("B", "three", "multiline", ("z",)),
        LayoutChart("default", "untitled", "margin", ("a", "b", "c")),
        LayoutChart("C", "text", "multiline", ("a single tag",)),
        LayoutChart("C", "odd", "multiline", ("x",)),
    ]


# -- tensorboardX's extras ------------------------------------------------------------------------------------------


def test_scalars_are_exported_as_json(written, tmp_path):
    import json

    written.writer.add_scalar("a", 0.5, 1, 1_600_000_000.0)
    written.writer.add_scalar("a", NAN, 2, 1_600_000_001.0)
    written.writer.export_scalars_to_json(tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert found == {"a": [[1_600_000_000.0, 1, 0.5], [1_600_000_001.0, 2, "nan"]]}


def test_metadata_stands_in_for_what_a_call_does_not_say(written):
    with written.writer.use_metadata(global_step=7, walltime=1_600_000_000.0) as writer:
        writer.add_scalar("a", 1.0)
        writer.add_scalar("a", 1.0, 9)
        writer.add_text("t", "x")
    written.writer.add_scalar("b", 1.0)
    run = written.run()
    assert list(run.scalars["a"].steps) == [7, 9]
    assert list(run.scalars["a"].times) == [1_600_000_000.0] * 2
    assert run.texts[0].stamp.step == 7
    assert run.scalars["b"].steps[0] != 7


def test_a_wrong_value_for_reportgen_alone_raises_when_strict(written):
    with pytest.raises(InvalidArgumentError, match="frames a second"):
        written.writer.add_video("v", torch.rand(1, 2, 3, 8, 8), 0, fps=0)
