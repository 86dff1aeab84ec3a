"""Drawings of what is logged: waveforms, boxes, curves, points and meshes."""

import math
import re

import pytest

from reportgen.blocks import AudioItem, Curve, CurveChart, ImageItem, MeshViews, PointChart, PointGroup, PointMark
from reportgen.figures.curves import curve_chart, curve_swatch
from reportgen.figures.overlay import overlay, shown_width
from reportgen.figures.points import LOOKS, point_chart, point_swatch
from reportgen.figures.views import SIDES, mesh_view
from reportgen.figures.waveform import waveform
from reportgen.run.logged import Box
from reportgen.testing.drawing import drawing_faults
from reportgen.testing.html import TreeBuilder


def drawn(markup: str):
    builder = TreeBuilder()
    builder.feed(markup)
    builder.finish()
    (svg,) = builder.root.all("svg")[:1]
    assert list(drawing_faults(svg)) == []
    return svg


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d*\.?\d+", text)]


# -- waveforms


def test_a_waveform_is_a_band_between_least_and_greatest():
    svg = drawn(waveform(AudioItem("", "a tone", low=(-1.0, -0.5), high=(1.0, 0.5))))
    band = svg.all("path")[1].get("d")

    assert svg.get("aria-label") == "a tone"
    assert band.startswith("M75 1.6")  # 1 is 2 px under the upper edge
    assert band.endswith("z")


def test_values_that_are_no_numbers_are_left_out_of_a_waveform():
    assert waveform(AudioItem("", "x", low=(math.nan,), high=(1.0,))) == ""
    assert "nan" not in waveform(AudioItem("", "x", low=(math.nan, -3.0), high=(math.inf, 9.0)))


# -- boxes


def test_boxes_lie_in_the_pictures_proportions_with_their_words():
    item = ImageItem("a.png", "a street", boxes=(Box(100.0, 50.0, 300.0, 150.0, "car", 0.934),), size=(640, 320))
    svg = drawn(overlay(item))
    frame = next(rect for rect in svg.all("rect") if "--c1" in rect.get("stroke"))

    assert svg.get("viewbox") == "0 0 320.0 160.0"
    assert [frame.get(name) for name in ("x", "y", "width", "height")] == ["50", "25", "100", "50"]
    assert svg.all("text")[0].text == "1 car 0.934"
    assert svg.get("preserveaspectratio") == "none"


def test_labels_that_would_lie_on_one_another_stand_at_another_corner_or_nowhere():
    boxes = tuple(Box(10.0, 10.0, 100.0, 100.0, f"a long label {k}", 0.5) for k in range(3))
    svg = drawn(overlay(ImageItem("a.png", "x", boxes=boxes, size=(320, 240))))

    assert [text.text for text in svg.all("text")] == ["1 a long label 0 0.5", "2 a long label 1 0.5"]
    assert len(svg.all("rect")) == 2 * 3 + 2


@pytest.mark.parametrize(
    "box",
    [Box(math.nan, 0.0, 1.0, 1.0), Box(-50.0, -50.0, 9999.0, 9999.0, "<b>", 2.0), Box(9.0, 9.0, 1.0, 1.0, "\ud800")],
)
def test_odd_boxes_stay_in_the_picture(box):
    markup = overlay(ImageItem("a.png", "x", boxes=(box, Box(0.0, 0.0, 5.0, 5.0)), size=(100, 50)))

    for rect in drawn(markup).all("rect"):
        x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + width <= 320
        assert y + height <= 160


def test_the_label_of_a_box_that_fills_the_picture_stands_where_there_is_room():
    boxes = (Box(0.0, 0.0, 90.0, 90.0, "cat"), Box(-10.0, -10.0, 400.0, 300.0, "all of it"))
    first, second = drawn(overlay(ImageItem("a.png", "x", boxes=boxes, size=(320, 240)))).all("text")

    assert (first.text, second.text) == ("1 cat", "2 all of it")
    assert float(second.get("y")) > 220


@pytest.mark.parametrize(("size", "wide"), [((120, 100), 320), ((2000, 1000), 320), ((100, 400), 80), ((0, 0), 0)])
def test_a_picture_with_boxes_is_as_large_as_its_labels_want(size, wide):
    assert shown_width(ImageItem("a.png", "x", boxes=(Box(0.0, 0.0, 1.0, 1.0),), size=size)) == wide
    assert shown_width(ImageItem("a.png", "x", size=size)) == 0


def test_a_box_outside_of_the_picture_is_not_drawn():
    boxes = (Box(330.0, 10.0, 400.0, 50.0, "right"), Box(10.0, -50.0, 60.0, -20.0, "above"))

    assert overlay(ImageItem("a.png", "x", boxes=boxes, size=(320, 240))) == ""


def test_without_a_size_there_is_no_overlay():
    assert overlay(ImageItem("a.png", "x", boxes=(Box(0.0, 0.0, 1.0, 1.0),))) == ""


# -- curves


def test_the_last_curve_is_strongest_and_recall_runs_from_0_to_1():
    old, new = Curve("old", (0.0, 1.0), (1.0, 0.5)), Curve("new", (0.0, 0.5, 1.0), (1.0, 0.9, math.nan))
    svg = drawn(curve_chart(CurveChart("digits", (old, new), "AP 0.9.", "recall", "precision")))
    lines = [path for path in svg.all("path") if path.get("stroke-width")]

    assert [line.get("stroke-width") for line in lines] == ["1.3", "2"]
    assert lines[0].get("stroke-dasharray")
    assert not lines[1].get("stroke-dasharray")
    assert lines[0].get("d") == "M40 24l384 123"
    assert lines[1].get("d") == "M40 24l192 24.6"
    assert {"precision", "recall 1", "0.25"} <= {text.text for text in svg.all("text")}


def test_without_a_finite_point_there_is_no_curve_chart():
    assert curve_chart(CurveChart("x", (Curve("a", (), ()), Curve("b", (0.1,), (math.nan,))), "", "x", "y")) == ""
    drawn(curve_swatch(0))
    drawn(curve_swatch(9))


# -- points


def group(name="a", xs=(0.0, 1.0), ys=(0.0, 1.0), labels=()):
    return PointGroup(name, xs, ys, labels)


def test_groups_differ_in_colour_or_shape():
    assert len(set(LOOKS)) == len(LOOKS) >= 10
    groups = tuple(group(str(k), (float(k),), (float(k),)) for k in range(10))
    chart = PointChart("PCA", groups, "10 rows.")
    swatches = {point_swatch(chart, at) for at in range(10)}

    assert len(swatches) == 10
    assert len(drawn(point_chart(chart)).all("path")) == 10


def test_points_say_their_labels_when_pointed_at():
    svg = drawn(point_chart(PointChart("PCA", (group(labels=("first <b>", "second")),), "2 rows.")))

    assert [title.text for title in svg.all("title")] == ["first <b>", "second"]


def test_both_axes_have_one_scale():
    svg = drawn(point_chart(PointChart("PCA", (group(xs=(0.0, 4.0), ys=(0.0, 1.0)),), "")))
    (x0, y0, x1, y1) = numbers(svg.all("path")[0].get("d").replace("h0", ""))

    assert (x0, x1) == (14.0, 426.0)
    assert (y0 - y1) == pytest.approx((x1 - x0) / 4)


def test_a_scale_grows_in_size_and_strength():
    chart = PointChart("PCA", tuple(group(str(k)) for k in range(5)), "", ordered=True)
    looks = [drawn(point_swatch(chart, at)).all("path")[0] for at in range(5)]

    assert [float(look.get("stroke-width")) for look in looks] == [3, 4, 5, 6, 7]
    assert float(looks[0].get("opacity")) < float(looks[-1].get("opacity"))


def test_what_has_no_colour_of_its_own_lies_under_the_rest():
    chart = PointChart("PCA", (group("a"), group("3 others")), "", other=True)
    first, second = drawn(point_chart(chart)).all("path")

    assert "--edge" in first.get("stroke")
    assert "--c1" in second.get("stroke")


def test_numbers_beside_points_do_not_lie_on_one_another():
    marks = tuple(PointMark(0.0, 0.0, str(k)) for k in range(12))
    svg = drawn(point_chart(PointChart("PCA", (group(),), "", marks=marks)))
    boxes = [[float(rect.get(name)) for name in ("x", "y", "width", "height")] for rect in svg.all("rect")[1:]]

    assert 1 <= len(boxes) <= 4
    for k, (x, y, wide, tall) in enumerate(boxes):
        for left, top, width, height in boxes[k + 1 :]:
            assert x >= left + width or left >= x + wide or y >= top + height or top >= y + tall


@pytest.mark.parametrize("value", [1e308, 5e-324, math.nan, math.inf])
def test_points_of_any_size_are_drawn_or_left_out(value):
    markup = point_chart(PointChart("PCA", (group(xs=(value, -value, 0.0), ys=(0.0, value, 0.0)),), ""))

    assert "nan" not in markup
    assert "inf" not in markup
    drawn(markup)


def test_without_points_there_is_no_point_chart():
    assert point_chart(PointChart("PCA", (group(xs=(math.nan,), ys=(0.0,)),), "")) == ""
    assert point_chart(PointChart("PCA", (), "")) == ""


# -- meshes


CORNER = MeshViews(((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), "", "corner")


def places(side: int) -> list[float]:
    return numbers(drawn(mesh_view(CORNER, side)).all("path")[0].get("d").replace("h0", ""))


def test_three_sides_show_what_is_right_and_up_of_each():
    # The points sorted by their places; relative to one another after the first.
    assert [name for name, *_ in SIDES] == ["front", "right side", "from above"]
    assert places(0) == [10, 60, 0, 100, 200, 0]  # (0, 1) above (0, 0), (2, 0) to the right
    assert places(1) == [60, 160, 100, -100, 0, 100]  # z = 1 to the left
    assert places(2) == [10, 60, 0, 100, 200, -100]  # z = 1 below


def test_each_edge_of_triangles_is_drawn_once():
    points = ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 2.0, 0.0))
    mesh = MeshViews(points, "", "m", ((255, 0, 0),) * 4, ((0, 1, 2), (0, 2, 3), (2, 1, 0)))
    (path,) = drawn(mesh_view(mesh, 0)).all("path")

    assert path.get("d").count("l") == 5
    assert path.get("stroke") == "#f00"


def test_points_of_one_colour_share_a_path():
    mesh = MeshViews(CORNER.points, "", "m", ((255, 0, 0), (0, 255, 0), (255, 0, 0), (0, 255, 0)))

    assert sorted(path.get("stroke") for path in drawn(mesh_view(mesh, 0)).all("path")) == ["#0f0", "#f00"]


def test_a_mesh_of_one_point_or_none():
    assert mesh_view(MeshViews((), ""), 0) == ""
    assert "M110 110h0" in mesh_view(MeshViews(((5.0, 5.0, 5.0),), ""), 2)
