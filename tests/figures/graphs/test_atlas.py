import pytest

from reportgen.figures.graphs.atlas import ENOUGH, MOST, atlas, cost
from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.signature import signatures
from reportgen.figures.graphs.sketch import Sketcher
from reportgen.testing.graphs import GraphBuilder, resnet, transformer, unet
from tests.figures.graphs.drawn import view


def atlas_of(graph):
    tree = Hierarchy(graph)
    notes = Notes(tree, {}, {}, {})
    same = signatures(tree, notes.marked)
    return tree, atlas(tree, same, Sketcher(tree, same, notes.opened, notes.marked), "inside", lambda name: name)


def parts(count, kinds, width=12):
    """`count` modules of `width` layers; modules of one of the `kinds` differ in size only."""
    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(count):
        with b.module(f"part{at}", f"Part{at % kinds}"):
            for k in range(width):
                x = b.layer(f"l{k}", f"Kind{k}", x, parameters=20 + at)
    b.output(x)
    return b.graph()


@pytest.mark.parametrize(
    "graph",
    [resnet(timed=True), resnet((3, 8, 36, 3), basic=False, timed=True), transformer(48, timed=True), unet()],
    ids=["resnet18", "resnet152", "gpt", "unet"],
)
def test_what_a_picture_costs_is_known_before_it_is_drawn(graph):
    tree, made = atlas_of(graph)
    shown = view(graph)
    assert len(made.plates) == len(shown.pictures)
    for plate, picture in zip(made.plates, shown.pictures, strict=True):
        assert cost(tree, plate) == pytest.approx(len(picture.markup.encode()), rel=0.35)


def test_every_structure_is_drawn_before_another_size_of_one():
    tree, made = atlas_of(parts(20, 4))
    types = {tree.nodes[plate.sketch.scope].type for plate in made.plates[1:]}
    assert types == {"Part0", "Part1", "Part2", "Part3"}
    assert 4 < len(made.plates) - 1 < 20
    shown = {p for plate in made.plates[1:] for p in (plate.sketch.scope, *plate.alike)}
    assert len(shown) == 20
    assert set(made.drawings) == shown
    assert made.missing == ()
    assert sum(cost(tree, plate) for plate in made.plates) <= ENOUGH


def test_a_picture_of_another_size_says_so():
    shown = view(parts(20, 4))
    told = [picture.detail for picture in shown.pictures if "but for its sizes the same as part" in picture.detail]
    assert told


def test_structures_beyond_the_limit_are_named():
    tree, made = atlas_of(parts(38, 38, width=20))
    assert made.missing
    assert len(made.plates) - 1 + len(made.missing) == 38
    assert sum(cost(tree, plate) for plate in made.plates) <= MOST
