"""Softmax twice: by what the loss was given, or by the loss that cannot fall; and softmax over the batch."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from reportgen.collect.watch import Watcher
from reportgen.diagnose import Unchecked, diagnose
from reportgen.diagnose.rule import found
from reportgen.diagnose.rules.loss import softmax, softmax_dim
from reportgen.diagnose.rules.loss.softmax import bounds
from reportgen.run.evidence import Evidence, TorchWarning
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.run.records import Run
from reportgen.testing import fake_run
from tests.collect.memory import Memory
from tests.healthy import healthy


def findings(run: Run):
    return list(diagnose(run, softmax.RULES).findings)


def unseen(run: Run) -> Run:
    """`run` without what the loss was given, as where only its outputs are known."""
    return dataclasses.replace(run, evidence=Evidence())


def given(run: Run, **facts: object) -> Run:
    """`run` whose loss and outputs have other facts."""
    (use,), (model,) = run.evidence.losses, run.evidence.models
    changed = dataclasses.replace(use.input, **facts)
    evidence = dataclasses.replace(
        run.evidence,
        losses=(dataclasses.replace(use, input=changed),),
        models=(dataclasses.replace(model, outputs=(changed,)),),
    )
    return dataclasses.replace(run, evidence=evidence)


def outputs_are(run: Run, kind: str) -> Run:
    sets = tuple(dataclasses.replace(each, outputs_are=kind) for each in run.predictions)
    return dataclasses.replace(unseen(run), predictions=sets)


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


def poor(run: Run, losses: list[float]) -> Run:
    """`run` with these losses, whose predictions are all of one class."""
    classes = len(run.predictions[-1].classes)
    confusion = tuple((10, *[0] * (classes - 1)) for _ in range(classes))
    sets = tuple(dataclasses.replace(each, confusion=confusion, samples=10 * classes) for each in run.predictions)
    return dataclasses.replace(run, predictions=sets, scalars=fake_run(scalars={"train/loss": losses}).scalars)


def test_probabilities_into_cross_entropy_are_found_by_the_loss_that_cannot_fall():
    losses = [2.3, 1.9, 1.62, 1.55]

    (finding,) = findings(poor(outputs_are(healthy(), "probabilities"), losses))

    assert (finding.id, finding.tier, finding.severity) == ("softmax_before_ce", "statistics", "warning")
    assert finding.limit == "1.46 = log(1 + 9/e)"
    assert finding.value == "least training loss 1.55"
    assert "accuracy ended at 10" in finding.why
    # Who learned well may show probabilities, and train with logits.
    assert findings(outputs_are(fake_run(scalars={"train/loss": losses}), "probabilities")) == []


def test_losses_of_two_classes_that_fit_both_are_no_finding_where_the_run_is_good():
    run = outputs_are(fake_run(scalars={"train/loss": [0.69, 0.5, 0.4, 0.33]}), "probabilities")
    sets = tuple(
        dataclasses.replace(each, classes=("no", "yes"), confusion=((95, 5), (5, 95)), samples=200)
        for each in run.predictions
    )

    assert findings(dataclasses.replace(run, predictions=sets)) == []


def test_it_is_an_error_where_the_graph_shows_the_softmax():
    run = outputs_are(fake_run(scalars={"train/loss": [2.3, 1.9]}), "probabilities")

    (finding,) = findings(ending_in(run, "relu", "softmax"))

    assert (finding.id, finding.severity) == ("softmax_before_ce", "error")


def ending_in(run: Run, *operations: str) -> Run:
    graph = run.graphs[0]
    edges = (*graph.edges[:-1], dataclasses.replace(graph.edges[-1], via=operations))
    return dataclasses.replace(run, graphs=(dataclasses.replace(graph, edges=edges),))


def test_the_graph_alone_shows_a_softmax():
    run = ending_in(unseen(fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=())), "softmax")

    (finding,) = findings(run)

    assert (finding.id, finding.severity) == ("softmax_before_ce", "error")
    assert "The last operation before the model's output is a softmax." in finding.why


def test_the_graph_alone_shows_a_log_softmax():
    (finding,) = findings(ending_in(unseen(healthy()), "relu", "log_softmax"))

    assert (finding.id, finding.severity) == ("log_softmax_before_ce", "info")
    assert findings(ending_in(unseen(healthy()), "log_softmax", "exp")) == []


def test_a_softmax_module_counts_as_one():
    run = unseen(fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=()))
    graph = run.graphs[0]
    nodes = tuple(dataclasses.replace(n, type="Softmax") if n.path == "fc2" else n for n in graph.nodes)

    (finding,) = findings(dataclasses.replace(run, graphs=(dataclasses.replace(graph, nodes=nodes),)))

    assert finding.id == "softmax_before_ce"


def test_a_loss_below_the_floor_proves_that_the_loss_saw_logits():
    """The user may well show probabilities and train with logits."""
    assert findings(outputs_are(healthy(), "probabilities")) == []


def test_without_a_training_loss_it_is_not_known():
    run = outputs_are(fake_run(scalars={"val/acc": [0.9]}), "probabilities")

    assert "softmax_before_ce" in {check.id for check in diagnose(run, softmax.RULES).unchecked}


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
    run = poor(outputs_are(healthy(), "probabilities"), [2.3, 1.9])
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], criterion=criterion),))

    assert len(findings(run)) == found


def test_another_criterion_may_take_them():
    run = outputs_are(healthy(), "log-probabilities")
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], criterion="NLLLoss"),))

    assert findings(run) == []


def test_an_operation_of_the_graph_shows_a_softmax():
    run = unseen(fake_run(scalars={"train/loss": [2.3, 1.9]}, predictions=()))
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


def test_probabilities_that_the_loss_was_given_are_an_error():
    (finding,) = findings(given(healthy(), minimum=0.01, maximum=0.9, rows_sum_to_one=True))

    assert (finding.id, finding.tier, finding.severity) == ("softmax_before_ce", "fact", "error")
    assert (finding.where.model, finding.title) == (
        "Net",
        "CrossEntropyLoss is given probabilities, but expects logits",
    )
    assert "below 1.46" in finding.why
    assert finding.code == "- return torch.softmax(x, dim=1)\n+ return x"
    assert finding.evidence.rows[0][:2] == ("input of the loss", "(32,10)")


def test_what_the_loss_was_given_counts_more_than_what_was_shown():
    run = fake_run(scalars={"train/loss": [2.3, 1.9, 1.62, 1.55]})
    sets = tuple(dataclasses.replace(each, outputs_are="probabilities") for each in run.predictions)

    assert findings(dataclasses.replace(run, predictions=sets)) == []


def test_log_probabilities_that_the_loss_was_given_are_a_remark():
    (finding,) = findings(given(healthy(), minimum=-9.0, maximum=-0.01, rows_logsumexp_zero=True))

    assert (finding.id, finding.severity) == ("log_softmax_before_ce", "info")


def over_batch(run: Run):
    judged = softmax_dim.softmax_wrong_dim(run)
    return judged if isinstance(judged, Unchecked) else list(found(judged))


def test_columns_that_sum_to_one_are_a_softmax_over_the_batch():
    (finding,) = over_batch(given(healthy(), minimum=0.0, maximum=0.4, columns_sum_to_one=True))

    assert (finding.id, finding.severity, finding.where.model) == ("softmax_wrong_dim", "error", "Net")
    assert "+ torch.softmax(x, dim=1)" in finding.code
    assert over_batch(healthy()) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"columns_sum_to_one": True, "rows_sum_to_one": True},
        {"columns_sum_to_one": True, "shape": (32, 1)},  # shares of the nodes of one graph
        {"columns_sum_to_one": True, "shape": (1, 10)},
    ],
)
def test_other_columns_that_sum_to_one_may_be_meant(facts):
    assert over_batch(given(healthy(), **facts)) == []


def test_a_log_softmax_at_the_end_whose_rows_are_not_normalised_is_over_the_batch():
    run = ending_in(given(healthy(), minimum=-15.0, maximum=-0.7), "log_softmax")

    (finding,) = over_batch(run)

    assert finding.title == "log_softmax of Net is taken over the batch, not over the classes"
    assert finding.code == "- torch.log_softmax(x, dim=0)\n+ torch.log_softmax(x, dim=1)"
    assert over_batch(ending_in(given(healthy(), rows_logsumexp_zero=True), "log_softmax")) == []
    assert over_batch(ending_in(given(healthy(), minimum=-15.0, maximum=-0.7), "log_softmax", "flatten")) == []


@pytest.mark.parametrize(("shape", "found"), [((32, 12, 12), 1), ((32, 12), 0), ((32, 32, 12), 0)])
def test_a_softmax_without_a_dimension_takes_the_first_of_three(shape, found):
    graph = Graph(
        "Net",
        "the first training forward",
        nodes=(GraphNode("o0", "operation", "softmax", "softmax", inputs=(TensorSpec(shape, "float32"),)),),
        operations=True,
        batch=32,
    )
    warning = TorchWarning("UserWarning", "Implicit dimension choice for softmax has been deprecated.", "model.py", 7)
    evidence = dataclasses.replace(healthy().evidence, warnings=(warning,))
    run = dataclasses.replace(healthy(), graphs=(graph,), evidence=evidence)

    assert [finding.severity for finding in over_batch(run)] == ["warning"] * found
    assert over_batch(dataclasses.replace(run, evidence=healthy().evidence)) == []


def test_without_outputs_the_dimension_is_not_known():
    assert isinstance(over_batch(unseen(healthy())), Unchecked)


@pytest.mark.parametrize(
    ("detail", "shape", "found"),
    [
        ("dim=0", (32, 12, 12), 1),
        ("dim=-3", (32, 12, 12), 1),
        ("dim=-1", (32, 12, 12), 0),
        ("dim=0", (32, 32), 0),  # each sample against each, as in contrastive losses
        ("dim=0", (32, 1), 0),  # the weights of the rows of one bag
        ("dim=0", (16, 32, 4), 0),  # a sequence whose first dimension is time
    ],
)
def test_a_softmax_inside_the_model_over_the_batch_is_a_warning(detail, shape, found):
    inside = GraphNode("m9", "module", "attend", "Softmax", inputs=(TensorSpec(shape, "float32"),), detail=detail)
    graph = dataclasses.replace(healthy().graphs[0], nodes=(*healthy().graphs[0].nodes, inside))

    judged = over_batch(dataclasses.replace(healthy(), graphs=(graph,)))

    assert [(finding.severity, finding.where.module) for finding in judged] == [("warning", "attend")] * found


def test_a_softmax_over_the_nodes_of_a_graph_is_none_over_the_batch():
    """The loss, and the loader, then have fewer rows than the model's input."""
    shape = (32, 12)
    inside = GraphNode("m9", "module", "pool", "Softmax", inputs=(TensorSpec(shape, "float32"),), detail="dim=0")
    graph = dataclasses.replace(healthy().graphs[0], nodes=(*healthy().graphs[0].nodes, inside))

    run = given(healthy(), shape=(4, 10))
    loaders = tuple(dataclasses.replace(loader, batch_size=4) for loader in run.evidence.loaders)
    run = dataclasses.replace(run, graphs=(graph,), evidence=dataclasses.replace(run.evidence, loaders=loaders))

    assert over_batch(run) == []


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (lambda x: torch.softmax(x, 0), [("dim=0", 1)]),
        (lambda x: x.log_softmax(dim=0), [("dim=0", 1)]),
        (lambda x: functional.softmax(x, dim=-3), [("dim=-3", 1)]),
        (lambda x: x.softmax(dim=-1), [("dim=-1", 0)]),
        (lambda x: x.relu(), [("", 0)]),
    ],
)
def test_a_function_inside_a_model_tells_the_dimension_that_it_takes(taken, told):
    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = Mix()

        def forward(self, x):
            return self.mix(x).mean(dim=1)

    class Mix(nn.Module):
        def forward(self, x):
            return taken(x)

    memory = Memory()
    watcher = Watcher(memory)
    model = Attend()
    watcher.watch(model)
    model(torch.zeros(32, 5, 10))
    watcher.close()
    graph = dataclasses.replace(memory.last("graph"), model="Net")
    run = dataclasses.replace(healthy(), graphs=(graph,))

    (operation,) = [node for node in graph.nodes if node.kind == "operation" and node.path != "mean"]
    judged = over_batch(run)

    assert [(operation.detail, len(judged))] == told
    assert [finding.where.module for finding in judged] == ["mix"] * told[0][1]


@pytest.mark.parametrize(("operation", "value"), [("softmax", 1.0), ("log_softmax", 0.0)])
def test_a_softmax_of_one_number_is_constant(operation, value):
    facts = {"shape": (32, 1), "minimum": value, "maximum": value, "distinct": 1}
    run = given(ending_in(healthy(), operation), **facts)

    (finding,) = softmax_dim.softmax_wrong_dim(run)

    assert (finding.id, finding.tier, finding.severity) == ("softmax_wrong_dim", "fact", "error")
    assert finding.title == f"{operation} over a single number: every output of Net is {value:g}"
    assert over_batch(given(ending_in(healthy(), "sigmoid"), **facts)) == []
    assert list(softmax_dim.softmax_wrong_dim(given(ending_in(healthy(), operation), **{**facts, "looks": 1}))) == []
