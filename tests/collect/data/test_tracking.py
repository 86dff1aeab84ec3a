"""Batches of tracked loaders: which are looked at, what is learnt of the loader, and that none is changed."""

import random
import threading

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import reportgen
from reportgen.collect.data.order import expected_labels
from tests.collect.data.reading import by_split, ended, loader


def table(rows=200, columns=4, classes=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, columns, generator=generator), torch.arange(rows) * classes // rows


def passes(report, batches, count=1, split="train"):
    for _ in range(count):
        for _ in report.track(batches, split):
            pass


def test_batches_are_the_loaders_own_objects_with_the_same_numbers(report):
    x, y = table()
    batches = [(x[:50], y[:50]), {"x": x[50:90], "y": y[50:90]}, [x[90:], y[90:]], None, "text", 3, [], (), [None]]
    before, held = (x.clone(), y.clone()), x._use_count()
    given = [batch for _ in range(2) for batch in report.track(batches)]
    assert all(one is other for one, other in zip(given, batches * 2, strict=True))
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert x._use_count() == held


def test_tracking_draws_no_random_number(report):
    x, y = table()

    def drawn(tracked):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        made = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
        order = [batch[0] for _ in range(3) for batch in (report.track(made) if tracked else made)]
        return torch.cat(order), random.random(), float(np.random.rand()), torch.rand(1)

    assert all(one == other if isinstance(one, float) else torch.equal(one, other)
               for one, other in zip(drawn(True), drawn(False), strict=True))  # fmt: skip


def test_a_whole_pass_gives_the_rows_of_the_split_once(report):
    x, y = table()
    x[7] = x[3]
    passes(report, DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True), 4)
    found = by_split(ended(report), "track")["train"]
    assert (found.rows, found.total, found.duplicates) == (200, 200, 1)
    assert found.class_counts == {"0": 100, "1": 100}
    assert found.features[2].mean == pytest.approx(float(x[:, 2].mean()), abs=1e-6)


def test_rows_shared_by_two_tracked_splits_are_counted(report):
    x, y = table()
    passes(report, DataLoader(TensorDataset(x[:150], y[:150]), batch_size=16, shuffle=True), 2)
    passes(report, DataLoader(TensorDataset(x[140:], y[140:]), batch_size=16), 2, "val")
    found = by_split(ended(report), "track")
    assert found["train"].shared == {"val": 10}
    assert found["val"].shared == {"train": 10}


def test_a_pass_that_was_left_gives_way_to_one_that_saw_more(report):
    made = DataLoader(TensorDataset(*table()), batch_size=16)
    for _ in report.track(made):
        break
    passes(report, made)
    found = by_split(ended(report), "track")["train"]
    assert (found.rows, found.duplicates) == (200, 0)


def test_rows_that_a_loader_draws_repeatedly_are_no_duplicates_yet_may_conflict(report):
    x, y = table()
    y[11], x[11] = 1, x[10]
    weighted = WeightedRandomSampler(torch.ones(200), 2_000)

    def endless():
        for _ in range(3):
            yield x, y

    passes(report, DataLoader(TensorDataset(x, y), batch_size=50, sampler=weighted))
    passes(report, endless(), 1, "generated")
    found = by_split(ended(report), "track")
    assert [(one.duplicates, one.conflicting) for one in found.values()] == [(0, 1), (0, 1)]


def test_a_list_of_the_same_batch_is_read_once(report):
    passes(report, [table()] * 30)
    found = by_split(ended(report), "track")["train"]
    assert (found.rows, found.duplicates) == (200, 0)


class Custom(Sampler):
    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(range(self.rows))

    def __len__(self):
        return self.rows


class Stream(IterableDataset):
    def __iter__(self):
        x, y = table()
        return iter(zip(x, y, strict=True))


DATA = TensorDataset(*table())


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (DataLoader(DATA, 16, shuffle=True), ("DataLoader", "RandomSampler", True, 16, 0, False, 200)),
        (DataLoader(DATA, 16, drop_last=True), ("DataLoader", "SequentialSampler", False, 16, 0, True, 200)),
        (
            DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 10, True)),
            ("DataLoader", "RandomSampler", True, 10, 0, True, 200),
        ),
        (DataLoader(DATA, 16, sampler=Custom(200)), ("DataLoader", "Custom", None, 16, 0, False, 200)),
        (DataLoader(Stream(), 16), ("DataLoader", "", None, 16, 0, False, None)),
        ([table()], ("list", "", False, None, None, None, None)),
        (iter([table()]), ("list_iterator", "", None, None, None, None, None)),
    ],
)
def test_what_a_loader_says_of_itself(report, made, expected):
    passes(report, made)
    use = loader(ended(report))
    assert (use.type, use.sampler, use.shuffled, use.batch_size, use.workers, use.drop_last, use.rows) == expected
    assert use.passes == 1


def test_a_distributed_sampler_says_whether_it_shuffles(report):
    from torch.utils.data.distributed import DistributedSampler

    sampler = DistributedSampler(DATA, num_replicas=2, rank=0, shuffle=False)
    passes(report, DataLoader(DATA, 16, sampler=sampler))
    assert loader(ended(report)).shuffled is False


def test_sorted_labels_in_batches_are_told_from_shuffled_ones(report):
    sorted_rows = TensorDataset(*table(classes=4))
    passes(report, DataLoader(sorted_rows, 20), 2)
    passes(report, DataLoader(sorted_rows, 20, shuffle=True, generator=torch.Generator().manual_seed(0)), 2, "mixed")
    run = ended(report)
    wrong, right = loader(run), loader(run, "mixed")
    assert wrong.labels_in_batch == pytest.approx(1.2, abs=0.1)
    assert wrong.labels_expected == pytest.approx(3.99, abs=0.02)
    assert (wrong.ordered, wrong.same_order, wrong.batches, wrong.last_batch) == (True, True, 20, 20)
    assert right.labels_in_batch == pytest.approx(right.labels_expected, abs=0.1)
    assert (right.ordered, right.same_order) == (False, False)


def test_augmented_rows_in_the_same_order_are_known_by_their_labels(report):
    x, _ = table()
    y = torch.randint(0, 10, (200,), generator=torch.Generator().manual_seed(1))

    def augmented():
        for start in range(0, 200, 20):
            yield x[start : start + 20] + torch.randn(20, 4), y[start : start + 20]

    for _ in range(2):
        passes(report, augmented())
    use = loader(ended(report))
    assert (use.same_order, use.passes, use.ordered) == (True, 2, False)


def test_one_batch_a_pass_has_no_order(report):
    passes(report, [table()], 3)
    use = loader(ended(report))
    assert (use.same_order, use.passes, use.batches, use.last_batch) == (None, 3, 3, 200)


def test_the_last_batch_is_that_of_a_completed_pass(report):
    made = DataLoader(DATA, 33)
    passes(report, made)
    for _ in report.track(made):
        break
    use = loader(ended(report))
    assert (use.last_batch, use.passes, use.batches) == (2, 1, 8)


def test_the_expectation_of_labels_is_that_of_many_draws():
    counts = [70, 20, 8, 2]
    draw = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), counts)
    drawn = np.mean([len(np.unique(draw.permutation(labels)[:12])) for _ in range(4_000)])
    assert expected_labels(counts, 12) == pytest.approx(drawn, abs=0.03)
    assert expected_labels(counts, 100) == 4.0


def test_sorted_numbers_are_ordered_and_a_rare_class_is_not(report):
    x, _ = table()
    rare = torch.zeros(200, dtype=torch.long)
    rare[120] = 1
    passes(report, DataLoader(TensorDataset(x, torch.linspace(0, 3, 200)), 20))
    passes(report, DataLoader(TensorDataset(x, rare), 20), 1, "rare")
    run = ended(report)
    assert loader(run).ordered
    assert loader(run).labels_in_batch is None
    assert not loader(run, "rare").ordered


def test_batches_that_are_lists_of_rows_and_batches_of_tokens_padded_differently(report):
    rows = [(torch.tensor([3 + place, 4, 5]), place % 2) for place in range(40)]

    def padded(batch):
        size = 4 + len(batch) % 3 + batch[0][1]
        ids = torch.zeros(len(batch), size, dtype=torch.long)
        for place, (tokens, _) in enumerate(batch):
            ids[place, :3] = tokens
        return {"input_ids": ids, "labels": torch.tensor([label for _, label in batch])}

    passes(report, DataLoader(rows, 8, collate_fn=list))
    passes(report, DataLoader(rows, 5, collate_fn=padded), 1, "val")
    run = ended(report)
    found = by_split(run, "track")
    assert (found["train"].rows, found["train"].inputs, found["train"].class_counts) == (
        40,
        "tokens",
        {"0": 20, "1": 20},
    )
    assert (found["val"].rows, found["val"].inputs, found["val"].shape) == (40, "tokens", (-1,))
    assert loader(run).last_batch == 8


def test_a_numbered_loader_is_looked_into(report):
    for step, (x, _) in report.track(list(enumerate([table()]))):
        assert (step, len(x)) == (0, 200)
    assert by_split(ended(report), "track")["train"].rows == 200


def test_looking_stops_when_its_share_of_time_is_used_up(report, monkeypatch):
    monkeypatch.setattr("reportgen.collect.data.passes.FREE", 0.0)
    monkeypatch.setattr("reportgen.collect.data.passes.SHARE", 0.0)
    x, y = table(1_000)
    passes(report, DataLoader(TensorDataset(x, y), 10))
    found = by_split(ended(report), "track")["train"]
    assert (found.rows, found.total) == (160, 1_000)


def test_rows_of_huge_batches_are_sampled(report, monkeypatch):
    monkeypatch.setattr("reportgen.collect.data.passes.FIRST_BYTES", 1_000)
    monkeypatch.setattr("reportgen.collect.data.passes.MOST_BYTES", 1_000)
    x, y = table()
    passes(report, DataLoader(TensorDataset(x, y), 100))
    run = ended(report)
    assert by_split(run, "track")["train"].rows == 100
    assert loader(run).labels_in_batch == 1.0


def test_a_build_in_the_middle_of_a_pass_has_what_was_seen_so_far(report):
    for place, _ in enumerate(report.track(DataLoader(DATA, 20))):
        if place == 3:
            report.build(final=False)
            run = reportgen.load(report.folder)
            assert by_split(run, "track")["train"].rows == 80
            assert loader(run).batches == 4
    run = ended(report)
    assert by_split(run, "track")["train"].rows == 200
    assert loader(run).batches == 10


def test_another_thread_may_build_while_batches_are_looked_at(report):
    x, y = table(4_000)
    ending = threading.Event()

    def flushing():
        while not ending.is_set():
            report._recorder.flush()

    thread = threading.Thread(target=flushing)
    thread.start()
    try:
        passes(report, DataLoader(TensorDataset(x, y), 20, shuffle=True), 3)
    finally:
        ending.set()
        thread.join()
    found = by_split(ended(report), "track")["train"]
    assert 0 < found.rows <= 4_000
    assert found.duplicates == 0


def test_rows_handed_over_are_not_read_again_from_the_loader(report):
    report.data("train", DATA)
    passes(report, DataLoader(DATA, 20))
    run = ended(report)
    assert by_split(run, "track") == {}
    assert by_split(run)["train"].rows == 200
    assert loader(run).labels_expected == pytest.approx(2.0, abs=0.01)


def test_an_exception_in_the_loop_and_one_of_the_loader_pass_through(report):
    def broken():
        yield table()
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        passes(report, broken())

    def stumbling():
        for _ in report.track([table()]):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        stumbling()
    assert report._recorder.split is None
    assert loader(ended(report)).passes == 0


def test_inputs_of_a_model_stand_in_where_nothing_else_is_known(report):
    from reportgen.collect.data import DataSets
    from reportgen.collect.watched import Watched

    data = DataSets.of(report._recorder)
    assert DataSets.of(report._recorder) is data
    watched = Watched("net", torch.nn.Linear(4, 1))
    x, y = table()
    data.inputs(watched, (x[:40],), {})
    with torch.no_grad():
        data.inputs(watched, (x[40:80],), {})
    passes(report, [(x, y)], 1, "val")
    for _ in report.track([(x, y)], "val"):
        data.inputs(watched, (x,), {})
    run = ended(report)
    (found,) = by_split(run, "inputs").values()
    assert (found.split, found.rows, found.inputs, len(found.features)) == ("train", 40, "numbers", 4)
    assert (found.duplicates, found.shared) == (0, {})
    assert by_split(run, "track")["val"].shared == {}


def test_batches_on_another_device_are_left_alone(report):
    x = torch.empty(20, 4, device="meta")
    passes(report, [(x, torch.empty(20, device="meta"))] * 3)
    run = ended(report)
    assert run.evidence.data == ()
    assert (loader(run).batches, loader(run).labels_in_batch, loader(run).last_batch) == (3, None, 20)


def test_samplers_of_torch_are_known_by_their_names():
    from reportgen.collect.data.loaders import SHUFFLED

    known = (SequentialSampler, RandomSampler, WeightedRandomSampler, torch.utils.data.SubsetRandomSampler)
    assert {each.__name__ for each in known} == set(SHUFFLED)
