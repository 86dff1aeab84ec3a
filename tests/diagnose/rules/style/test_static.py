"""Remarks on how model and optimizer are put together, and the few that are more."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.style.static import adam_l2, bias_before_bn, weight_decay_on_norm_bias, weight_tying
from reportgen.diagnose.rules.style.static_layers import dropout_too_high, missing_nonlinearity
from reportgen.diagnose.rules.style.static_norms import bn_small_batch, last_batch_of_one
from reportgen.diagnose.rules.wiring.optimizer import frozen, missing_from_optimizer
from reportgen.run.evidence import ModeUse, TensorFacts
from reportgen.run.graph import GraphEdge, GraphNode, TensorSpec
from reportgen.run.records import Parameter
from reportgen.testing import fake_run
from tests.diagnose.altered import (
    not_about,
    passed,
    rated,
    rewired,
    the_one,
    unfound,
    with_evidence,
    with_model,
    with_use,
)
from tests.healthy import healthy

VECTOR = TensorSpec((32, 64), "float32")


def chain(run, *layers, operations=True, batch=32):
    """A graph of modules (path, type, detail), or of operations (name,), one after another."""
    nodes, edges, last = [GraphNode("in", "input", "", "input")], [], "in"
    for k, (path, *rest) in enumerate(layers):
        kind, detail = (rest[0], rest[1] if len(rest) > 1 else "") if rest else (path, "")
        spec = TensorSpec((batch, 64), "float32")
        nodes.append(
            GraphNode(
                f"n{k}", "module" if rest else "operation", path, kind, inputs=(spec,), outputs=(spec,), detail=detail
            )
        )
        edges.append(GraphEdge(last, f"n{k}", spec))
        last = f"n{k}"
    nodes.append(GraphNode("out", "output", "", "output"))
    edges.append(GraphEdge(last, "out", VECTOR))
    graph = dataclasses.replace(
        run.graphs[0], nodes=tuple(nodes), edges=tuple(edges), operations=operations, batch=batch
    )
    return dataclasses.replace(run, graphs=(graph,))


def linear(name, bias=True):
    return name, "Linear", f"in_features=64, out_features=64, bias={bias}"


def test_a_bias_before_a_batch_norm_has_no_effect():
    run = chain(healthy(), linear("a"), ("bn", "BatchNorm1d"), ("relu",), linear("b", False), ("bn2", "BatchNorm1d"))

    finding = the_one(bias_before_bn(run))

    assert (finding.id, finding.tier, finding.severity) == ("bias_before_bn", "style", "info")
    assert (finding.where.module, finding.evidence.rows) == ("a", (("a", "bn"),))
    assert finding.code == "- Linear(...)\n+ Linear(..., bias=False)"


def test_a_bias_that_goes_elsewhere_as_well_is_used():
    run = chain(healthy(), linear("a"), ("bn", "BatchNorm1d"))
    graph = run.graphs[0]
    run = rewired(run, (*graph.edges, GraphEdge("n0", "out", VECTOR)))

    assert passed(bias_before_bn(run))
    assert passed(bias_before_bn(chain(healthy(), linear("a"), ("relu",), ("bn", "BatchNorm1d"))))
    assert not_about(bias_before_bn(healthy())) == "No batch norm was seen."


def optimizer(name, **group):
    return with_model(healthy(), optimizers=(name,), groups=({"lr": 1e-3, **group},))


@pytest.mark.parametrize(
    ("name", "group", "found"),
    [
        ("Adam", {"betas": "(0.9, 0.999)", "weight_decay": 1e-4}, True),
        ("Adam", {"betas": "(0.9, 0.999)", "weight_decay": 1e-4, "decoupled_weight_decay": True}, False),
        ("Adam", {"betas": "(0.9, 0.999)", "weight_decay": 0}, False),
        ("AdamW", {"betas": "(0.9, 0.999)", "weight_decay": 1e-2}, False),
        ("SGD", {"weight_decay": 1e-4}, False),
    ],
)
def test_weight_decay_of_adam_is_scaled_away(name, group, found):
    judged = adam_l2(optimizer(name, **group))

    assert unfound(judged) != found
    if found:
        finding = the_one(judged)
        assert (finding.id, finding.severity) == ("adam_l2", "info")
        assert "AdamW(model.parameters(), weight_decay=0.01)" in finding.code


def test_weight_decay_on_biases_is_a_remark():
    finding = the_one(weight_decay_on_norm_bias(optimizer("SGD", weight_decay=1e-4)))

    assert (finding.id, finding.severity, finding.where.parameter) == (
        "weight_decay_on_norm_bias",
        "info",
        "conv1.bias",
    )
    assert '{"params": others, "weight_decay": 0.0}' in finding.code
    assert not_about(weight_decay_on_norm_bias(healthy())) == "No weight decay is used."
    apart = optimizer("SGD", weight_decay=1e-4)
    model = apart.models[0]
    parameters = tuple(dataclasses.replace(p, group=int(len(p.shape) == 1)) for p in model.parameters)
    groups = ({"lr": 0.1, "weight_decay": 1e-4}, {"lr": 0.1, "weight_decay": 0.0})
    assert passed(weight_decay_on_norm_bias(with_model(apart, parameters=parameters, groups=groups)))


def test_tied_weights_are_named():
    model = healthy().models[0]
    tied = dataclasses.replace(model.parameters[-2], tied_to="conv1.weight")

    finding = the_one(weight_tying(with_model(healthy(), parameters=(*model.parameters[:-2], tied))))

    assert finding.title == "fc2.weight is the same tensor as conv1.weight"


def test_two_linear_layers_in_a_row_are_a_remark():
    finding = the_one(missing_nonlinearity(chain(healthy(), linear("a"), linear("b"), ("relu",), linear("c"))))

    assert (finding.id, finding.severity, finding.where.module) == ("missing_nonlinearity", "info", "b")
    assert finding.title.startswith("Nothing stands between a and b")
    assert passed(missing_nonlinearity(healthy()))


@pytest.mark.parametrize(
    ("layers", "operations", "severity"),
    [
        ((linear("a"), linear("b")), True, "warning"),
        ((linear("a"), ("flatten",), ("drop", "Dropout", "p=0.1"), linear("b"), linear("c")), True, "warning"),
        ((linear("a"), linear("b"), ("gelu",), linear("c")), True, "info"),
        ((linear("a"), linear("b"), ("matmul",)), True, "info"),
        ((linear("a"), linear("b")), False, "info"),  # what is between modules was not recorded
    ],
)
def test_a_network_without_any_nonlinearity_that_learns_nothing_is_a_warning(layers, operations, severity):
    bad = rated([0.1] * 200)

    finding = the_one(missing_nonlinearity(chain(bad, *layers, operations=operations)))
    assert (finding.tier, finding.severity) == ("fact", severity)
    good = chain(healthy(), *layers, operations=operations)
    assert the_one(missing_nonlinearity(good)).severity == "info"


@pytest.mark.parametrize(
    ("p", "bad", "severity"), [(0.5, True, ""), (0.6, True, "info"), (0.8, True, "warning"), (0.8, False, "")]
)
def test_dropout_of_most_features_is_a_warning_where_little_was_learned(p, bad, severity):
    run = chain(rated([0.1] * 200) if bad else healthy(), linear("a"), ("drop", "Dropout", f"p={p}, inplace=False"))

    judged = dropout_too_high(run)

    if not severity:
        assert passed(judged)
    else:
        finding = the_one(judged)
        assert (finding.id, finding.severity, finding.where.module) == ("dropout_too_high", severity, "drop")
        assert finding.code == f"- nn.Dropout({p})\n+ nn.Dropout(0.3)"
        assert " ," not in finding.why


def normed(batch, shape=None, loader=None):
    run = chain(healthy(), linear("a"), ("bn", "BatchNorm1d"), batch=batch)
    facts = TensorFacts("", (batch, 64), "float32", 15)
    run = with_use(run, inputs=(facts,))
    if shape is not None:
        graph = run.graphs[0]
        spec = TensorSpec(shape, "float32")
        run = rewired(run, graph.edges, bn={"inputs": (spec,)})
    loaders = tuple(
        dataclasses.replace(one, batch_size=batch if loader is None else loader) for one in run.evidence.loaders
    )
    modes = (ModeUse("Net", "train", "step", training=("bn",), forwards=100, last=99),)
    return with_model(with_evidence(run, loaders=loaders, modes=modes), modules={"": "Net", "bn": "BatchNorm1d"})


def test_a_norm_over_two_rows_is_a_warning():
    finding = the_one(bn_small_batch(normed(2)))

    assert (finding.id, finding.tier, finding.severity) == ("bn_small_batch", "fact", "warning")
    assert (finding.where.module, finding.value) == ("bn", "2 numbers")


@pytest.mark.parametrize("run", [normed(4), normed(2, (2, 64, 4, 4)), normed(2, loader=32), normed(32)])
def test_norms_over_more_pass(run):
    assert passed(bn_small_batch(run))


def leftover(rows, batch, last=None, drop_last=False, modes=("bn",)):
    run = normed(32)
    train, val = run.evidence.loaders
    train = dataclasses.replace(train, rows=rows, batch_size=batch, last_batch=last, drop_last=drop_last)
    return with_evidence(
        run, loaders=(train, val), modes=(ModeUse("Net", "train", "step", training=modes, forwards=9, last=8),)
    )


def test_a_last_batch_of_one_row_is_a_warning():
    for run in (leftover(65, 32), leftover(65, 32, last=1)):
        finding = the_one(last_batch_of_one(run))
        assert (finding.id, finding.severity, finding.where.module) == ("last_batch_size_1", "warning", "bn")
        assert "drop_last=True" in finding.code


@pytest.mark.parametrize(
    "run",
    [
        leftover(64, 32),
        leftover(65, 32, drop_last=True),
        leftover(65, 1),
        leftover(65, 32, last=2),
        leftover(65, 32, modes=()),  # in eval mode
    ],
)
def test_other_last_batches_pass(run):
    assert passed(last_batch_of_one(run))


def test_frozen_parameters_in_the_optimizer_of_a_bad_run_are_a_warning():
    def freeze(run, group=0):
        parameters = tuple(
            dataclasses.replace(p, trainable=False, group=group) if p.name.startswith(("conv1", "fc1")) else p
            for p in run.models[0].parameters
        )
        return with_model(run, parameters=parameters)

    finding = the_one(frozen(freeze(rated([0.1] * 200))))
    assert (finding.id, finding.severity, finding.where.module) == ("frozen_parameters", "warning", "conv1")
    assert "4 of them are in the optimizer" in finding.why
    assert the_one(frozen(freeze(rated([0.1] * 200), None))).severity == "info"
    assert the_one(frozen(freeze(healthy()))).severity == "info"
    assert passed(frozen(healthy()))


def unregistered(autograd, held):
    run = chain(healthy(), ("fc1", "Linear"), ("(Linear)", "Linear"), ("(Linear 2)", "Linear"), ("(ReLU)", "ReLU"))
    graph = dataclasses.replace(run.graphs[0], autograd=autograd)
    groups = ({"lr": 0.1, "parameters": held},)
    return with_model(dataclasses.replace(run, graphs=(graph,)), groups=groups)


NAMELESS = 'n7 [label="\n (16)" fillcolor=lightblue]'


def test_layers_in_a_plain_list_are_never_trained():
    finding = the_one(missing_from_optimizer(unregistered(NAMELESS, 8)))

    assert (finding.id, finding.severity) == ("optimizer_missing_params", "error")
    assert finding.title == "2 layers that Net calls are never trained: the model does not register them"
    assert "+ self.layers = nn.ModuleList(nn.Linear(...) for _ in range(2))" in finding.code


@pytest.mark.parametrize(
    ("autograd", "held"),
    [
        (NAMELESS, 12),  # the optimizer was given them
        ('n7 [label="fc1.bias\n (16)" fillcolor=lightblue]', 8),  # they are frozen, or called without gradients
        ("", 8),
    ],
)
def test_unregistered_layers_that_need_no_training_pass(autograd, held):
    assert passed(missing_from_optimizer(unregistered(autograd, held)))


def test_what_was_not_captured_is_not_judged():
    run = fake_run(steps=3, graphs=(), models=())

    for rule in (bias_before_bn, missing_nonlinearity, dropout_too_high, bn_small_batch, adam_l2, weight_tying, frozen):
        assert isinstance(rule(run), Unchecked)
    assert isinstance(weight_decay_on_norm_bias(run), Unchecked)
    assert isinstance(last_batch_of_one(run), Unchecked)


def test_a_parameter_without_dimensions_counts_as_a_scale():
    scale = Parameter("scale", (), "float32", "cpu", True, 0)
    run = with_model(optimizer("SGD", weight_decay=1e-4), parameters=(scale,))

    assert the_one(weight_decay_on_norm_bias(run)).where.parameter == "scale"


def test_titles_have_single_spaces():
    (model,) = healthy().models
    groups = tuple({**group, "weight_decay": 0.1} for group in model.groups)
    run = dataclasses.replace(healthy(), models=(dataclasses.replace(model, groups=groups),))

    finding = the_one(weight_decay_on_norm_bias(run))

    assert "  " not in finding.title
