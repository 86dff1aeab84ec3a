"""Held-out rows that were trained on, features that tell the target, and splits that differ."""

from dataclasses import replace

import pytest

from reportgen.blocks.media import ImageGrid
from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.leakage import feature_label_leakage, train_val_leakage
from reportgen.diagnose.rules.data.leakage_shift import distribution_shift
from reportgen.run.evidence import DataSplit, FeatureFacts, Leak, SharedRow, Shift
from reportgen.run.records import Run
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy

COLUMNS = tuple(FeatureFacts(str(k), 0.0, 1.0, -3.0, 3.0, distinct=400) for k in range(12))
TRAIN = DataSplit("train", "data", 800, 800, "numbers", (12,), "float32", COLUMNS[0], COLUMNS, targets="classes")
VAL = replace(TRAIN, split="val", rows=200, total=200)


def of(*splits: DataSplit, run: Run | None = None) -> Run:
    run = run or healthy()
    return replace(run, evidence=replace(run.evidence, data=splits))


def test_shared_rows_are_an_error_with_their_places():
    pairs = tuple((k, 600 + k) for k in range(8))
    val = replace(VAL, shared={"train": 100}, shared_pairs={"train": pairs})

    (finding,) = train_val_leakage(of(TRAIN, val))

    assert (finding.id, finding.severity, finding.where.tag) == ("train_val_leakage", "error", "val data")
    assert finding.title == "100 of 200 val rows (50.0\u00a0%) are in the training data, too"
    assert finding.code == "- val = data[600:]\n+ val = data[len(train):]"
    assert finding.evidence.rows == pairs


def test_shared_images_are_shown_instead_of_their_places_alone():
    rows = tuple(SharedRow("train", k, 600 + 3 * k, f"{k}.png") for k in range(6))
    val = replace(VAL, shared={"train": 100}, shared_pairs={"train": ((0, 600), (1, 603))})

    (told,) = train_val_leakage(of(TRAIN, val))
    (finding,) = train_val_leakage(of(TRAIN, replace(val, shared_rows=rows)))

    assert isinstance(finding.evidence, ImageGrid)
    assert [item.media for item in finding.evidence.items] == [f"{k}.png" for k in range(6)]
    assert (finding.evidence.items[1].title, finding.evidence.items[1].lines) == ("val row 1", ("= train row 603",))
    assert finding.evidence.caption == "6 of 100 rows that both hold, by their places from 0."
    assert replace(finding, evidence=told.evidence) == told


def test_tensors_are_split_as_tensors_and_tables_as_tables():
    (tensors,) = train_val_leakage(of(TRAIN, replace(VAL, shared={"train": 100})))
    columns = tuple(replace(one, name=f"column {one.name}") for one in COLUMNS)
    (table,) = train_val_leakage(of(TRAIN, replace(VAL, features=columns, shared={"train": 100})))
    picture = replace(VAL, inputs="image", shape=(1, 28, 28), features=(replace(COLUMNS[0], name="channel 0"),))
    (images,) = train_val_leakage(of(TRAIN, replace(picture, shared={"train": 100})))

    assert images.code == tensors.code
    assert tensors.code.startswith("+ train, val = torch.utils.data.random_split(dataset, [0.8, 0.2])")
    assert "drop_duplicates" in table.code


def test_what_copies_within_train_explain_is_a_warning():
    (finding,) = train_val_leakage(of(replace(TRAIN, duplicates=250), replace(VAL, shared={"train": 120})))

    assert finding.severity == "warning"
    assert "before the split" in finding.why


@pytest.mark.parametrize(("shared", "severity"), [(1, "info"), (2, "info"), (3, "warning"), (9, "error")])
def test_a_pair_of_equal_rows_is_an_oddity_and_many_are_a_leak(shared, severity):
    (finding,) = train_val_leakage(of(TRAIN, replace(VAL, shared={"train": shared})))

    assert finding.severity == severity


def test_each_held_out_split_is_judged():
    test = replace(VAL, split="test", shared={"train": 50})

    (finding,) = train_val_leakage(of(TRAIN, VAL, test))

    assert finding.where.tag == "test data"


def test_a_part_of_train_that_is_evaluated_is_no_held_out_split():
    again = replace(VAL, split="train_eval", shared={"train": 200})

    assert train_val_leakage(of(TRAIN, VAL, again)) == []


def test_rows_of_few_values_meet_again_by_themselves():
    answers = tuple(FeatureFacts(str(k), 0.5, 0.5, 0.0, 1.0, distinct=2) for k in range(6))
    train, val = (replace(one, shape=(6,), features=answers) for one in (TRAIN, VAL))

    assert "few different values" in not_about(train_val_leakage(of(train, replace(val, shared={"train": 190}))))


def test_rows_partly_read_are_a_least_number():
    (finding,) = train_val_leakage(of(replace(TRAIN, total=10**6), replace(VAL, shared={"train": 50})))

    assert finding.title.startswith("At least 50 of 200")


def test_without_both_splits_it_is_not_judged():
    for rule in (train_val_leakage, distribution_shift):
        assert rule(healthy()) == []
        assert 'report.data("train", train_set)' in rule(of(VAL)).why
        assert 'report.data("val", val_set)' in rule(of(TRAIN)).why
    assert isinstance(feature_label_leakage(of(VAL)), Unchecked)


def test_a_column_that_tells_the_target_alone():
    leaks = (Leak("dose", 1.0, "AUC", 800), Leak("age", 0.93, "AUC", 800))

    (finding,) = feature_label_leakage(of(replace(TRAIN, leaks=leaks)))

    assert (finding.id, finding.tier, finding.severity) == ("feature_label_leakage", "fact", "warning")
    assert finding.where.tag == "train data"
    assert finding.title == "Input dose alone tells the target, with an AUC of 1"
    assert finding.code == "+ table = table.drop(columns=['dose'])"
    assert "legitimate" in finding.why


def test_a_column_without_a_name_is_cut_out_by_its_number():
    (finding,) = feature_label_leakage(of(replace(TRAIN, leaks=(Leak("3", 0.999, "AUC", 800),))))

    assert finding.code == "+ x = torch.cat([x[:, :3], x[:, 4:]], dim=1)"


@pytest.mark.parametrize(
    "leaks",
    [
        (Leak("a", 0.995, "AUC", 8000), Leak("b", 0.97, "AUC", 8000)),  # an easy task
        (Leak("a", 0.9994, "AUC", 8000), Leak("b", 0.6, "AUC", 8000)),  # it does not decide the target
        (Leak("a", 0.999, "AUC", 800), Leak("b", 0.999, "AUC", 800)),
    ],
)
def test_an_easy_task_is_only_told(leaks):
    (finding,) = feature_label_leakage(of(replace(TRAIN, leaks=leaks)))

    assert (finding.tier, finding.severity) == ("statistics", "info")


@pytest.mark.parametrize(
    ("leak", "counts", "severities"),
    [
        (Leak("a", 0.985, "AUC", 800), {"0": 400, "1": 400}, []),  # less three errors of 0.006 it is below 0.98
        (Leak("a", 0.999, "AUC", 800), {"0": 400, "1": 400}, ["info"]),
        (Leak("a", 0.999, "AUC", 800), {"0": 790, "1": 10}, []),  # of a rare class by chance
        (Leak("a", 1.0, "AUC", 800), {"0": 790, "1": 10}, ["warning"]),
        (Leak("a", 0.99, "correlation", 20), {}, []),
        (Leak("a", 0.99, "correlation", 20_000), {}, ["info"]),
        (Leak("a", 1.0, "correlation", 800), {}, ["warning"]),
    ],
)
def test_a_score_has_to_be_high_by_more_than_chance(leak, counts, severities):
    split = replace(TRAIN, leaks=(leak, Leak("b", 0.6, leak.measure, leak.rows)), class_counts=counts)

    assert [finding.severity for finding in feature_label_leakage(of(split))] == severities


def test_a_single_input_and_a_lower_score_are_no_leak():
    leak = (Leak("0", 1.0, "correlation", 800),)

    single = feature_label_leakage(of(replace(TRAIN, shape=(1,), leaks=leak)))
    assert not_about(single) == "Inputs are no table of several numbers."
    assert feature_label_leakage(of(replace(TRAIN, leaks=(Leak("0", 0.975, "AUC", 800),)))) == []
    assert not_about(feature_label_leakage(healthy())) == "Inputs are no table of several numbers."


# -- shift ---------------------------------------------------------------------------------------------------------

WORSE = {"train/loss": series_of([2.3 / (1 + k / 9) for k in range(200)]), "val/loss": series_of([2.0, 1.9], [99, 199])}


def shifted(*statistics: float) -> tuple[Shift, ...]:
    return tuple(Shift(str(k), "train", statistic, 0.15) for k, statistic in enumerate(statistics))


def test_a_strong_shift_is_a_warning_where_val_is_worse():
    run = of(TRAIN, replace(VAL, shifts=shifted(0.9)))

    (told,) = distribution_shift(run)
    (warned,) = distribution_shift(replace(run, scalars=WORSE, predictions=()))
    assert [one.severity for one in distribution_shift(replace(run, scalars=WORSE))] == ["info"]

    assert (told.severity, warned.severity) == ("info", "warning")
    assert warned.title == "Input 0 is distributed otherwise in val than in train"
    assert "val/loss ended at" in warned.why
    assert warned.evidence.rows == (("0", 0.9, 0.0, 0.0),)


def test_several_shifts_count_together():
    (finding,) = distribution_shift(of(TRAIN, replace(VAL, shifts=shifted(0.4, 0.3, 0.25))))

    assert finding.title.endswith(", and so are 2 others")


@pytest.mark.parametrize("statistics", [(0.4,), (0.19, 0.18), (0.3, 0.17)])
def test_one_weak_shift_is_chance(statistics):
    assert distribution_shift(of(TRAIN, replace(VAL, shifts=shifted(*statistics)), run=healthy())) == []


def test_of_many_features_some_exceed_chance():
    """0.7 where chance alone gives 0.65 of one feature is luck among two hundred."""
    shifts = tuple(Shift(str(k), "train", 0.7, 0.65) for k in range(3))
    many = replace(VAL, shape=(200,), features=(), shifts=shifts)

    assert distribution_shift(of(TRAIN, many)) == []


@pytest.mark.parametrize(
    ("inputs", "told"), [("sequence", "sequences"), ("tokens", "ids of tokens"), ("other", "neither")]
)
def test_inputs_without_features_are_named_as_what_they_are(inputs, told):
    val = replace(VAL, inputs=inputs, features=())

    assert told in not_about(distribution_shift(of(TRAIN, val)))


@pytest.mark.parametrize(("name", "asked"), [("9", "input 9"), ("age", "age")])
def test_an_input_without_a_name_is_called_one(name, asked):
    (finding,) = feature_label_leakage(of(replace(TRAIN, leaks=(Leak(name, 1.0, "AUC", 800),))))

    assert finding.fix.startswith(f"Find out when {asked} is known.")
