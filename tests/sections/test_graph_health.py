import dataclasses

from reportgen.blocks import Finding, GraphDrawing, Health, Where
from reportgen.diagnose import Diagnosis, diagnose
from reportgen.run.graph import Fault, TensorSpec
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
    assert health["fc2"] == Health("error", "rule error")
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
