"""What the page tells people to call, and what recording cost, where the program has a writer instead of a Report."""

import dataclasses

import pytest

from reportgen.blocks.page import SectionView
from reportgen.diagnose import diagnose
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Cost, Meta, Note, Run
from reportgen.sections import build_sections
from reportgen.sections.calls import as_called
from reportgen.sections.cost import share_of_run
from reportgen.sections.graph_map import map_caption
from reportgen.sections.header import header
from reportgen.testing import fake_run


def recorded(recorder: str, cost: Cost | None = None, status: str = "finished", **changes) -> Run:
    meta = Meta("x", status, 100.0, 110.0, cost=cost or Cost(), recorder=recorder)
    return dataclasses.replace(Run(schema=3, meta=meta), **changes)


def page(run: Run) -> str:
    top, views, footer = build_sections(run, diagnose(run))
    return repr((top, views, footer))


def section(run: Run, name: str) -> SectionView:
    return next(view for view in build_sections(run, diagnose(run))[1] if view.id == name)


SCALARS = fake_run(steps=5, scalars={"train/loss": [2.0, 1.0, 0.5]}).scalars
ASKED = Graph(
    "Net",
    "a forward that report.graph ran",
    (GraphNode("m", "module", "", "Net", None, call=1),),
    autograd_note="report.graph runs its forward without gradients, so there is no autograd graph.",
)


@pytest.mark.parametrize("recorder", ["SummaryWriter", "Visualizer"])
@pytest.mark.parametrize("status", ["finished", "ended without build()", "no end recorded"])
@pytest.mark.parametrize(
    "held",
    [{}, {"scalars": SCALARS}, {"graphs": (ASKED,), "notes": (Note("failure", "log", "OSError: x"),)}],
    ids=["nothing", "scalars", "graph"],
)
def test_a_page_of_a_writer_names_no_call_of_a_report(recorder, status, held):
    told = page(recorded(recorder, status=status, **held))

    assert "report." not in told.replace("report.html", "")
    assert "Report(" not in told


def test_an_empty_page_of_a_writer_names_the_writers_calls():
    told = page(recorded("SummaryWriter"))

    assert "writer.add_scalar" in told
    assert "writer.add_graph" in told
    assert "report.log" in page(recorded(""))


def test_what_is_missing_is_named_with_the_writers_calls():
    run = recorded("SummaryWriter", scalars=SCALARS)
    footer = build_sections(run, diagnose(run))[2]

    assert "writer.add_graph(model, inputs)" in footer[0]
    assert "predictions" not in footer[0]


def test_a_writer_that_was_not_closed_is_told_to_close():
    run = recorded("SummaryWriter", status="ended without build()", scalars=SCALARS)
    (fold,) = [each for each in section(run, "findings").blocks if getattr(each, "title", "") == "1 remark"]
    (found,) = fold.blocks

    assert (found.title, found.code) == ("The process ended without close()", "writer.close()")
    assert header(run, diagnose(run)).status == "ended without close()"


def test_a_sentence_stops_before_a_call_that_the_program_has_not():
    lacking = "The wait was not measured: call for batch in report.track(loader)."

    assert as_called(lacking, "SummaryWriter") == "The wait was not measured."
    assert as_called("No loader is known: iterate over report.track(loader).", "Visualizer") == "No loader is known."
    assert as_called(lacking, "") == lacking


def test_a_map_without_edges_names_the_writers_call():
    assert "writer.add_graph(model, inputs) runs it once" in map_caption(ASKED, "SummaryWriter")
    assert "report.graph(model, *inputs) runs it once" in map_caption(ASKED)


def test_only_collecting_in_the_loop_counts_as_the_cost_of_watching():
    cost = Cost(9.3, {"log": 0.2, "watch": 0.1, "build": 5.0, "close": 3.0, "report": 1.0})

    assert share_of_run(recorded("", cost)) == pytest.approx(0.03)


def test_a_share_above_the_whole_run_is_not_told():
    assert share_of_run(recorded("", Cost(40.0, {"log": 40.0}))) is None


def test_a_writer_that_watches_no_model_tells_seconds_and_no_share():
    run = recorded("SummaryWriter", Cost(9.1, {"log": 9.0, "report": 0.1}), scalars=SCALARS)
    (costs,) = [each for each in section(run, "environment").blocks if each.title == "What collecting cost"]

    assert not any("watching" in fact for fact in header(run, diagnose(run)).facts)
    assert costs.caption.replace("\u00a0", " ") == "9.0 s of the thread that called."
    assert [row[0] for row in costs.rows] == ["log"]


def test_a_writer_beside_a_watched_model_tells_what_watching_cost():
    watched = fake_run(steps=300)
    meta = dataclasses.replace(watched.meta, recorder="SummaryWriter")
    facts = header(run := dataclasses.replace(watched, meta=meta), diagnose(run)).facts

    assert any(fact.startswith("watching cost") for fact in facts)
