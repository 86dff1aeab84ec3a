"""Graph, media and environment."""

import dataclasses

from reportgen.blocks import Code, Fold, GraphDrawing, KeyValues, Table, Text
from reportgen.diagnose import diagnose
from reportgen.run.records import Attempt, Note, Run
from reportgen.sections import environment, graph
from reportgen.testing import fake_run
from tests.healthy import healthy


def blocks(section, run: Run):
    view = section.build(run, diagnose(run))
    return view.blocks if view is not None else None


def of(found, kind: type) -> list:
    return [block for block in found if isinstance(block, kind)]


# -- graph


def test_a_graph_leads_to_layers_and_folds_its_autograd_graph():
    found = blocks(graph, healthy())
    drawing, fold = found

    assert drawing.links == {path: f"layer-{path}" for path in ("conv1", "conv2", "fc1", "fc2")}
    assert drawing.caption.startswith(
        "5 module calls, captured in the first training forward; 93,962 parameters; 21.8\u00a0MFLOP a sample"
    )
    assert isinstance(fold, Fold)
    assert fold.blocks[0].autograd
    assert fold.blocks[0].anchor != drawing.anchor


def test_without_watched_layers_the_table_stands_with_the_graph():
    found = blocks(graph, fake_run(measures={}, distributions={}))
    (table,) = of(found, Table)

    assert table.rows[-1] == ("total", "", "", 93_962, table.rows[-1][4])
    assert set(of(found, GraphDrawing)[0].links.values()) <= set(table.anchors)


def test_why_there_is_no_autograd_graph_is_told():
    run = healthy()
    bare = dataclasses.replace(run.graphs[0], autograd="", autograd_nodes=0, autograd_note="torchviz is not installed")
    found = blocks(graph, dataclasses.replace(run, graphs=(bare,)))

    assert "No autograd graph of Net: torchviz is not installed." in [b.text for b in of(found, Text)]


def test_what_was_never_called_or_failed_is_told():
    run = healthy()
    nodes = list(run.graphs[0].nodes)
    nodes[4] = dataclasses.replace(nodes[4], status="failed")
    nodes[5] = dataclasses.replace(nodes[5], status="not called")
    changed = dataclasses.replace(run.graphs[0], nodes=tuple(nodes), uncounted=("LSTM",))
    drawing = blocks(graph, dataclasses.replace(run, graphs=(changed,)))[0]

    assert "not counted: LSTM; not reached: fc2; failed in fc1." in drawing.caption


def test_without_a_graph_there_is_no_section():
    assert blocks(graph, fake_run(graphs=())) is None


# -- environment


def test_configuration_machine_command_and_packages():
    found = blocks(environment, healthy())
    configuration, machine = of(found, KeyValues)
    (command,) = of(found, Code)

    assert dict(configuration.items)["lr"] == "0.1"
    assert dict(configuration.items)["augment"] == "false"
    assert dict(configuration.items)["api_key"] == "(hidden)"
    values = dict(machine.items)
    assert values["started"] == "2026-11-23 15:00:12 UTC"
    assert values["commit"] == "0123456789abcdef0123456789abcdef01234567, with uncommitted changes"
    assert values["seeds"] == "torch 0, numpy 0"
    assert command.text == "train.py --lr 0.1 --epochs=10"
    packages = next(fold for fold in of(found, Fold) if fold.title == "Packages")
    assert ("torch", "2.15.0") in packages.blocks[0].rows


def test_what_collecting_cost_is_listed_largest_first():
    table = next(t for t in of(blocks(environment, healthy()), Table) if t.title == "What collecting cost")

    assert [row[0] for row in table.rows] == ["watch.distributions", "predictions", "log"]
    assert "0.9\u00a0% of the run" in table.caption


def test_attempts_are_listed_once_a_run_was_resumed():
    run = healthy()
    attempts = (Attempt(0, 0.0, None, None, "failed"), Attempt(1, 60.0, 40, 120.0, "finished"))
    resumed = dataclasses.replace(run, meta=dataclasses.replace(run.meta, attempts=attempts))

    assert not any(t.title == "Attempts" for t in of(blocks(environment, run), Table))
    table = next(t for t in of(blocks(environment, resumed), Table) if t.title == "Attempts")
    assert table.rows[1] == (1, "1970-01-01 00:01:00 UTC", 40, "1970-01-01 00:02:00 UTC", "finished")
    assert table.rows[0][3] == "not recorded"


def test_omissions_and_thinning_are_told():
    run = fake_run(notes=(Note("omission", "graph", "LSTM is not counted", 3, 2),), thinned=("First.", "Second."))
    found = blocks(environment, run)

    assert ("graph", "LSTM is not counted", 3, 2) in of(found, Table)[-1].rows
    assert of(found, Text)[-1].text == "First. Second."


def test_an_empty_configuration_says_how_to_give_one():
    run = healthy()
    bare = dataclasses.replace(run, meta=dataclasses.replace(run.meta, config={}))

    assert "config=" in of(blocks(environment, bare), KeyValues)[0].empty
