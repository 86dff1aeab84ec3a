"""Which data sets are read, how far, and that nothing of the user's is changed by it."""

import random
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import reportgen
from reportgen.errors import InvalidArgumentError
from tests.collect.data.reading import by_split, ended, splits


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def table(rows=60, columns=4):
    return torch.arange(rows * columns, dtype=torch.float32).reshape(rows, columns), torch.arange(rows) % 3


@pytest.mark.parametrize(
    "made",
    [
        TensorDataset,
        lambda x, y: (x, y),
        lambda x, y: (x.numpy(), y.tolist()),
        lambda x, y: (x.tolist(), y.tolist()),
        lambda x, y: {"features": x, "label": y},
        lambda x, y: Rows(list(zip(x, y, strict=True))),
        lambda x, y: Rows([(row.tolist(), int(label)) for row, label in zip(x, y, strict=True)]),
        lambda x, y: Rows([{"x": row, "y": label} for row, label in zip(x.numpy(), y.numpy(), strict=True)]),
        lambda x, y: Rows([(row, label, {"id": place}) for place, (row, label) in enumerate(zip(x, y, strict=True))]),
        lambda x, y: list(zip(x, y, strict=True)),
        lambda x, y: DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True),
        lambda x, y: Subset(TensorDataset(torch.cat([x, -x]), torch.cat([y, y])), range(60)),
    ],
)
def test_rows_are_read_from_whatever_holds_them(tmp_path, made):
    found = splits(tmp_path / "run", train=made(*table()))["train"]
    assert (found.rows, found.total, found.inputs, found.shape) == (60, 60, "numbers", (4,))
    assert found.class_counts == {"0": 20, "1": 20, "2": 20}
    assert [one.name for one in found.features] == ["0", "1", "2", "3"]
    first = found.features[0]
    assert (first.minimum, first.maximum, first.mean, first.distinct) == (0.0, 236.0, 118.0, 60)
    assert first.deviation == pytest.approx(np.arange(0, 240, 4).std())
    assert found.duplicates == 0


def test_inputs_alone_and_none_for_targets_have_no_targets(tmp_path):
    x, _ = table()
    pairs = Rows([(row, None) for row in x])
    found = splits(tmp_path / "run", tensor=x, array=x.numpy(), columns=(x, None), rows=pairs, single=TensorDataset(x))
    for split in found.values():
        assert (split.rows, split.targets, split.class_counts, split.inputs) == (60, "", {}, "numbers")


def test_a_data_set_without_rows_is_a_record_of_none(tmp_path):
    found = splits(tmp_path / "run", rows=Rows([]), tensors=(torch.zeros(0, 3), torch.zeros(0)))
    assert [(one.rows, one.total) for one in found.values()] == [(0, 0), (0, 0)]


def test_a_row_that_raises_is_left_out_and_noted_once(tmp_path):
    class Broken(Rows):
        def __getitem__(self, index):
            if index == 7:
                raise OSError("cannot open seven.png")
            return super().__getitem__(index)

    report = reportgen.Report("broken", folder=tmp_path / "run", strict=True)
    with pytest.warns(
        UserWarning, match=r"1 of 60 rows of 'train' were not read: row 7 raised OSError: cannot open sev"
    ):
        report.data("train", Broken(list(zip(*table(), strict=True))))
    run = ended(report)
    assert by_split(run)["train"].rows == 59
    assert [note.kind for note in run.notes if note.where == "data"] == ["rejected"]


def test_a_data_set_that_always_raises_is_given_up(tmp_path):
    asked = []

    class Broken(Dataset):
        def __len__(self):
            return 100_000

        def __getitem__(self, index):
            asked.append(index)
            raise KeyError("nothing there")

    report = reportgen.Report("broken", folder=tmp_path / "run", strict=True)
    with pytest.warns(UserWarning, match="KeyError"):
        report.data("train", Broken())
    assert len(asked) == 20
    assert by_split(ended(report))["train"].rows == 0


def test_a_slow_and_endless_data_set_is_read_here_and_there(tmp_path, monkeypatch):
    monkeypatch.setattr("reportgen.collect.data.reading.SECONDS", 0.2)
    asked = []

    class Slow(Dataset):
        def __len__(self):
            return 10**9

        def __getitem__(self, index):
            asked.append(index)
            time.sleep(0.002)
            return torch.tensor([float(index), float(index % 7)]), index % 2

    found = splits(tmp_path / "run", train=Slow())["train"]
    assert 0 < found.rows == len(asked) < 1_000
    assert found.total == 10**9
    assert min(asked) == 0
    assert max(asked) < 10**9
    assert len(set(asked)) == len(asked)


def test_rows_read_before_time_is_up_are_spread_over_the_whole(tmp_path, monkeypatch):
    now = iter(range(10**9))
    monkeypatch.setattr("reportgen.collect.data.reading.time.perf_counter", lambda: next(now) / 1_000)
    asked = []

    class Long(Dataset):
        def __len__(self):
            return 20_000

        def __getitem__(self, index):
            asked.append(index)
            return torch.zeros(1)

    report = reportgen.Report("long", folder=tmp_path / "run", strict=True)
    report.data("train", Long())
    report.close()
    assert 1_500 < len(asked) < 2_100
    assert max(asked) > 19_900


def test_at_most_20000_rows_are_read_under_their_own_places(tmp_path):
    x = torch.arange(100_000, dtype=torch.float32)[:, None]
    x[50_000] = x[25_000]
    found = splits(tmp_path / "run", train=x)["train"]
    assert (found.rows, found.total) == (20_000, 100_000)
    assert found.pairs == ((50_000, 25_000),)


def test_augmentation_draws_nothing_from_the_users_streams(tmp_path):
    class Augmented(Dataset):
        def __init__(self):
            self.own = np.random.default_rng(3)
            self.transform = [random.Random(4), torch.Generator().manual_seed(5)]

        def __len__(self):
            return 50

        def __getitem__(self, index):
            noise = random.random() + np.random.rand() + self.own.random() + self.transform[0].random()
            return torch.randn(3) + torch.rand(3, generator=self.transform[1]) + noise, index % 2

    def draws(dataset):
        return [dataset[0][0].tolist(), random.random(), float(np.random.rand()), torch.rand(2).tolist()]

    def seed():
        random.seed(0)
        np.random.seed(1)
        torch.manual_seed(2)

    seed()
    expected = draws(Augmented())
    seed()
    dataset = Augmented()
    found = splits(tmp_path / "run", train=dataset)["train"]
    assert found.rows == 50
    assert draws(dataset) == expected


def test_a_stream_that_can_be_read_again_is_read_and_one_that_cannot_is_left_alone(tmp_path):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([(torch.tensor([float(n), 1.0]), n % 2) for n in range(40)])

    class Once(IterableDataset):
        def __init__(self):
            self.left = iter([(torch.ones(2), 0)] * 3)

        def __iter__(self):
            return self.left

    found = splits(tmp_path / "run", train=Stream())["train"]
    assert (found.rows, found.total, found.class_counts) == (40, None, {"0": 20, "1": 20})
    once = Once()
    report = reportgen.Report("once", folder=tmp_path / "once", strict=True)
    with pytest.raises(InvalidArgumentError, match="more than once"):
        report.data("train", once)
    report.close()
    assert len(list(once)) == 3


@pytest.mark.parametrize("wrong", [3, "text", None, object(), iter([1, 2]), (torch.ones(3), torch.ones(4)), {}])
def test_what_holds_no_rows_is_rejected_with_what_is_accepted(tmp_path, wrong):
    report = reportgen.Report("wrong", folder=tmp_path / "run")
    with pytest.warns(UserWarning, match="dataset"):
        report.data("train", wrong)
    run = ended(report)
    assert run.evidence.data == ()
    assert [note.kind for note in run.notes] == ["rejected"]


def test_objects_that_cannot_be_compared_are_no_duplicates(tmp_path):
    class Graph:
        pass

    complexes = torch.zeros(30, 2, dtype=torch.complex64)
    found = splits(tmp_path / "run", graphs=Rows([Graph() for _ in range(30)]), complexes=(complexes, torch.zeros(30)))
    assert [one.duplicates for one in found.values()] == [0, 0]
    assert found["complexes"].shared == {}


def test_pillow_images_and_texts_are_read(tmp_path):
    pictures = [Image.fromarray(np.full((9, 9, 3), value % 250, np.uint8)) for value in range(30)]
    texts = [(f"sentence {place % 25}", "good" if place % 2 else "bad") for place in range(30)]
    found = splits(tmp_path / "run", pictures=Rows([(each, 0) for each in pictures]), texts=Rows(texts))
    assert (found["pictures"].inputs, found["pictures"].shape, found["pictures"].dtype) == ("image", (9, 9, 3), "uint8")
    assert (found["texts"].inputs, found["texts"].duplicates) == ("other", 5)
    assert found["texts"].class_counts == {"bad": 15, "good": 15}


def test_nothing_of_a_data_set_is_kept_alive_or_changed(tmp_path):
    x, y = table()
    before = x.clone()
    report = reportgen.Report("kept", folder=tmp_path / "run", strict=True)
    report.data("train", (x, y))
    assert torch.equal(x, before)
    assert x._use_count() == y._use_count() == 1
    report.close()


def test_no_warning_comes_from_numbers_that_are_not_finite(tmp_path):
    x = torch.randn(100, 3)
    x[3, 1], x[4, 1], x[5, 2] = float("nan"), float("inf"), -float("inf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = splits(tmp_path / "run", train=(x, torch.full((100,), float("nan"))))["train"]
    assert found.odd_rows == 3
    assert found.odd_columns == ("1", "2")
    assert [one.missing for one in found.features] == [0, 2, 1]
    assert found.target.missing == 100


def test_report_outside_of_a_run_folder_reads_nothing(tmp_path):
    place = Path(tmp_path / "file")
    place.write_text("in the way")
    with pytest.warns(UserWarning, match="nothing is recorded"):
        report = reportgen.Report("nowhere", folder=place)

    asked = []

    class Asked(Rows):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    report.data("train", Asked([1, 2]))
    report.close()
    assert asked == []
