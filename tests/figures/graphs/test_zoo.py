"""Real models whose pictures would be the largest: every level of them can be opened, in a page that stays small."""

import dataclasses
import re

import pytest

import reportgen
from reportgen.pipeline import build_html
from tests.figures.graphs.drawn import atlas_of, openable
from tests.zoo import classifier, detector


@pytest.mark.parametrize(
    "case",
    [
        detector("ssdlite320_mobilenet_v3_large"),
        detector("fasterrcnn_mobilenet_v3_large_320_fpn"),
        classifier("swin_v2_t"),
        classifier("densenet121"),
    ],
    ids=lambda case: case.name,
)
@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
def test_every_level_of_a_large_model_can_be_opened_in_a_small_page(case, tmp_path):
    report = reportgen.Report(case.name, folder=tmp_path / "run", strict=True)
    models = case.models()
    for model in models:
        report.watch(model.train())
    case.loss(*models)
    report.close()
    run = reportgen.load(report.folder)
    (graph,) = run.graphs
    # As it is once times are known.
    nodes = tuple(
        dataclasses.replace(node, seconds=1.2345e-5 * (1 + at % 97)) if node.kind == "module" else node
        for at, node in enumerate(graph.nodes)
    )
    graph = dataclasses.replace(graph, nodes=nodes)
    tree, made = atlas_of(graph)
    assert len(openable(tree, made)) > 3
    assert openable(tree, made) <= set(made.drawings)
    html = build_html(dataclasses.replace(run, graphs=(graph,)))[0]
    drawn = re.search(r'<figure class="graph_drawing".*?</figure>', html, re.DOTALL)[0]
    assert "The inside is not drawn" not in drawn
    assert len(drawn.encode()) < 150_000
