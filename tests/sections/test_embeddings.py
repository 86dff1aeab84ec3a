"""Embeddings: groups, scales, labels and pictures of their projections."""

import dataclasses
from array import array

from reportgen.blocks import ImageGrid, PointChart, Steps, Text
from reportgen.diagnose import diagnose
from reportgen.run.logged import Embedding, Projection
from reportgen.run.series import Stamp
from reportgen.sections import embeddings
from reportgen.testing import fake_run


def embedding(labels, step=1, **fields) -> Embedding:
    rows = array("q", range(len(labels)))
    places = array("f", [float(row) for row in rows])
    made = Embedding(
        "features",
        Stamp(step),
        "",
        len(labels),
        8,
        ("kind",),
        tuple((label, f"file {row}") for row, label in enumerate(labels)),
        kept=rows,
        projections=(Projection("PCA", rows, places, places, "the axes hold all"),),
    )
    return dataclasses.replace(made, **fields)


def chart_of(*known, **fields) -> PointChart:
    run = fake_run(embeddings=known, **fields)
    blocks = embeddings.build(run, diagnose(run)).blocks
    return next(block for block in blocks if isinstance(block, PointChart))


def test_kinds_are_groups_in_natural_order_with_labels():
    chart = chart_of(embedding(["b", "a", "b", "a10", "a2"] * 2))

    assert [group.name for group in chart.groups] == ["a", "a2", "a10", "b"]
    assert chart.groups[0].x == (1.0, 6.0)
    assert chart.groups[0].labels[0] == "row 1; kind: a; file 1"
    assert chart.legend == "kind"
    assert not chart.ordered
    assert not chart.other
    assert chart.caption == "Step 1. 10 rows of 8 numbers by PCA. The axes hold all."


def test_the_only_chart_of_a_tag_is_titled_with_it():
    assert chart_of(embedding(["a", "b"])).title == "features: PCA"


def test_names_that_are_all_different_leave_the_colours_to_the_next_column():
    metadata = tuple((f"file {row}.png", "odd" if row % 2 else "even") for row in range(12))
    chart = chart_of(embedding([""] * 12, header=("file", "kind"), metadata=metadata))

    assert [group.name for group in chart.groups] == ["even", "odd"]
    assert chart.legend == "kind"


def test_beyond_ten_kinds_the_rest_is_one():
    labels = [f"k{at}" for at in range(10) for _ in range(4)] + ["x", "y", "z"]
    chart = chart_of(embedding(labels))

    assert len(chart.groups) == 11
    assert chart.groups[-1].name == "3 others"
    assert len(chart.groups[-1].x) == 3
    assert chart.other


def test_many_numbers_are_a_scale():
    chart = chart_of(embedding([str(at / 10) for at in range(100)]))

    assert chart.ordered
    assert [group.name for group in chart.groups][:2] == ["0 to 1.98", "1.98 to 3.96"]
    assert sum(len(group.x) for group in chart.groups) == 100


def test_labels_that_all_differ_are_no_groups():
    chart = chart_of(embedding([f"word{at}" for at in range(30)]))

    assert len(chart.groups) == 1
    assert chart.groups[0].labels[3] == "row 3; kind: word3; file 3"
    assert chart.legend == ""


def test_rows_that_were_left_out_are_told_and_the_kept_ones_have_their_own_labels():
    rows, places = array("q", [0, 700]), array("f", [0, 1])
    known = embedding(["a", "b"], rows=701, kept=rows, projections=(Projection("PCA", rows, places, places),))
    chart = chart_of(known)

    assert chart.caption == "Step 1. 2 of 701 rows of 8 numbers by PCA."
    assert chart.groups[1].labels == ("row 700; kind: b; file 1",)


def test_pictures_of_rows_have_the_numbers_of_the_chart():
    known = embedding(["a", "b", "a"], thumbs=("x.png", "y.png"), thumb_rows=array("q", [0, 2]))
    run = fake_run(embeddings=(known,), media={"x.png": b"x", "y.png": b"y"})
    blocks = embeddings.build(run, diagnose(run)).blocks
    chart, grid = blocks[-2:]

    assert isinstance(grid, ImageGrid)
    assert [item.title for item in grid.items] == ["1: a", "2: a"]
    assert [(mark.x, mark.text) for mark in chart.marks] == [(0.0, "1"), (2.0, "2")]


def test_several_steps_share_a_switch_and_only_the_last_says_names():
    run = fake_run(embeddings=(embedding(["a", "b"], 9), embedding(["a", "b"], 3)))
    (steps,) = embeddings.build(run, diagnose(run)).blocks

    assert isinstance(steps, Steps)
    first, last = (slide.blocks[0] for slide in steps.slides)
    assert first.groups[0].labels == ()
    assert last.groups[0].labels != ()


def test_without_a_projection_the_size_is_told():
    run = fake_run(embeddings=(Embedding("e", Stamp(1), "", 0, 4, notes=("It is empty.",)),))
    blocks = embeddings.build(run, diagnose(run)).blocks

    assert isinstance(blocks[-1], Text)
    assert blocks[-1].text == "0 rows of 4 numbers. It is empty."


def test_few_rows_have_their_names_beside_their_points():
    chart = chart_of(embedding(["odd", "even"] * 10))

    assert [mark.text for mark in chart.marks][:3] == ["file 0", "file 1", "file 2"]  # of the column that tells most
    assert len(chart.marks) == 20
    assert not any(mark.ring for mark in chart.marks)


def test_many_rows_and_rows_without_names_have_none():
    assert chart_of(embedding([f"word {k}" for k in range(41)])).marks == ()
    assert chart_of(embedding(["", "", ""], metadata=(), header=())).marks == ()
