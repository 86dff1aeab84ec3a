"""A model of each family, watched in its first training step: the graph is true, and the step is as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.observing import observe, wrong_edges
from tests.zoo import SMALL


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
def test_the_graph_is_true_and_the_step_as_it_was(case, tmp_path):
    seen = observe(case, tmp_path / "run")
    assert len(seen.graphs) == len(seen.parameters)
    for graph, parameters, trainable, took, made in zip(
        seen.graphs, seen.parameters, seen.trainable, seen.took, seen.made, strict=True
    ):
        assert graph.operations
        assert graph.edges
        assert (graph.parameters, graph.trainable) == (parameters, trainable)
        assert sum(node.parameters for node in graph.nodes) == parameters
        assert wrong_edges(graph, took, made, seen.passed) == []
    assert seen.repeatable
    assert seen.same


def test_what_is_not_true_of_a_graph_is_seen(tmp_path):
    seen = observe(next(case for case in SMALL if case.name == "vae"), tmp_path / "run")
    (graph,), (took,), (made,) = seen.graphs, seen.took, seen.made
    for place, edge in enumerate(graph.edges):
        shape = replace(edge.tensor, shape=(9, 9, 9))
        bent = replace(graph, edges=(*graph.edges[:place], replace(edge, tensor=shape), *graph.edges[place + 1 :]))
        assert wrong_edges(bent, took, made, seen.passed), edge
        assert wrong_edges(bent, took, made, {*seen.passed, (9, 9, 9)}), edge
    for node in graph.nodes:
        if node.kind == "module" and node.leaf and node.path:
            without = replace(graph, edges=tuple(edge for edge in graph.edges if edge.target != node.id))
            assert len(without.edges) == len(graph.edges) or wrong_edges(without, took, made, seen.passed), node
