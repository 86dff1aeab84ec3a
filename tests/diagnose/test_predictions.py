"""What predictions and losses prove: softmax twice, and no better than always saying one class."""

import dataclasses
import math

import numpy as np
import pytest

from reportgen.diagnose import diagnose, findings
from reportgen.diagnose.rules.softmax import bounds
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.run.records import Run
from reportgen.testing import fake_run
from tests.healthy import healthy


def outputs_are(run: Run, kind: str) -> Run:
    sets = tuple(dataclasses.replace(each, outputs_are=kind) for each in run.predictions)
    return dataclasses.replace(run, predictions=sets)


def cross_entropy(outputs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.log(np.exp(outputs).sum(1)) - outputs[np.arange(len(truth)), truth]


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_bounds_are_those_of_cross_entropy_on_probabilities(classes):
    rng = np.random.default_rng(0)
    low, high = bounds(classes)
    sharp = rng.dirichlet(np.full(classes, 0.01), 500)
    losses = cross_entropy(sharp, rng.integers(0, classes, 500))

    assert low - 1e-12 <= losses.min()
    assert losses.max() <= high + 1e-12
    one_hot = np.eye(classes)[:2]
    assert cross_entropy(one_hot, np.array([0, 0])) == pytest.approx([low, high])


def test_probabilities_into_cross_entropy_are_found_by_the_loss_that_cannot_fall():
    run = outputs_are(fake_run(scalars={"train/loss": [2.3, 1.9, 1.62, 1.55]}), "probabilities")

    (finding,) = findings(run)

    assert (finding.id, finding.tier, finding.severity) == ("softmax_before_ce", "fact", "warning")
    assert finding.limit == "1.46 = log(1 + 9/e)"
    assert finding.value == "least training loss 1.55"


def test_it_is_an_error_where_the_graph_shows_the_softmax():
    run = outputs_are(fake_run(scalars={"train/loss": [2.3, 1.9]}), "probabilities")

    (finding,) = findings(ending_in(run, "relu", "softmax"))

    assert (finding.id, finding.severity) == ("softmax_before_ce", "error")


def ending_in(run: Run, *operations: str) -> Run:
    graph = run.graphs[0]
    edges = (*graph.edges[:-1], dataclasses.replace(graph.edges[-1], via=operations))
    return dataclasses.replace(run, graphs=(dataclasses.replace(graph, edges=edges),))


def test_the_graph_alone_shows_a_softmax():
    run = ending_in(fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=()), "softmax")

    (finding,) = findings(run)

    assert (finding.id, finding.severity) == ("softmax_before_ce", "error")
    assert "The last operation before the model's output is a softmax." in finding.why


def test_the_graph_alone_shows_a_log_softmax():
    (finding,) = findings(ending_in(healthy(), "relu", "log_softmax"))

    assert (finding.id, finding.severity) == ("log_softmax_before_ce", "info")
    assert findings(ending_in(healthy(), "log_softmax", "exp")) == []


def test_a_softmax_module_counts_as_one():
    run = fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=())
    graph = run.graphs[0]
    nodes = tuple(dataclasses.replace(n, type="Softmax") if n.path == "fc2" else n for n in graph.nodes)

    (finding,) = findings(dataclasses.replace(run, graphs=(dataclasses.replace(graph, nodes=nodes),)))

    assert finding.id == "softmax_before_ce"


def test_a_loss_below_the_floor_proves_that_the_loss_saw_logits():
    """The user may well show probabilities and train with logits."""
    assert findings(outputs_are(healthy(), "probabilities")) == []


def test_without_a_training_loss_it_is_not_known():
    run = outputs_are(fake_run(scalars={"val/acc": [0.9]}), "probabilities")

    assert "softmax_before_ce" in {check.id for check in diagnose(run).unchecked}


def test_log_probabilities_are_redundant_and_harmless():
    (finding,) = findings(outputs_are(healthy(), "log-probabilities"))

    assert (finding.id, finding.severity) == ("log_softmax_before_ce", "info")
    assert "NLLLoss" in finding.code


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("CrossEntropyLoss(ignore_index=-100, label_smoothing=0.1, reduction='mean')", 1),
        ("cross_entropy", 1),
        ("CrossEntropyLoss(ignore_index=-100, label_smoothing=0.0, reduction='sum')", 0),
        ("MSELoss(reduction='mean')", 0),
        ("CrossEntropyLossOfMine", 0),
    ],
)
def test_the_criterion_is_known_by_its_class_and_reduction(criterion, found):
    run = outputs_are(fake_run(scalars={"train/loss": [2.3, 1.9]}), "probabilities")
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], criterion=criterion),))

    assert len(findings(run)) == found


def test_another_criterion_may_take_them():
    run = outputs_are(healthy(), "log-probabilities")
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], criterion="NLLLoss"),))

    assert findings(run) == []


def with_confusion(run: Run, confusion: list[list[int]], split: str = "val") -> Run:
    last = run.predictions[-1]
    classes = tuple("abcdefgh"[: len(confusion)])
    counts = tuple(map(tuple, confusion))
    changed = dataclasses.replace(last, split=split, confusion=counts, classes=classes, scores=(), examples=())
    return dataclasses.replace(run, predictions=(*run.predictions[:-1], changed))


def test_always_one_class_is_no_better_than_the_baseline():
    (finding,) = findings(with_confusion(healthy(), [[0, 40], [0, 60]]))

    assert (finding.id, finding.severity) == ("worse_than_baseline", "warning")
    assert finding.title == "val accuracy ended at 60.0\u00a0%, no better than always saying one class"
    assert "Every sample is predicted as b." in finding.why
    assert finding.code == "- lr=0.1\n+ lr=0.01"


def test_one_more_hit_is_better_than_the_baseline():
    assert findings(with_confusion(healthy(), [[1, 39], [0, 60]])) == []


@pytest.mark.parametrize("confusion", [[[0, 20], [0, 29]], [[0, 0], [50, 0]]])
def test_few_samples_or_one_class_decide_nothing(confusion):
    diagnosis = diagnose(with_confusion(healthy(), confusion))

    assert diagnosis.findings == ()
    assert "worse_than_baseline" in {check.id for check in diagnosis.unchecked}


def test_a_broken_loss_explains_bad_predictions():
    run = with_confusion(fake_run(steps=3, scalars={"train/loss": [2.0, math.nan, math.nan]}), [[0, 40], [0, 60]])

    (finding,) = findings(run)

    assert finding.id == "nan_loss"
    assert any("no better than always saying one class" in symptom for symptom in finding.also)


def test_an_operation_of_the_graph_shows_a_softmax():
    run = fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=())
    (model,) = run.models
    graph = Graph(
        model.name,
        "the first training forward",
        nodes=(GraphNode("o0", "operation", "softmax", "softmax"), GraphNode("out0", "output", "", "output")),
        edges=(GraphEdge("o0", "out0", TensorSpec((8, 10), "float32")),),
        operations=True,
    )
    (finding,) = findings(dataclasses.replace(run, graphs=(graph,)))

    assert (finding.id, finding.severity) == ("softmax_before_ce", "error")
