import re

import pytest

from reportgen.figures.graphs.layout import Area, Course, Layout
from reportgen.figures.graphs.painting import PAD, isolated, painted
from reportgen.figures.graphs.plan import Box, Edge, Frame, Plan, Words
from reportgen.testing.graphs import GraphBuilder, resnet, transformer, unet
from tests.figures.graphs.drawn import view


def box(name, text="a", **given):
    return Box(name, ((Words(text, "name"),),), **given)


def paint(items, layout, edges=(), identify=lambda name: name):
    return painted(Plan("the title", tuple(items), tuple(edges)), layout, identify)


def test_boxes_stand_where_the_layout_says_in_whole_pixels():
    markup = paint([box("n0", kind="linear, embedding")], Layout(100, 40, {"n0": Area(10.3, 0, 28, 24.2)}))
    x, y, height = re.search(r'<rect class="k" x="(\d+)" y="(\d+)" width="\d+" height="(\d+)"', markup).groups()
    assert (y, height) == ("0", "24")
    assert f'viewBox="0 0 {100 + 2 * PAD + 1} {40 + 2 * PAD + 1}"' in markup
    assert abs(int(x) - 12) <= 1
    assert 'aria-label="the title"' in markup


def test_only_what_leads_somewhere_is_a_link():
    linked, plain = box("n0", link="row-1", id="box-1", told="all of it"), box("n1", id="box-2")
    markup = paint([linked, plain], Layout(9, 9, {"n0": Area(0, 0, 9, 9), "n1": Area(0, 20, 9, 9)}))
    assert '<a href="#row-1" id="box-1"><title>all of it</title><rect' in markup
    assert '<g id="box-2"><rect' in markup
    assert 'id="' not in paint([linked], Layout(9, 9, {"n0": Area(0, 0, 9, 9)}), identify=lambda name: "")


def test_what_stands_for_several_has_a_second_card():
    areas = {"n0": Area(0, 0, 40, 20), "cluster0": Area(0, 0, 60, 60)}
    single = paint([Frame("cluster0", ((Words("f"),),), (box("n0"),))], Layout(60, 60, areas))
    several = paint(
        [Frame("cluster0", ((Words("f"),),), (box("n0", stacked=True),), stacked=True)], Layout(60, 60, areas)
    )
    assert single.count("<path") == 0
    assert several.count("<path") == 2


def test_an_edge_is_a_line_with_a_head_at_its_tip():
    course = Course("n0", "n1", ((5, 10), (5, 12), (5, 14), (5, 20)), (5, 26))
    areas = {"n0": Area(0, 0, 10, 10), "n1": Area(0, 26, 10, 10)}
    markup = paint([box("n0"), box("n1")], Layout(10, 36, areas, (course,)), [Edge("n0", "n1")])
    line, head = re.findall(r'<path d="([^"]*)"', markup)
    assert line == "M5 10c0 2 0 4 0 10"
    assert head == "M2.4 20l2.6 6 2.6-6z"
    bare = paint([box("n0")], Layout(10, 36, areas, (Course("n0", "n0", ((1, 2), (3, 4))),)))
    assert re.findall(r'<path d="([^"]*)"', bare) == ["M1 2l2 2"]


@pytest.mark.parametrize("text", ["plain", "naïve ✓", "漢字"])
def test_texts_from_left_to_right_stay_as_they_are(text):
    assert isolated(text) == text


@pytest.mark.parametrize("text", ["עברית", "a\u202eb", "\u2067x"])
def test_texts_that_could_turn_others_are_kept_apart(text):
    shown = isolated(text)
    assert shown.startswith("\u2068")
    assert shown.endswith("\u2069")
    for opening, closing in (("\u202e", "\u202c"), ("\u2067\u2068", "\u2069")):
        assert sum(map(shown.count, opening)) == shown.count(closing)


def branches():
    """Two narrow operations that make something of a long shape, from one and into one."""
    b = GraphBuilder("Net")
    x = b.input((2, 3))
    parts = [b.operation("to", x, shape=(1024, 1024, 1024, k)) for k in (3, 5, 7)]
    b.output(b.operation("cat", *parts, shape=(2, 9)))
    return b.graph()


@pytest.mark.parametrize(
    "graph", [branches(), resnet(), unet(), transformer(2)], ids=["branches", "cnn", "unet", "gpt"]
)
def test_every_arrow_ends_at_a_box(graph):
    for picture in view(graph).pictures:
        boxes = [
            tuple(map(float, found))
            for found in re.findall(
                r'<rect (?:class="k[^"]*" )?x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)" rx="[49]',
                picture.markup,
            )
        ]
        (heads,) = re.findall(r'<path d="([^"]*)" fill="var\(--edge[^"]*"/>', picture.markup)
        tips = []
        for x, y, dx, dy in re.findall(r"M(-?[\d.]+)[ ]?(-?[\d.]+)l(-?[\d.]+)[ ]?(-?[\d.]+)", heads):
            tips.append((float(x) + float(dx), float(y) + float(dy)))
        assert tips
        for x, y in tips:
            near = [1 for left, top, w, h in boxes if left - 3 <= x <= left + w + 3 and top - 3 <= y <= top + h + 3]
            assert near, (picture.title, x, y)
