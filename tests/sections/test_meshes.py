"""Meshes and clouds of points."""

from array import array

from reportgen.blocks import MeshViews, Steps
from reportgen.diagnose import diagnose
from reportgen.run.logged import Mesh
from reportgen.run.series import Stamp
from reportgen.sections import meshes
from reportgen.testing import fake_run


def blocks(*known, **fields):
    run = fake_run(meshes=known, **fields)
    view = meshes.build(run, diagnose(run))
    return view.blocks if view is not None else None


def test_a_mesh_has_points_colours_and_triangles():
    points, shades = array("f", [0, 0, 0, 1, 0, 0, 0, 1, 0]), array("q", [255, 0, 0] * 3)
    (views,) = blocks(Mesh("m", Stamp(5), "", 3, 1, points=points, shades=shades, triangles=array("q", [0, 1, 2])))

    assert views == MeshViews(
        ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        "Step 5, 3 vertices, 1 triangle. Extent: x 0 to 1, y 0 to 1, z 0.",
        "m",
        ((255, 0, 0),) * 3,
        ((0, 1, 2),),
    )


def test_what_is_not_drawn_is_told():
    (views,) = blocks(Mesh("m", Stamp(5), "", 5000, 800, points=array("f", [0.0] * 6), notes=("Odd",)))

    assert views.caption == "Step 5, 2 of 5,000 vertices drawn, 800 triangles, not drawn. Extent: x 0, y 0, z 0. Odd."


def test_those_of_a_batch_stand_together_at_each_step():
    known = [
        Mesh("m", Stamp(step), "", 1, index=index, of=2, points=array("f", [0, 0, 0]))
        for step in (2, 1)
        for index in (0, 1)
    ]
    (steps,) = blocks(*known, moments={"meshes": {"m": 50}})

    assert isinstance(steps, Steps)
    assert [slide.label for slide in steps.slides] == ["step 1", "step 2"]
    assert [view.caption for view in steps.slides[0].blocks] == [
        "1 of 2 in the batch, 1 vertex. Extent: x 0, y 0, z 0.",
        "2 of 2 in the batch, 1 vertex. Extent: x 0, y 0, z 0.",
    ]
    assert steps.caption == "2 of 50 steps are kept, the first and the last among them."


def test_a_triangle_of_unknown_vertices_is_left_out():
    known = Mesh("m", Stamp(5), "", 1, 1, points=array("f", [0, 0, 0]), triangles=array("q", [0, 1, 2]))

    assert blocks(known)[0].triangles == ()


def test_no_mesh_no_section():
    assert blocks() is None


def test_those_of_a_batch_at_the_only_step_say_in_their_titles_which_they_are():
    known = [Mesh("m", Stamp(1), "", 1, index=index, of=2, points=array("f", [0, 0, 0])) for index in (0, 1)]

    assert [view.title for view in blocks(*known)] == ["m, 1 of 2", "m, 2 of 2"]
