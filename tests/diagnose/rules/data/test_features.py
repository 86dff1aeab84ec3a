"""Inputs on a scale that hinders learning, and inputs that hold nothing."""

from dataclasses import replace

import pytest

from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.features import input_not_normalized
from reportgen.diagnose.rules.data.features_constant import input_constant
from reportgen.run.evidence import DataSplit, FeatureFacts, ModelUse, TensorFacts
from reportgen.run.records import Run
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy

FLAT = {"train/loss": series_of([2.3, 2.31] * 100)}


def table(*features: FeatureFacts, **fields) -> DataSplit:
    spread = max(one.deviation for one in features)
    whole = FeatureFacts("all", 0.0, spread, min(f.minimum for f in features), max(f.maximum for f in features))
    known = {"inputs": "numbers", "shape": (len(features),), "dtype": "float32", "targets": "classes"} | fields
    return DataSplit("train", "data", 500, 500, whole=whole, features=features, **known)


def column(name: str, deviation: float, reach: float | None = None) -> FeatureFacts:
    reach = 3 * deviation if reach is None else reach
    return FeatureFacts(name, 0.0, deviation, -reach, reach, distinct=400)


def of(split: DataSplit | None, learned: bool = False, inputs: tuple[TensorFacts, ...] = ()) -> Run:
    """A run that was trained on `split`; one that learned nothing, unless told otherwise."""
    run = healthy() if learned else fake_run(scalars=FLAT, predictions=())
    models = (ModelUse("Net", 15, inputs),) if inputs else ()
    evidence = replace(run.evidence, data=(split,) if split else (), models=models, losses=())
    return replace(run, evidence=evidence, graphs=())


def test_a_wide_column_beside_a_narrow_one_is_named_with_both():
    (finding,) = input_not_normalized(of(table(column("proline", 315.0), column("hue", 0.23), column("ash", 0.25))))

    assert (finding.id, finding.severity, finding.where.tag) == ("input_not_normalized", "warning", "train data")
    assert finding.title.startswith("Input proline has a standard deviation of 315, 1,370 times that of input hue")
    assert "x_train.std(0)" in finding.code
    assert [row[0] for row in finding.evidence.rows] == ["proline", "ash", "hue"]


def test_a_run_that_learned_well_is_only_told():
    (finding,) = input_not_normalized(of(table(column("a", 315.0)), learned=True))

    assert finding.severity == "info"


@pytest.mark.parametrize(("wide", "narrow", "found"), [(9.9, 0.11, 0), (10.1, 9.0, 1), (9.9, 0.09, 1)])
def test_the_limits_are_a_deviation_of_10_and_a_ratio_of_100(wide, narrow, found):
    assert len(input_not_normalized(of(table(column("a", wide), column("b", narrow))))) == found


def test_a_column_that_is_rarely_set_is_not_a_narrow_one():
    """A pixel at the border deviates by little, and yet reaches as far as others."""
    assert input_not_normalized(of(table(column("a", 5.0), column("border", 0.02, reach=15.0)))) == []


def test_images_are_normalised_by_their_own_numbers():
    image = table(FeatureFacts("channel 0", 33.3, 78.6, 0, 255, distinct=256), inputs="image", shape=(1, 28, 28))

    (finding,) = input_not_normalized(of(image))

    assert finding.code == "+ transforms.Normalize(mean=[33.3], std=[78.6])"


def test_what_the_loop_normalises_is_fine():
    given = TensorFacts(shape=(32, 2), dtype="float32", looks=15, deviation=1.0, minimum=-3.0, maximum=3.0)

    assert input_not_normalized(of(table(column("a", 315.0), column("b", 0.1)), inputs=(given,))) == []


def test_what_the_model_was_given_tells_where_no_data_was_read():
    given = TensorFacts(shape=(32, 2), dtype="float32", looks=15, deviation=50.0, minimum=-99.0, maximum=99.0)

    (finding,) = input_not_normalized(of(None, inputs=(given,)))

    assert finding.title == "The inputs have a standard deviation of 50"


def test_a_norm_as_the_first_layer_scales_inputs():
    run = of(table(column("a", 315.0)))
    (graph,) = healthy().graphs
    nodes = tuple(replace(node, type="BatchNorm2d") if node.path == "conv1" else node for node in graph.nodes)

    assert len(input_not_normalized(replace(run, graphs=(graph,)))) == 1
    judged = input_not_normalized(replace(run, graphs=(replace(graph, nodes=nodes),)))
    assert not_about(judged) == "The model scales its inputs itself."


def test_tokens_have_no_scale():
    tokens = table(column("0", 900.0), inputs="tokens", dtype="int64")

    assert not_about(input_not_normalized(of(tokens))) == "Inputs are no measured numbers."
    assert input_constant(of(replace(tokens, padding=0.6))) == []


@pytest.mark.parametrize("rule", [input_not_normalized, input_constant])
def test_healthy_data_is_well_and_none_is_not_judged(rule):
    assert rule(healthy()) == []
    judged = rule(of(None))
    assert isinstance(judged, Unchecked)
    assert 'report.data("train", train_set)' in judged.why


def test_rows_that_are_all_alike_are_an_error():
    split = table(FeatureFacts("0"), FeatureFacts("1"), class_counts={"a": 250, "b": 250}, constant_total=2)

    (finding,) = input_constant(of(split))

    assert (finding.severity, finding.tier) == ("error", "fact")
    assert finding.title == "Every number of all 500 training rows looked at is 0"
    assert finding.code == "- x = x // 255\n+ x = x / 255"


@pytest.mark.parametrize(("learned", "severity"), [(False, "warning"), (True, "info")])
def test_one_token_for_nearly_all(learned, severity):
    split = DataSplit("train", "track", 500, inputs="tokens", shape=(15,), dtype="int64", padding=0.96)

    (finding,) = input_constant(of(split, learned))

    assert (finding.severity, finding.value) == (severity, "96.0\u00a0%")
    assert input_constant(of(replace(split, padding=0.94), learned)) == []


@pytest.mark.parametrize(("constant", "severity"), [(1, "info"), (3, "warning")])
def test_a_few_constant_columns_are_normal_and_most_are_not(constant, severity):
    names = tuple("abcd"[:constant])
    split = table(*(column(name, 1.0) for name in "abcd"), constant=names, constant_total=constant)

    (finding,) = input_constant(of(split))

    assert finding.severity == severity
    assert finding.evidence.rows == tuple((name,) for name in names)


def test_a_few_rows_may_be_alike():
    assert isinstance(input_constant(of(replace(table(FeatureFacts("0"), FeatureFacts("1")), rows=8))), Unchecked)
