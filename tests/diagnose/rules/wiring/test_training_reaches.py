"""Parameters that no optimizer holds, that no gradient reaches, that no step changes."""

import dataclasses

import pytest

from reportgen.diagnose import diagnose, findings
from reportgen.diagnose.rules.wiring.optimizer import missing_from_optimizer
from reportgen.run.records import Parameter, Run
from reportgen.run.series import Series
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.healthy import healthy


def ungrouped(run: Run, *modules: str, **changes: object) -> Run:
    """`run` with the parameters of some modules in no parameter group."""
    model = run.models[0]
    parameters = tuple(
        dataclasses.replace(p, **{"group": None, **changes}) if p.name.split(".")[0] in modules else p
        for p in model.parameters
    )
    return dataclasses.replace(run, models=(dataclasses.replace(model, parameters=parameters),))


def constant(run: Run, quantity: str, names: list[str], value: float) -> Run:
    """`run` with a measure of some names at one value throughout."""
    group = dict(run.measures[quantity])
    for name in names:
        group[name] = series_of([value] * len(group[name]), list(group[name].steps))
    return dataclasses.replace(run, measures={**run.measures, quantity: group})


def still(run: Run, *modules: str) -> Run:
    """`run` in which some modules never changed and had no gradient."""
    names = [p.name for p in run.models[0].parameters if p.name.split(".")[0] in modules]
    for quantity, value in (("update_ratio", 0.0), ("gradient_norm", 0.0), ("weight_norm", 1.0)):
        run = constant(run, quantity, names, value)
    weights = run.distributions["weight"]
    frozen = {
        name: dataclasses.replace(weights[name], snapshots=(weights[name].snapshots[0],) * len(weights[name].snapshots))
        for name in names
    }
    return dataclasses.replace(run, distributions={**run.distributions, "weight": {**weights, **frozen}})


def test_parameters_in_no_group_are_an_error():
    (finding,) = findings(ungrouped(still(healthy(), "fc2"), "fc2"))

    assert (finding.id, finding.severity) == ("optimizer_missing_params", "error")
    assert finding.title == "fc2 is never trained: the optimizer does not hold its parameters"
    assert finding.why.startswith("2 of 8 trainable parameters (1,290 of 93,962 numbers) are in no parameter group")
    assert "+ optimizer = SGD(model.parameters(), ...)" in finding.code
    assert finding.evidence.rows == (("fc2.weight", "10×128", 1280), ("fc2.bias", "10", 10))


def test_an_optimizer_of_another_copy_is_told_as_such():
    modules = ("conv1", "conv2", "fc1", "fc2")
    run = ungrouped(still(healthy(), *modules), *modules)

    (finding,) = missing_from_optimizer(run)

    assert (finding.id, finding.severity, finding.where.model) == ("not_updated", "error", "Net")
    assert finding.title == "Net is never trained: SGD holds none of its parameters"


def test_a_body_that_a_good_run_leaves_out_of_the_optimizer_is_a_remark():
    (finding,) = findings(ungrouped(still(healthy(), "fc1"), "fc1"))

    assert (finding.id, finding.severity) == ("optimizer_missing_params", "info")
    assert finding.fix.startswith("Nothing to do, if they are meant to stay as they are")


def test_of_a_run_that_is_bad_or_unknown_it_is_an_error():
    bad = [2.3, 2.31, 2.29] * 30

    for run in (fake_run(scalars={"train/loss": bad}, predictions=()), fake_run(scalars={}, predictions=())):
        (finding,) = missing_from_optimizer(ungrouped(still(run, "fc1"), "fc1"))
        assert finding.severity == "error"


def test_parameters_that_another_optimizer_moves_are_no_finding():
    assert findings(ungrouped(healthy(), "fc2")) == []


@pytest.mark.parametrize(
    ("changes", "remark"),
    [({"trainable": False}, "frozen_parameters"), ({"tied_to": "conv1.weight"}, "weight_tying")],
)
def test_frozen_and_tied_parameters_need_no_group(changes, remark):
    found = findings(ungrouped(still(healthy(), "fc2"), "fc2", **changes))

    assert [(finding.id, finding.severity) for finding in found] == [(remark, "info")]


def test_without_an_optimizer_groups_cannot_be_checked():
    run = healthy()
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], optimizers=()),))

    assert "optimizer_missing_params" in {check.id for check in diagnose(run).unchecked}


def test_a_module_without_a_gradient_that_runs_is_cut_off():
    (finding,) = findings(still(healthy(), "conv1"))

    assert (finding.id, finding.severity, finding.where.module) == ("no_gradient", "warning", "conv1")
    assert finding.title == "No gradient reaches conv1"
    assert "not one of them was changed" in finding.why
    assert finding.code == "model.conv1.requires_grad_(False)"


def test_a_gradient_that_was_never_recorded_counts_as_none():
    run = healthy()
    measures = {
        quantity: {name: series for name, series in group.items() if not name.startswith("fc1.")}
        for quantity, group in run.measures.items()
    }

    (finding,) = findings(dataclasses.replace(run, measures=measures))

    assert (finding.id, finding.where.module) == ("no_gradient", "fc1")


def test_a_module_that_is_never_called_is_unused():
    run = still(healthy(), "fc1")
    graph = run.graphs[0]
    nodes = tuple(
        dataclasses.replace(node, status="not called") if node.path == "fc1" else node for node in graph.nodes
    )
    activations = {name: s for name, s in run.distributions["activation"].items() if name != "fc1"}
    run = dataclasses.replace(
        run,
        graphs=(dataclasses.replace(graph, nodes=nodes),),
        distributions={**run.distributions, "activation": activations},
    )

    (finding,) = findings(run)

    assert (finding.id, finding.severity, finding.where.module) == ("unused_parameters", "warning", "fc1")


def test_an_evaluation_does_not_tell_that_a_module_is_never_called():
    """An auxiliary head is called in training alone; the graph may be that of a forward in eval mode."""
    run = still(healthy(), "fc1")
    graph = run.graphs[0]
    nodes = tuple(
        dataclasses.replace(n, training=False, status="not called" if n.path == "fc1" else n.status)
        for n in graph.nodes
    )
    activations = {name: s for name, s in run.distributions["activation"].items() if name != "fc1"}
    run = dataclasses.replace(
        run,
        graphs=(dataclasses.replace(graph, nodes=nodes),),
        distributions={**run.distributions, "activation": activations},
    )

    assert [finding.id for finding in findings(run)] == ["no_gradient"]


def test_a_module_used_without_being_called_is_no_finding():
    """As out_proj of nn.MultiheadAttention, whose weights are used by its parent: it has gradients."""
    run = healthy()
    graph = run.graphs[0]
    nodes = tuple(dataclasses.replace(n, status="not called") if n.path == "fc1" else n for n in graph.nodes)

    assert findings(dataclasses.replace(run, graphs=(dataclasses.replace(graph, nodes=nodes),))) == []


def test_frozen_modules_need_no_gradient():
    (finding,) = findings(ungrouped(still(healthy(), "conv1"), "conv1", trainable=False, group=0))

    assert (finding.id, finding.severity) == ("frozen_parameters", "info")
    assert "2 of them are in the optimizer" in finding.why


def test_two_sampled_steps_are_too_few_to_say_never():
    run = still(fake_run(snapshots=2), "conv1")

    diagnosis = diagnose(run)

    assert diagnosis.findings == ()
    assert {"no_gradient", "unused_parameters", "not_updated"} <= {check.id for check in diagnosis.unchecked}


def test_steps_that_change_nothing_are_an_error():
    run = healthy()
    run = constant(run, "update_ratio", list(run.measures["update_ratio"]), 0.0)
    groups = ({"lr": 0.0},)
    run = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], groups=groups),))

    (finding,) = findings(run)

    assert (finding.id, finding.severity) == ("not_updated", "error")
    assert "The learning rate is 0." in finding.why


def test_several_models_are_told_apart_by_their_names():
    run = healthy()
    model = run.models[0]
    other = dataclasses.replace(
        model, name="critic", parameters=(Parameter("out.weight", (1, 8), "float32", "cpu", True),), modules={}
    )
    measures = {
        quantity: {f"Net/{name}": series for name, series in group.items()} for quantity, group in run.measures.items()
    }
    measures["weight_norm"]["critic/out.weight"] = Series()

    (finding,) = findings(dataclasses.replace(run, models=(model, other), measures=measures))

    assert (finding.id, finding.where.model, finding.where.module) == ("not_updated", "critic", "")
