import dataclasses

from reportgen.blocks import Finding, GraphDrawing, Health, Where
from reportgen.diagnose import Diagnosis, diagnose
from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.sketch import Item
from reportgen.run.evidence import NonFinite
from reportgen.run.graph import Fault, Graph, GraphNode, TensorSpec
from reportgen.sections import graph
from reportgen.sections.graph import fault_words
from reportgen.testing import fake_run
from reportgen.testing.graphs import failed
from reportgen.testing.run import series_of
from tests.healthy import healthy


def drawing_of(run) -> GraphDrawing:
    return graph.build(run, diagnose(run)).blocks[0]


def with_share(run, quantity, **shares):
    series = {name: series_of([0.0, share]) for name, share in shares.items()}
    return dataclasses.replace(run, measures={**run.measures, quantity: series})


def finding(severity, **where):
    return Finding(f"rule_{severity}", "fact", severity, "t", "w", "f", Where(**where))


def test_a_finding_marks_the_layer_it_is_about_the_worst_first():
    found = (
        finding("warning", module="fc2"),
        finding("error", parameter="fc2.weight"),
        finding("warning", parameter="conv1.bias"),
        finding("info", module="conv2"),
        finding("error", tag="train/loss"),
    )
    health = graph.build(healthy(), Diagnosis(found, (), ())).blocks[0].health
    assert health["fc2"] == Health("error", "rule error and 1 more")
    assert health["conv1"] == Health("warning", "rule warning")
    assert {health[name].level for name in ("conv2", "fc1")} == {"ok"}


def test_a_share_past_its_threshold_marks_a_layer_and_a_small_one_is_told():
    run = with_share(healthy(), "dead_share", conv1=0.72, conv2=0.05, fc1=0.0)
    found = drawing_of(run).health
    assert found["conv1"] == Health("high", "dead 72.0\u00a0%")
    assert found["conv2"] == Health("ok", "dead 5.0\u00a0%")
    assert found["fc1"] == Health("ok")
    saturated = drawing_of(with_share(healthy(), "saturated_share", fc1=0.9)).health
    assert saturated["fc1"].text == "saturated 90.0\u00a0%"


def test_what_was_not_watched_is_not_judged():
    assert drawing_of(fake_run(measures={}, distributions={})).health == {}


def test_each_layer_has_a_place_in_its_own_models_graph():
    run = healthy()
    model, captured = run.models[0], run.graphs[0]
    both = tuple(dataclasses.replace(model, name=name) for name in ("a", "b"))
    graphs = tuple(dataclasses.replace(captured, model=name) for name in ("a", "b"))
    changed = dataclasses.replace(run, models=both, graphs=graphs)
    view = graph.build(changed, diagnose(changed))
    first, second = [block for block in view.blocks if isinstance(block, GraphDrawing)]
    assert set(first.places) == set(second.places) == {"conv1", "conv2", "fc1", "fc2"}
    assert set(first.places.values()).isdisjoint(second.places.values())


def test_why_a_forward_failed_is_told_in_sentences():
    run = dataclasses.replace(healthy(), graphs=(failed(),), models=())
    assert drawing_of(run).caption.endswith(
        "not reached: dropout, fc2. It failed in fc1 (Linear), which got float32 32×1600 and takes 3,136 features in "
        "the last dimension. Change in_features of fc1 from 3,136 to 1,600."
    )


def test_a_fault_of_which_little_is_known_is_told_shortly():
    assert fault_words(Fault("", "Net")) == "It failed in the model itself (Net)."
    assert fault_words(Fault("a", "A", expected="3 of them")) == "It failed in a (A), which takes 3 of them."
    scalar = (TensorSpec((), "int64"),)
    assert fault_words(Fault("a", "A", scalar)) == "It failed in a (A), which got int64 scalar."


def with_non_finite(run, kind, name):
    series = run.distributions[kind][name]
    *earlier, last = series.snapshots
    broken = dataclasses.replace(series, snapshots=(*earlier, dataclasses.replace(last, nans=3)))
    kinds = {**run.distributions, kind: {**run.distributions[kind], name: broken}}
    return dataclasses.replace(run, distributions=kinds)


def health_with(run, *found):
    return graph.build(run, Diagnosis(found)).blocks[0].health


def test_every_layer_that_held_nan_is_marked_not_only_the_one_that_the_finding_names():
    run = with_non_finite(healthy(), "weight", "fc1.weight")
    run = with_non_finite(run, "activation", "fc2")
    run = with_non_finite(run, "gradient", "conv2.bias")
    health = drawing_of(run).health

    # The findings about weights and gradients are folded under that of the activations, their cause.
    assert [one.id for one in diagnose(run).findings] == ["nan_activation"]
    assert health["fc1"] == Health("error", "NaN in its weights")
    assert health["fc2"] == Health("error", "nan activation")
    assert health["conv2"] == Health("error", "NaN in its gradient")
    assert health["conv1"].level == "ok"


def test_nan_that_no_finding_minds_is_marked_as_a_measure_past_its_threshold():
    run = with_non_finite(healthy(), "gradient", "conv2.bias")
    assert health_with(run)["conv2"] == Health("high", "NaN in its gradient")
    assert health_with(run, finding("warning", module="conv2"))["conv2"] == Health("warning", "rule warning")


def test_the_module_where_nan_began_says_so():
    run = healthy()
    begun = (NonFinite("Net", run.predictions[0].stamp, module="conv2", parameters=("fc1.weight",), amount=1),)
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, non_finite=begun))
    cause = Finding("nan_loss", "fact", "error", "t", "w", "f")
    health = health_with(run, cause)

    assert health["conv2"] == Health("error", "NaN begins here")
    assert health["fc1"] == Health("error", "NaN in its weights")


def test_a_finding_about_a_module_that_holds_others_or_the_whole_model_marks_that():
    health = health_with(healthy(), finding("error", module="features"), finding("warning", model="Net"))
    assert health["features"] == Health("error", "rule error")
    assert health[""] == Health("warning", "rule warning")


def test_of_several_models_only_the_one_that_is_named_is_marked():
    run = healthy()
    both = tuple(dataclasses.replace(run.models[0], name=name) for name in ("a", "b"))
    graphs = tuple(dataclasses.replace(run.graphs[0], model=name) for name in ("a", "b"))
    run = dataclasses.replace(run, models=both, graphs=graphs)
    found = (
        finding("error", parameter="a/fc1.weight"),
        finding("warning", model="b", module="fc2"),
        finding("warning", module="conv1"),
        finding("error", model="b", tag="train/loss"),
    )
    drawings = [block for block in graph.build(run, Diagnosis(found)).blocks if isinstance(block, GraphDrawing)]
    marked = [{path: one.level for path, one in each.health.items() if one.level != "ok"} for each in drawings]
    assert marked == [{"fc1": "error"}, {"fc2": "warning"}]


def test_what_is_wrong_inside_is_told_at_the_boxes_around_it():
    nodes = (
        GraphNode("r", "module", "", "Net", leaf=False),
        GraphNode("m0", "module", "body", "Body", "r", leaf=False),
        GraphNode("m1", "module", "body.fc1", "Linear", "m0"),
    )
    tree = Hierarchy(Graph(model="Net", captured="", nodes=nodes))
    notes = Notes(tree, {"body.fc1": Health("error", "nan weight")}, {}, {})
    items = {node.path: Item((place,)) for place, node in enumerate(tree.nodes)}
    assert notes.health_of(items["body"]) == ("error", "inside: nan weight")
    assert notes.health_of(items["body.fc1"]) == ("error", "nan weight")
