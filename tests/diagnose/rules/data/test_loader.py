"""The order in which rows are trained on."""

from dataclasses import replace

import pytest

from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.loader import not_shuffled
from reportgen.run.evidence import DataSplit, LoaderUse
from reportgen.run.records import Run
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import unfound
from tests.healthy import healthy

SORTED = LoaderUse(
    "train",
    "DataLoader",
    "SequentialSampler",
    False,
    32,
    0,
    False,
    1257,
    passes=6,
    batches=240,
    labels_in_batch=1.2,
    labels_expected=9.6,
    same_order=True,
    ordered=True,
)


def of(use: LoaderUse | None, *splits: DataSplit, run: Run | None = None) -> Run:
    run = run or healthy()
    return replace(run, evidence=replace(run.evidence, loaders=(use,) if use else (), data=splits))


def test_rows_sorted_by_label_are_a_warning():
    (finding,) = not_shuffled(of(SORTED))

    assert (finding.id, finding.tier, finding.severity) == ("not_shuffled", "fact", "warning")
    assert finding.where.tag == "train loader"
    assert "1.2 different labels in a batch, where a random one has 9.6" in finding.title
    assert (
        finding.code == "- DataLoader(train_set, batch_size=32)\n+ DataLoader(train_set, batch_size=32, shuffle=True)"
    )


def test_labels_that_come_in_blocks_need_not_be_in_one_stretch_each():
    use = replace(SORTED, ordered=False, labels_in_batch=2.5)
    poor = fake_run(scalars={"train/loss": series_of([2.3, 2.31] * 100)}, predictions=())

    (finding,) = not_shuffled(of(use, run=poor))
    assert (finding.tier, finding.severity) == ("statistics", "warning")
    assert finding.title.startswith("Training rows come in blocks by label: 2.5 different labels in a batch")
    assert "train/loss went from" in finding.why
    # Where the run learned, mixing was enough.
    assert [(one.tier, one.severity) for one in not_shuffled(of(use))] == [("statistics", "info")]


@pytest.mark.parametrize(
    "changes",
    [
        {"shuffled": True},
        {"batches": 6},  # one batch a pass
        {"ordered": False, "labels_in_batch": 6.0, "same_order": None},
        {"ordered": False, "labels_in_batch": 1.0, "labels_expected": 1.2, "same_order": None, "batches": 60},
        # A sampler that deals out a few classes at a time, as for triplets.
        {"ordered": False, "shuffled": None, "sampler": "ClassBatches", "same_order": False},
    ],
)
def test_shuffled_rows_and_what_chance_gives_are_well(changes):
    assert unfound(not_shuffled(of(replace(SORTED, **changes))))


def test_a_sampler_of_ones_own_may_order_on_purpose():
    (finding,) = not_shuffled(of(replace(SORTED, shuffled=None, sampler="ByTask")))

    assert finding.severity == "info"


def test_the_same_order_of_mixed_labels_is_only_told():
    (finding,) = not_shuffled(of(replace(SORTED, ordered=False, labels_in_batch=9.5)))

    assert (finding.severity, finding.title) == ("info", "Training rows come in the same order in each pass")


def test_targets_that_only_rise_are_a_warning_where_little_was_learned():
    use = replace(SORTED, labels_in_batch=None, labels_expected=None)
    table = DataSplit("train", "track", 1257, inputs="numbers", shape=(8,), dtype="float32", targets="numbers")
    poor = fake_run(scalars={"train/loss": series_of([2.3, 2.31] * 100)}, predictions=())

    assert [one.severity for one in not_shuffled(of(use, table))] == ["info"]
    assert [one.severity for one in not_shuffled(of(use, table, run=poor))] == ["warning"]
    series = replace(table, inputs="sequence", shape=(16, 1))
    (told,) = not_shuffled(of(use, series, run=poor))
    assert (told.severity, told.title) == ("info", "Training rows come in the same order in each pass")


def test_a_healthy_loader_is_well_and_none_is_not_judged():
    assert not_shuffled(healthy()) == []
    judged = not_shuffled(of(None))
    assert isinstance(judged, Unchecked)
    assert "report.track(loader)" in judged.why
