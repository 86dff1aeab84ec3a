"""A model of each family, watched in its first training step: the graph is true, and the step is as it was."""

from __future__ import annotations

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
        assert wrong_edges(graph, took, made) == []
    assert seen.repeatable
    assert seen.same
