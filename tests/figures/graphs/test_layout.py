import json

import pytest

from reportgen.figures import engine
from reportgen.figures.engine import LayoutError, graphviz, programs
from reportgen.figures.graphs.layout import Area, layouts

SOURCE = """digraph { node [shape=box fixedsize=true label=""]
  subgraph cluster0 { graph [margin=10] n0 [width=2 height=0.5] n1 [width=1 height=0.5] }
  n0 -> n1 [label="x"] n1 -> n2 n0 -> n2 [style=invis] n2 [width=1 height=1] }
"""


@pytest.mark.parametrize("program", programs())
def test_places_are_read_from_the_upper_left(program, monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: (program,))
    (found,) = layouts(graphviz(SOURCE, "json0"))
    upper, lower, last = (found.areas[name] for name in ("n0", "n1", "n2"))
    assert (round(upper.width), round(upper.height)) == (144, 36)
    assert upper.y + upper.height < lower.y
    assert lower.y + lower.height < last.y
    frame = found.areas["cluster0"]
    assert frame.x < upper.x
    assert frame.y < upper.y
    assert frame.x + frame.width > upper.x + upper.width
    assert last.y + last.height <= found.height + 0.01
    assert [(course.source, course.target) for course in found.courses] == [("n0", "n1"), ("n1", "n2")]
    first = found.courses[0]
    assert abs(first.points[0][1] - (upper.y + upper.height)) < 1
    assert abs(first.tip[1] - lower.y) < 1
    assert upper.y < first.label[1] < lower.y
    assert found.courses[1].label is None


def test_several_graphs_are_laid_out_in_one_go():
    found = list(layouts(graphviz("digraph { a }" + SOURCE + "digraph { b -> c }", "json0")))
    assert [sorted(layout.areas) for layout in found] == [["a"], ["cluster0", "n0", "n1", "n2"], ["b", "c"]]


def test_what_was_cut_off_gives_the_layouts_before():
    whole = graphviz("digraph { a } digraph { b }", "json0")
    assert len(list(layouts(whole[:-8]))) == 1
    assert list(layouts("")) == []
    assert list(layouts("no such thing")) == []


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"bb": "0,0,x,1"},
        {"bb": "0,0,1"},
        {"bb": "0,0,1,1", "objects": [{"name": "a"}]},
        {"bb": "0,0,1,1", "objects": [{"_gvid": 0, "name": "a", "pos": "1,1"}]},
        {"bb": "0,0,1,1", "edges": [{"pos": "e,1,1 2,2", "tail": 0, "head": 1}]},
        {"bb": "0,0,1,1", "objects": 7},
        {"bb": None},
    ],
)
def test_a_layout_that_makes_no_sense_is_a_layout_error(found):
    with pytest.raises(LayoutError, match="cannot be read"):
        list(layouts(json.dumps(found)))


def test_an_area_is_measured_from_its_frame_corner():
    text = json.dumps({"bb": "10,20,110,220", "objects": [{"_gvid": 0, "name": "c", "bb": "20,30,60,120"}]})
    assert next(layouts(text)).areas == {"c": Area(10, 100, 40, 90)}
