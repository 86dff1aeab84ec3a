"""Units that are dead, saturated, constant or alike."""

import dataclasses

import pytest

from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import judged, measuring, unchecked, unlearned, why_not, with_measure
from tests.healthy import healthy

STEPS = [0, 1, 3, 7, 20, 60, 100, 140]


def shares(quantity, run=None, **modules):
    run = unlearned() if run is None else run
    given = {name: series_of(v if isinstance(v, list) else [v] * 8, STEPS) for name, v in modules.items()}
    return with_measure(run, quantity, given)


def test_a_layer_of_dead_units_is_named_as_it_was_at_the_start():
    (finding,) = judged(shares("dead_share", conv1=0.1, fc1=0.9), "dead_relu")

    assert (finding.severity, finding.where.module, finding.since) == ("warning", "fc1", 0)
    assert "from the first step" in finding.why
    assert finding.code == "torch.nn.init.zeros_(model.fc1.bias)"


def test_units_that_died_are_dated():
    (finding,) = judged(shares("dead_share", fc1=[0.1, 0.2, 0.3, 0.8, 0.9, 1.0, 1.0, 1.0]), "dead_relu")

    assert (finding.since, finding.where.step) == (7, 7)
    assert finding.value == "100\u00a0%"
    assert finding.code == "- lr=0.1\n+ lr=0.01"


@pytest.mark.parametrize("share", [0.27, 0.46, [0.9, 0.9, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]])
def test_half_of_a_layer_may_be_dead_and_single_batches_say_nothing(share):
    assert judged(shares("dead_share", fc1=share), "dead_relu") == []


def test_a_good_run_may_have_dead_units_and_units_at_their_bounds():
    assert judged(shares("dead_share", healthy(), fc1=0.8), "dead_relu") == []
    assert judged(shares("saturated_share", healthy(), fc1=0.8), "saturated_activation") == []


def test_where_the_outcome_is_not_known_dead_units_are_a_remark():
    run = dataclasses.replace(shares("dead_share", fc1=0.8), scalars={}, predictions=())

    assert [one.severity for one in judged(run, "dead_relu")] == ["info"]


def test_the_share_of_dead_units_is_drawn_over_the_steps_with_the_limit():
    course = [0.1, 0.2, 0.3, 0.8, 0.9, 1.0, 1.0, 1.0]

    (finding,) = judged(shares("dead_share", conv1=0.1, conv2=0.6, fc1=course), "dead_relu")

    chart = finding.evidence
    assert [line.name for line in chart.lines] == ["fc1", "conv2", "limit"]
    assert (chart.lines[0].x, chart.lines[0].y) == (tuple(map(float, STEPS)), tuple(course))
    assert set(chart.lines[2].y) == {0.5}
    assert (chart.y_format, chart.x_label) == ("percent", "optimizer step")


def test_of_many_layers_of_dead_units_the_worst_are_drawn():
    names = [f"fc{k}" for k in range(12)]

    (finding,) = judged(shares("dead_share", **{name: 0.6 + 0.01 * k for k, name in enumerate(names)}), "dead_relu")

    assert [line.name for line in finding.evidence.lines] == ["fc11", "fc10", "fc9", "fc8", "fc7", "limit"]
    assert "7 more layers" in finding.evidence.caption


def squashing(edges, nodes=()):
    """A run of conv1 -> fc1 (tanh) -> fc2 whose graph has the given edges."""
    run = unlearned()
    spec = TensorSpec((32, 10), "float32")
    known = (
        GraphNode("input0", "input", "input", "Tensor"),
        GraphNode("m0", "module", "", "Net", leaf=False),
        GraphNode("m1", "module", "fc1", "Tanh", "m0"),
        GraphNode("m2", "module", "fc2", "Linear", "m0"),
        GraphNode("output0", "output", "output", "Tensor"),
        *nodes,
    )
    graph = Graph("Net", "x", known, tuple(GraphEdge(a, b, spec, via) for a, b, via in edges), operations=True)
    return dataclasses.replace(run, graphs=(graph,))


HIDDEN = [("input0", "m1", ()), ("m1", "m2", ()), ("m2", "output0", ())]
LAST = [("input0", "m1", ()), ("m1", "output0", ("squeeze",))]
GATE = [("input0", "m1", ()), ("m1", "o0", ()), ("o0", "m2", ()), ("m2", "output0", ())]


@pytest.mark.parametrize(
    ("edges", "nodes", "found"),
    [
        (HIDDEN, (), ["fc1"]),
        (LAST, (), []),
        (GATE, (GraphNode("o0", "operation", "mul", "mul", "m0"),), []),
    ],
)
def test_hidden_units_at_their_bounds_count_but_neither_outputs_nor_gates(edges, nodes, found):
    run = shares("saturated_share", squashing(edges, nodes), fc1=0.95)

    assert [one.where.module for one in judged(run, "saturated_activation")] == found


@pytest.mark.parametrize("share", [0.3, 0.58])
def test_some_of_what_they_give_may_be_at_the_bounds(share):
    assert judged(shares("saturated_share", squashing(HIDDEN), fc1=share), "saturated_activation") == []


def test_without_a_graph_the_module_registered_last_gives_the_output():
    run = dataclasses.replace(unlearned(), graphs=())

    assert judged(shares("saturated_share", run, fc2=0.95), "saturated_activation") == []
    assert len(judged(shares("saturated_share", run, fc1=0.95), "saturated_activation")) == 1


def test_units_that_never_varied_are_dead_channels_from_the_first_such_layer():
    (finding,) = judged(shares("constant_units", conv1=0.0, conv2=1.0, fc1=1.0, fc2=1.0), "dead_channels")

    assert (finding.severity, finding.where.module) == ("warning", "conv2")
    assert "1 later layer likewise" in finding.why


def test_units_that_ceased_to_vary_have_collapsed():
    course = [0.0, 0.0, 0.1, 0.6, 1.0, 1.0, 1.0, 1.0]
    run = shares("constant_units", fc1=course)

    (finding,) = judged(run, "rank_collapse")

    assert (finding.where.module, finding.since) == ("fc1", 20)
    assert judged(run, "dead_channels") == []


def test_an_output_that_is_constant_is_an_outcome_and_no_layer():
    run = shares("constant_units", fc1=0.1, fc2=1.0)

    assert judged(run, "dead_channels") == []
    assert judged(run, "rank_collapse") == []


def test_units_that_have_become_copies_have_collapsed():
    (finding,) = judged(
        measuring(unlearned(), "identical_units", lambda name, s: [0.0, 0.8] if name == "fc1.weight" else None),
        "rank_collapse",
    )

    assert (finding.where.parameter, finding.where.module) == ("fc1.weight", "fc1")


def test_units_alike_from_the_start_are_another_rules_matter():
    run = measuring(unlearned(), "identical_units", lambda name, s: [0.8, 0.8])

    assert judged(run, "rank_collapse") == []


def test_healthy_runs_are_left_in_peace():
    run = shares("constant_units", healthy(), fc1=1.0)

    for rule in ("dead_relu", "saturated_activation", "dead_channels", "rank_collapse"):
        assert judged(healthy(), rule) == []
        assert judged(run, rule) == []


def test_without_looks_it_is_said_what_to_watch():
    short = dataclasses.replace(unlearned(), measures={})
    bare = dataclasses.replace(short, models=())

    for rule in ("dead_relu", "saturated_activation", "dead_channels", "rank_collapse"):
        assert "report.watch(model, optimizer)" in unchecked(bare, rule)
        assert "report." not in unchecked(short, rule)


def test_a_share_that_is_spared_is_told_and_not_passed():
    dead, ending = shares("dead_share", healthy(), fc1=0.8), shares("dead_share", fc1=[0.1] * 7 + [0.6])

    assert why_not(dead, "dead_relu") == "80.0\u00a0% of the ReLUs of fc1 are dead, but the run ended well."
    assert why_not(ending, "dead_relu").startswith("60.0\u00a0% of the ReLUs of fc1 were dead at the last look")
    bounds = shares("saturated_share", dataclasses.replace(healthy(), graphs=()), fc1=0.8)
    assert "80.0\u00a0% of what fc1 gives is at its bounds" in why_not(bounds, "saturated_activation")
    assert "give the same for all samples" in why_not(shares("constant_units", healthy(), fc1=1.0), "dead_channels")


@pytest.mark.parametrize(("edges", "passes"), [(LAST, False), (HIDDEN, True)])
def test_a_sigmoid_that_gives_the_output_is_no_hidden_one(edges, passes):
    run = shares("saturated_share", squashing(edges), fc1=0.2)

    assert passes == (why_not(run, "saturated_activation") == "")
    assert passes or "Only outputs or gates" in why_not(run, "saturated_activation")


@pytest.mark.parametrize(
    ("rule", "quantity", "operation"),
    [("dead_relu", "dead_share", "relu"), ("saturated_activation", "saturated_share", "tanh")],
)
def test_functions_whose_outputs_are_not_looked_at_are_not_absent(rule, quantity, operation):
    edges = [("input0", "m2", ()), ("m2", "output0", (operation,))]
    other = {"dead_share": "saturated_share", "saturated_share": "dead_share"}[quantity]
    run = with_measure(shares(other, squashing(edges), fc1=0.1), quantity, {})

    assert "used as a function" in unchecked(run, rule)
