import re

import pytest

from reportgen.figures.graphs.layout import Area, Course, Layout
from reportgen.figures.graphs.painting import PAD, isolated, painted
from reportgen.figures.graphs.plan import Box, Edge, Frame, Plan, Words
from reportgen.testing.graphs import GraphBuilder, resnet, transformer, unet
from tests.figures.graphs.drawn import rects, texts, view

# As path data has them side by side.
NUMBER = r"-?(?:\d+(?:\.\d+)?|\.\d+)"


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
    assert line == "M5 10v10"
    assert head == "M2 20l3 6 3-6z"
    bare = paint([box("n0")], Layout(10, 36, areas, (Course("n0", "n0", ((1, 2), (3, 4))),)))
    assert re.findall(r'<path d="([^"]*)"', bare) == ["M1 2l2 2"]


def test_an_edge_that_bends_is_a_curve_and_one_that_does_not_a_line():
    areas = {"n0": Area(0, 0, 10, 10), "n1": Area(0, 26, 10, 10)}

    def line(*points):
        course = Course("n0", "n1", points, (5, 46))
        markup = paint([box("n0"), box("n1")], Layout(10, 56, areas, (course,)), [Edge("n0", "n1")])
        return re.findall(r'<path d="([^"]*)"', markup)[0]

    assert line((5, 10), (5.3, 20), (4.8, 30), (5, 40)) == "M5 10v30"
    assert line((5, 10), (25.2, 20), (25, 30), (5, 40)) == "M5 10c20 10 20 20 0 30"
    assert line((5, 10), (7, 20), (5, 30), (5, 40)) == "M5 10c2 10 0 20 0 30"


def test_neighbours_of_one_look_share_it_and_words_stay_readable_without_styles():
    areas = {f"n{k}": Area(0, 30 * k, 60, 24) for k in range(4)}
    kinds = ("convolution", "convolution", "operation", "convolution")
    items = [box(f"n{k}", kind=kind, id=f"b{k}") for k, kind in enumerate(kinds)]
    markup = paint(items, Layout(60, 120, areas))
    assert markup.count("var(--c1soft,") == 2
    assert [found["fill"].split(",")[0] for found in rects(markup)] == [
        "var(--c1soft",
        "var(--c1soft",
        "var(--paper",
        "var(--c1soft",
    ]
    assert re.findall(r'id="(b\d)"', markup) == ["b0", "b1", "b2", "b3"]
    # Whoever points at the words points at the box, which may be a link.
    assert re.search(r'<g class="words" pointer-events="none">.*</g></svg>$', markup)
    assert 'fill="var(--ink,' in markup


def test_lines_of_words_stand_under_each_other_in_their_own_look():
    lines = ((Words("conv", "name"), Words("Conv2d", "type")), (Words("9 parameters"),), (Words("dead 9 %", "warn"),))
    markup = paint([Box("n0", lines)], Layout(80, 60, {"n0": Area(0, 0, 80, 50)}))
    assert texts(markup) == ["conv Conv2d", "9 parameters", "dead 9 %"]
    assert re.search(r'<g font-size="10.5" fill="var\(--warn,[^>]*><text x="40" y="42">dead', markup)


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
            tuple(float(rect[name]) for name in ("x", "y", "width", "height"))
            for rect in rects(picture.markup)
            if rect["rx"] != "7"
        ]
        (heads,) = re.findall(r'<path d="([^"]*)" fill="var\(--edge[^"]*"/>', picture.markup)
        tips = []
        for x, y, side, dx, dy in re.findall(rf"M({NUMBER}) ?({NUMBER})([lhv])({NUMBER})(?: ?({NUMBER}))?", heads):
            step = {"l": (dx, dy), "h": (dx, 0), "v": (0, dx)}[side]
            tips.append((float(x) + float(step[0]), float(y) + float(step[1])))
        assert len(tips) == heads.count("z")
        assert tips
        for x, y in tips:
            near = [1 for left, top, w, h in boxes if left - 3 <= x <= left + w + 3 and top - 3 <= y <= top + h + 3]
            assert near, (picture.title, x, y)
