import dataclasses

import pytest

from reportgen.blocks import Health
from reportgen.figures.graphs.atlas import AROUND, ENOUGH, MOST, cost
from reportgen.testing.graphs import GraphBuilder, resnet, transformer, unet
from tests.figures.graphs.drawn import atlas_of, openable, view


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
    assert sum(cost(tree, plate) + AROUND for plate in made.plates) <= MOST + AROUND


def towers(count, shared=4, own=3):
    """`count` modules that differ in a few layers of their own, and hold the same large parts."""
    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(count):
        with b.module(f"tower{at}", f"Tower{at}"):
            for k in range(own):
                x = b.layer(f"own{k}", f"Own{at}", x, parameters=20)
                with b.module(f"part{k}", f"Part{k}"):
                    for j in range(shared):
                        x = b.layer(f"l{j}", f"Kind{j}", x, parameters=30 + at)
    b.output(x)
    return b.graph()


def test_where_all_would_be_too_large_what_modules_have_in_common_is_drawn_once():
    tree, few = atlas_of(towers(8))
    assert {tree.nodes[plate.sketch.scope].type for plate in few.plates[1:]} == {f"Tower{k}" for k in range(8)}
    tree, many = atlas_of(towers(22))
    types = [tree.nodes[plate.sketch.scope].type for plate in many.plates[1:]]
    assert sorted(types) == sorted([*(f"Tower{k}" for k in range(22)), "Part0", "Part1", "Part2"])
    assert many.missing == ()
    assert openable(tree, many) <= set(many.drawings)
    shown = view(towers(22))
    assert not [note for note in shown.notes if "The inside is not drawn" in note]
    assert sum(len(picture.markup.encode()) for picture in shown.pictures) < 1.1 * MOST


def test_a_module_with_something_marked_inside_is_shown_by_its_like_rather_than_not_at_all():
    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(14):
        with b.module(f"stage{at}", "Stage"):
            for j in range(5):
                with b.module(f"block{j}", "Block"):
                    for k in range(8):
                        x = b.layer(f"l{k}", f"Kind{k}", x, parameters=20)
    b.output(x)
    ill = {f"stage{at}.block{j}.l3": Health("high", f"dead {j} %") for at in range(14) for j in range(5)}
    tree, made = atlas_of(b.graph(), ill)
    assert made.missing == ()
    stood_for = [(p, plate.sketch.scope) for plate in made.plates for p in plate.built]
    assert stood_for
    assert all(tree.nodes[p].type == tree.nodes[scope].type for p, scope in stood_for)
    assert openable(tree, made) <= set(made.drawings)
    told = [picture.detail for picture in view(b.graph(), health=ill).pictures]
    assert any("but for its sizes and what is marked the same as stage" in detail for detail in told)


def test_a_failed_module_is_never_shown_by_one_that_did_not_fail():
    graph = parts(38, 19, width=20)
    at = {"", "part37", "part37.l5"}
    nodes = tuple(dataclasses.replace(n, status="failed") if n.path in at else n for n in graph.nodes)
    tree, made = atlas_of(dataclasses.replace(graph, nodes=nodes))
    failed = {p for p, node in enumerate(tree.nodes) if node.status == "failed"}
    for plate in made.plates:
        assert failed.isdisjoint((*plate.twins, *plate.alike, *plate.built)) or plate.sketch.scope in failed
