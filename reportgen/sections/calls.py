"""What a page tells people to call, in a program that has a SummaryWriter or a Visualizer instead of a Report."""

from __future__ import annotations

import re
from dataclasses import replace

from reportgen.blocks.finding import Finding
from reportgen.run.graph import Graph

# By `Meta.recorder`: what fills a section, by its id.
FILLING = {
    "SummaryWriter": {
        "metrics": 'writer.add_scalar("train/loss", loss, step)',
        "hyperparameters": 'writer.add_hparams({"lr": 0.1}, {"hparam/accuracy": accuracy})',
        "graph": "writer.add_graph(model, inputs)",
        "media": "writer.add_image(tag, image, step) or writer.add_text(tag, text, step)",
    },
    "Visualizer": {
        "graph": "visualizer.add_graph(model)",
        "media": "visualizer.add_images(tag, images) or visualizer.add_text(tag, text)",
    },
}
# By `Meta.recorder`: words of ours that name a call of Report's, longer ones first, and what they are there.
INSTEAD = {
    "SummaryWriter": {
        'report = reportgen.Report("...", strict=True)': 'writer = reportgen.SummaryWriter("...", strict=True)',
        "report.graph(model, *inputs)": "writer.add_graph(model, inputs)",
        "report.graph": "add_graph",
        "report.build()": "writer.close()",
        "build()": "close()",
    },
    "Visualizer": {
        'report = reportgen.Report("...", strict=True)': "visualizer = reportgen.Visualizer(inputs, strict=True)",
        "report.graph(model, *inputs)": "visualizer.add_graph(model, inputs)",
        "report.graph": "add_graph",
        "report.build()": "visualizer.build()",
    },
}
# How a sentence goes on that says what to call.
CALL = re.compile(r"[:;,] (?:call|iterate over|pass) (?:for \w+ in )?report\.")


def filling(section: str, otherwise: str, recorder: str) -> str:
    """What to call to fill the section with this id: `otherwise` on a Report, "" where nothing of a writer does."""
    return FILLING.get(recorder, {}).get(section, "") if recorder else otherwise


def as_called(text: str, recorder: str) -> str:
    """A sentence of ours for a program of this kind: its own calls instead of Report's, or none of them."""
    if not recorder:
        return text
    call = CALL.search(text)
    text = f"{text[: call.start()]}." if call else text
    for ours, theirs in INSTEAD.get(recorder, {}).items():
        text = text.replace(ours, theirs)
    return text


def finding_as_called(finding: Finding, recorder: str) -> Finding:
    """The same for what a finding says to do. Only findings about recording itself name calls in their titles."""
    if not recorder:
        return finding
    title = as_called(finding.title, recorder) if finding.id == "no_build" else finding.title
    fix, code = as_called(finding.fix, recorder), as_called(finding.code, recorder)
    return replace(finding, title=title, fix=fix, code=code)


def graph_as_called(graph: Graph, recorder: str) -> Graph:
    """The same for how a graph was seen."""
    if not recorder:
        return graph
    captured, note = as_called(graph.captured, recorder), as_called(graph.autograd_note, recorder)
    return replace(graph, captured=captured, autograd_note=note)
