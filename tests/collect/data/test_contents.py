"""What is found in the rows: duplicates, leaks, shifts, doubts, kinds of inputs and of targets."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from sklearn import datasets
from torch.utils.data import TensorDataset

import reportgen
from reportgen.collect.data import rows
from reportgen.collect.data.columns import Columns
from reportgen.collect.data.hashing import row_hashes
from reportgen.collect.data.leaks import leaks
from reportgen.collect.data.shifts import shifts
from reportgen.run.media_names import named_media, without_missing
from tests.collect.data.reading import ended, splits


def numbers(rows=400, columns=5, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_equal_rows_are_counted_and_those_with_other_labels_come_first(tmp_path):
    x, y = numbers(), torch.zeros(400, dtype=torch.long)
    x[10], x[20], x[30] = x[1], x[1], x[2]
    y[30] = 1
    found = splits(tmp_path / "run", train=(x, y))["train"]
    assert (found.duplicates, found.conflicting) == (3, 1)
    assert found.pairs == ((30, 2), (10, 1), (20, 1))


def test_rows_that_two_splits_share_are_found_whatever_holds_them(tmp_path):
    x = numbers()
    y = torch.arange(400) % 2
    found = splits(
        tmp_path / "run",
        train=TensorDataset(x[:300], y[:300]),
        val=(x[290:].double().numpy(), y[290:]),
        test=numbers(100, seed=9),
    )
    assert found["train"].shared == {"val": 10}
    assert found["val"].shared == {"train": 10}
    assert found["val"].shared_pairs["train"][0] == (0, 290)
    assert found["test"].shared == {}


def test_a_target_among_the_features_is_named(tmp_path):
    x, y = numbers(), torch.arange(400) % 2
    x[:, 3] = y + 0.1 * x[:, 3]
    price = 3 * x[:, 0]
    x[:, 4] = price.exp()
    found = splits(tmp_path / "run", classes=(x, y), price=(x[:, 1:], price))
    assert [(one.feature, one.score, one.measure) for one in found["classes"].leaks] == [("3", 1.0, "AUC")]
    assert [(one.feature, one.measure) for one in found["price"].leaks] == [("3", "correlation")]
    assert found["price"].leaks[0].score == pytest.approx(1.0)


def test_of_several_classes_one_that_stands_apart_is_no_leak_and_their_number_is():
    draw = np.random.default_rng(0)
    labels = np.arange(600) % 3
    values = draw.normal(size=(600, 3))
    values[:, 1] += 50 * (labels == 2)
    values[:, 2] = labels
    assert [(one.feature, one.score) for one in leaks(values, ("a", "b", "c"), labels, None)] == [("c", 1.0)]


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    data = datasets.load_breast_cancer()
    names = tuple(data.feature_names)
    found = leaks(data.data, names, data.target, None)
    assert len(found) == 5
    for one in found:
        area = roc_auc_score(data.target, data.data[:, names.index(one.feature)])
        assert one.score == pytest.approx(max(area, 1 - area))


def test_a_leak_among_thousands_of_columns_is_found(tmp_path):
    x, y = numbers(300, 3_000), torch.arange(300) % 2
    x[:, 2_345] = y.float()
    found = splits(tmp_path / "run", train=(x, y))["train"]
    assert found.leaks[0].feature == "2345"
    assert found.features == ()


def test_the_statistic_of_two_samples_is_that_of_scipy():
    draw = np.random.default_rng(1)
    ours, theirs = draw.normal(size=(500, 2)), draw.normal(size=(300, 2))
    ours[:, 1] = np.round(ours[:, 1] + 0.8)
    theirs[:, 1] = np.round(theirs[:, 1])
    (found,) = shifts(ours, theirs, ("a", "b"), "train")
    assert found.feature == "b"
    assert found.statistic == pytest.approx(ks_2samp(ours[:, 1], theirs[:, 1]).statistic)
    assert found.chance == pytest.approx(1.95 * math.sqrt(1 / 500 + 1 / 300))


def test_a_split_that_was_scaled_otherwise_is_named_against_train(tmp_path):
    x, images = numbers(), torch.rand(200, 3, 8, 8)
    found = splits(tmp_path / "run", val=numbers(200, seed=1) * torch.tensor([1, 1, 30, 1, 1]), train=x)
    assert found["train"].shifts == ()
    # Written again when there was something to compare it with.
    assert [one.feature for one in found["val"].shifts] == ["2"]
    pictures = splits(
        tmp_path / "images", train=images, val=images.flip(0) * torch.tensor([1.0, 2.0, 1.0])[:, None, None]
    )
    assert [(one.feature, one.other) for one in pictures["val"].shifts] == [("channel 1", "train")]


def test_a_wrong_label_among_neighbours_is_shown_with_its_picture(tmp_path):
    data = datasets.load_digits()
    y = torch.tensor(data.target)
    right = int(y[17])
    y[17] = (right + 1) % 10
    report = reportgen.Report("digits", folder=tmp_path / "run", strict=True)
    report.data("train", (torch.tensor(data.images, dtype=torch.float32)[:, None] / 16, y))
    run = ended(report)
    (split,) = run.evidence.data
    assert split.inputs == "image"
    wrong = next(one for one in split.doubts if one.index == 17)
    assert (wrong.label, wrong.neighbours, wrong.of) == (str((right + 1) % 10), str(right), 10)
    assert wrong.agree >= 8
    assert run.media[wrong.image].startswith(b"\x89PNG")
    assert len(split.doubts) <= 16


def test_doubtful_rows_of_a_table_have_no_picture(tmp_path):
    y = torch.arange(400) % 2
    x = numbers() + 8 * y[:, None]
    y[33] = 1 - y[33]
    (found,) = splits(tmp_path / "run", train=(x, y))["train"].doubts
    assert (found.index, found.image, found.agree) == (33, "", 10)


def grey(count, seed):
    """Pictures (count, 1, 8, 8) whose pixels are multiples of 1/15, as small grey ones are stored."""
    return torch.randint(0, 16, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed)) / 15


@pytest.mark.parametrize("order", [("train", "val"), ("val", "train")])
@pytest.mark.parametrize(
    ("shaped", "pixels"),
    [
        (lambda x: x, lambda x: x[0]),
        (lambda x: x[:, 0], lambda x: x),
        (lambda x: (x * 255).to(torch.uint8), lambda x: x[0] / 255),
        (lambda x: x.repeat(1, 3, 1, 1), lambda x: x[0]),
        (lambda x: x[:, 0, :, :, None].numpy(), lambda x: torch.tensor(x[..., 0])),
    ],
    ids=["CHW", "HW", "bytes", "colours", "HWC"],
)
def test_images_that_were_trained_on_are_shown_with_their_places(tmp_path, order, shaped, pixels):
    given = {"train": grey(300, 0), "val": grey(90, 1)}
    given["val"][20:30] = given["train"][100:110]
    given["val"][27] = given["val"][21]  # one that is there twice is shown once
    given = {split: shaped(pictures) for split, pictures in given.items()}
    report = reportgen.Report("leak", folder=tmp_path / "run", strict=True)
    for split in order:
        report.data(split, (given[split], torch.arange(len(given[split])) % 7))
    run = ended(report)
    found = {one.split: one for one in run.evidence.data}
    shown = found["val"].shared_rows
    assert [(one.other, one.row, one.there) for one in shown] == [("train", k, k + 80) for k in range(20, 26)]
    for one in shown:
        stored = np.asarray(Image.open(io.BytesIO(run.media[one.image]))) / 255
        assert np.allclose(stored, pixels(given["val"][one.row]), atol=1e-3)
    assert found["train"].shared_rows == ()
    assert {one.image for one in shown} <= set(named_media(run))
    gone = without_missing(run, {one.image for one in shown[1:]})
    assert next(one for one in gone.evidence.data if one.split == "val").shared_rows == shown[1:]


@pytest.mark.parametrize(("train_rows", "val_rows"), [(3200, 150), (150, 3200), (3200, 3200)])
def test_of_very_many_images_those_are_shown_of_which_either_split_kept_one(
    tmp_path, monkeypatch, train_rows, val_rows
):
    monkeypatch.setattr(rows, "SAMPLE_ROWS", 200)  # of 3,200 rows each sixteenth is kept
    train, val = grey(train_rows, 0), grey(val_rows, 1)
    val[50:150] = train[:100]
    found = splits(tmp_path / "run", train=train, val=val)["val"]
    assert found.shared == {"train": 100}
    assert len(found.shared_rows) == 6
    assert all(one.row == one.there + 50 for one in found.shared_rows)
    assert [one.row for one in found.shared_rows] == sorted({one.row for one in found.shared_rows})


@pytest.mark.parametrize(
    "given",
    [
        lambda: numbers(200, 12),
        lambda: torch.rand(40, 5, 8, 8),  # channels that are no colours
        lambda: torch.rand(40, 3, 40, 40),  # of larger ones only some numbers are kept
        lambda: [torch.rand(1, 8, 8 + k % 2) for k in range(40)],
    ],
    ids=["table", "channels", "large", "sizes"],
)
def test_rows_that_are_no_small_pictures_are_counted_and_not_shown(tmp_path, given):
    both = given()
    found = splits(tmp_path / "run", train=both, val=both[:20])["val"]
    assert found.shared == {"train": 20}
    assert found.shared_rows == ()


def test_tokens_and_their_padding(tmp_path):
    tokens = torch.randint(1, 90, (200, 20), generator=torch.Generator().manual_seed(0))
    tokens[:, 15:] = 0
    found = splits(tmp_path / "run", train={"input_ids": tokens, "labels": torch.arange(200) % 4})["train"]
    assert (found.inputs, found.dtype, found.features) == ("tokens", "int64", ())
    assert found.padding == pytest.approx(0.25, abs=0.01)
    assert (found.whole.minimum, found.whole.maximum) == (0.0, float(tokens.max()))


def test_rows_of_different_lengths_are_one_kind(tmp_path):
    rows = [(torch.arange(1, 3 + place % 5), place % 2) for place in range(50)]
    found = splits(tmp_path / "run", train=rows)["train"]
    assert (found.rows, found.inputs, found.shape) == (50, "tokens", (-1,))
    assert found.duplicates == 45
    assert (found.whole.minimum, found.whole.maximum) == (1.0, 6.0)


def test_rows_of_no_common_kind_are_read_all_the_same(tmp_path):
    rows = [(torch.ones(4), 0), (torch.zeros(2, 2), 1), (torch.tensor(3.0), 0), ("text", 1), (torch.ones(4), 0)] * 3
    found = splits(tmp_path / "run", train=rows)["train"]
    assert (found.rows, found.shape, found.features) == (15, (), ())
    assert (found.whole.minimum, found.whole.maximum) == (0.0, 3.0)
    assert found.duplicates == 11


def test_padding_a_batch_further_leaves_the_hash_of_a_row():
    short, long = np.array([[5, 2, 7, 0, 0]]), np.array([[5, 2, 7, 0, 0, 0, 0]])
    assert row_hashes(short) == row_hashes(long)
    alike = row_hashes(np.array([[1, 2, 2], [1, 2, 3], [1, 1, 2], [2, 2, 2], [1, 2, 2]]))
    assert len(set(alike.tolist())) == 4


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "features"),
    [
        ((7,), torch.float32, "numbers", 7),
        ((), torch.float32, "numbers", 1),
        ((300,), torch.float32, "numbers", 0),
        ((3, 16, 16), torch.float32, "image", 3),
        ((16, 16, 1), torch.uint8, "image", 1),
        ((28, 28), torch.uint8, "image", 1),
        ((8, 8), torch.float32, "image", 1),
        ((2, 80, 80), torch.bfloat16, "image", 2),
        ((50, 3), torch.float32, "sequence", 0),
        ((9,), torch.int64, "tokens", 0),
        ((9,), torch.uint8, "numbers", 9),
        ((3, 4, 5, 6), torch.float32, "other", 0),
    ],
)
def test_the_kind_of_a_row(tmp_path, shape, dtype, kind, features):
    x = (torch.rand(40, *shape) * 100).to(dtype)
    found = splits(tmp_path / "run", train=x)["train"]
    assert (found.inputs, found.shape, len(found.features)) == (kind, shape, features)
    assert found.whole.mean == pytest.approx(float(x.double().mean()), rel=0.05)
    assert found.whole.deviation == pytest.approx(float(x.double().std(unbiased=False)), rel=0.05)


@pytest.mark.parametrize(
    ("y", "kind", "counts"),
    [
        (torch.arange(60) % 3, "classes", {"0": 20, "1": 20, "2": 20}),
        ((torch.arange(60) % 3)[:, None], "classes", {"0": 20, "1": 20, "2": 20}),
        ((torch.arange(60) % 2).float(), "classes", {"0": 30, "1": 30}),
        ((torch.arange(60) % 2).bool(), "classes", {"0": 30, "1": 30}),
        (torch.eye(3).repeat(20, 1), "classes", {"0": 20, "1": 20, "2": 20}),
        (["cat", "dog", "cow"] * 20, "classes", {"cat": 20, "cow": 20, "dog": 20}),
        (torch.arange(60), "numbers", {}),
        (torch.arange(60) / 7, "numbers", {}),
        ((torch.arange(60) % 5).float()[:, None], "numbers", {}),
        (torch.arange(120).reshape(60, 2) % 2, "classes", {"1": 60}),
        (torch.ones(60, 2), "several", {}),
        (torch.zeros(60, 4, 4), "", {}),
    ],
)
def test_the_kind_of_targets(tmp_path, y, kind, counts):
    found = splits(tmp_path / "run", train=(numbers(60), y))["train"]
    assert (found.targets, found.class_counts) == (kind, counts)


def test_columns_with_one_value_are_named_however_many_there_are(tmp_path):
    x = numbers(50, 500)
    x[:, [3, 400]] = 2.0
    found = splits(tmp_path / "run", train=x)["train"]
    assert (found.constant, found.constant_total) == (("3", "400"), 2)


def test_sums_in_pieces_are_those_of_the_whole_also_of_large_numbers():
    values = np.random.default_rng(0).normal(1.7e9, 2.0, size=(1_000, 2))
    columns = Columns(2)
    for start in range(0, 1_000, 77):
        columns.add(values[start : start + 77])
    facts = columns.facts(("a", "b"), (0, 0))
    assert [one.mean for one in facts] == pytest.approx(values.mean(axis=0).tolist(), rel=1e-12)
    assert [one.deviation for one in facts] == pytest.approx(values.std(axis=0).tolist(), rel=1e-5)
    whole = columns.grouped([np.arange(2)]).facts(("all",), (0,))[0]
    assert whole.deviation == pytest.approx(values.std(), rel=1e-5)


def test_a_number_that_is_not_finite_is_found_in_a_large_picture(tmp_path):
    x = torch.rand(3, 3, 120, 120)
    x[1, 2, 77, 78] = float("nan")
    assert splits(tmp_path / "run", train=x)["train"].odd_rows == 1


class Frame:
    """What a data frame of pandas or polars has that is asked for."""

    columns = ("age", "height")

    def to_numpy(self):
        return np.stack([np.arange(40.0), np.ones(40)], axis=1)


def test_names_of_a_tables_columns_are_kept(tmp_path):
    found = splits(tmp_path / "run", train=(Frame(), [0, 1] * 20))["train"]
    assert [one.name for one in found.features] == ["age", "height"]
    assert found.constant == ("height",)
    assert found.class_counts == {"0": 20, "1": 20}
