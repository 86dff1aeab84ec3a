"""A graph of a small network, as it is captured, and as it is drawn."""

from __future__ import annotations

from reportgen.blocks import GraphDrawing
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec


def graph(blocks: int = 3) -> Graph:
    """A residual network of `blocks` blocks."""
    spec = TensorSpec((32, 16, 26, 26), "float32")
    nodes = [
        GraphNode("i0", "input", "x", "Tensor", outputs=(TensorSpec((32, 1, 28, 28), "float32"),)),
        GraphNode("m0", "module", "", "Net", leaf=False),
        GraphNode(
            "m1", "module", "conv1", "Conv2d", "m0", outputs=(spec,), parameters=320, detail="1, 16, kernel_size=3"
        ),
    ]
    edges = [GraphEdge("i0", "m1", TensorSpec((32, 1, 28, 28), "float32"))]
    last = "m1"
    for at in range(blocks):
        block, conv, norm, act, second = (f"b{at}{part}" for part in ("", "c", "n", "r", "d"))
        nodes.append(GraphNode(block, "module", f"layer.{at}", "BasicBlock", "m0", outputs=(spec,), leaf=False))
        for name, path, kind, amount in [
            (conv, "conv1", "Conv2d", 2320),
            (norm, "bn1", "BatchNorm2d", 32),
            (act, "relu", "ReLU", 0),
            (second, "conv2", "Conv2d", 2320),
        ]:
            nodes.append(
                GraphNode(name, "module", f"layer.{at}.{path}", kind, block, outputs=(spec,), parameters=amount)
            )
        edges += [GraphEdge(a, b, spec) for a, b in [(last, conv), (conv, norm), (norm, act), (act, second)]]
        if at:
            edges.append(GraphEdge(last, second, spec, ("add",)))
        last = second
    nodes += [
        GraphNode("f1", "module", "fc1", "Linear", "m0", outputs=(TensorSpec((32, 128), "float32"),), parameters=73856),
        GraphNode("f2", "module", "fc2", "Linear", "m0", parameters=1290, status="failed"),
        GraphNode("f3", "module", "fc3", "Linear", "m0", parameters=1290, status="not called"),
    ]
    edges += [GraphEdge(last, "f1", spec, ("relu", "max_pool2d", "flatten")), GraphEdge("f1", "f2", spec)]
    return Graph(
        "Net",
        "the first training forward",
        tuple(nodes),
        tuple(edges),
        parameters=80106,
        autograd=AUTOGRAD,
        autograd_nodes=4,
    )


AUTOGRAD = """digraph {
	graph [size="12,12"]
	node [align=left fontname=monospace fontsize=10 height=0.2 ranksep=0.1 shape=box style=filled]
	1 [label="
 ()" fillcolor=darkolivegreen1]
	2 [label=SumBackward0]
	3 -> 2
	3 [label=AddmmBackward0]
	4 [label="0.bias
 (4)" fillcolor=lightblue]
	4 -> 3
	2 -> 1
}
"""


def drawing(blocks: int = 3) -> GraphDrawing:
    links = {"fc1": "layer-fc1", "fc2": "layer-fc2", "conv1": "layer-conv1"}
    return GraphDrawing("Net", graph(blocks), "How tensors flow through the modules.", "graph-net", links)


def autograd_drawing() -> GraphDrawing:
    return GraphDrawing("Autograd", graph(), "What the backward pass goes through.", "autograd-net", autograd=True)
