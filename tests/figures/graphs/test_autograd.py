import html
import re
from dataclasses import replace

from reportgen.figures import engine
from reportgen.figures.graph import graph_view
from tests.render.graph_sample import autograd_drawing, graph


def view(block):
    return graph_view(block, lambda target: True, lambda name: name)


def texts(markup):
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>([^<]*)</text>", markup)]


def test_autograd_graphs_are_drawn_or_given_as_source():
    shown = view(autograd_drawing())
    assert "AddmmBackward0" in texts(shown.pictures[0].markup)
    large = view(replace(autograd_drawing(), graph=replace(graph(), autograd_nodes=5_000)))
    assert large.notes == ("Not drawn: it has 5,000 nodes, over 400.",)
    assert large.texts[0][1].startswith("digraph")
    huge = replace(graph(), autograd_nodes=5_000, autograd="x" * 100_000)
    assert view(replace(autograd_drawing(), graph=huge)).texts == ()


def test_names_in_an_autograd_graph_may_be_anything():
    source = (
        'digraph { 3 [label="\\N \\"q\\" &lt; \n (2)"] 4 [label="'
        + "w" * 10_000
        + '"] 1 [label="a\x00b\x1b <b>&\ud800"] 2 [image="/etc/passwd" label="<i>"] }'
    )
    shown = view(replace(autograd_drawing(), graph=replace(graph(), autograd=source)))
    assert "a\u2400b\u241b <b>&\ufffd" in texts(shown.pictures[0].markup)
    assert {'\\N "q" &lt;', "(2)"} <= set(texts(shown.pictures[0].markup))
    assert float(re.search(r'width="([\d.]+)"', shown.pictures[0].markup)[1]) < 2_000
    assert "passwd" not in shown.pictures[0].markup
    broken = view(replace(autograd_drawing(), graph=replace(graph(), autograd='digraph { 1 [label="a"b" }')))
    assert "failed with status" in broken.notes[0]


def test_nothing_of_an_autograd_drawing_needs_styles_or_ids():
    markup = view(autograd_drawing()).pictures[0].markup
    assert not re.search(r"\b(style|id|class|xlink:\w+)=\"(?!graph\")", markup)
    assert 'stroke="black"' not in markup
    assert not re.search(r"var\(--\w+\)", markup)


def test_without_graphviz_its_source_is_given(monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: ())
    assert view(autograd_drawing()).texts[0][0] == "DOT source, for any Graphviz"
