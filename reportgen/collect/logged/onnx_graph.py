"""A model in an ONNX file as a graph. Needs the package onnx."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec

ROOT = "m0"
MOST_NODES = 5000
LONGEST_DETAIL = 300


def onnx_graph(path: str | os.PathLike[str]) -> Graph:
    """The graph of the model in `path`: an operation for each node, edges with the shapes that are known.

    Weights in files beside it are not read. The bodies of loops and conditions are not entered. Raises
    ModuleNotFoundError without onnx, what onnx raises for a file it cannot read, and OSError.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "add_onnx_graph needs the package onnx: install it, or reportgen with its extra [onnx]", name="onnx"
        ) from error
    model = onnx.load(os.fspath(path), load_external_data=False)
    try:
        model = onnx.shape_inference.infer_shapes(model)
    except Exception:  # noqa: BLE001 - shapes are a help; an operator it does not know must not cost the graph
        shapes_known = False
    else:
        shapes_known = True
    return _graph(model, os.path.splitext(os.path.basename(os.fspath(path)))[0], shapes_known)  # noqa: PTH119, PTH122


def _graph(model: Any, file: str, shapes_known: bool) -> Graph:
    graph = model.graph
    weights = {one.name: _size(one.dims) for one in graph.initializer}
    specs = {one.name: _spec(one) for one in (*graph.input, *graph.output, *graph.value_info)}
    inputs = [one.name for one in graph.input if one.name not in weights]
    outputs = [one.name for one in graph.output]
    nodes, edges = [], []
    sources: dict[str, str] = {}
    for place, name in enumerate(inputs):
        nodes.append(GraphNode(f"i{place}", "input", name, "input", outputs=(specs[name],), leaf=True))
        sources[name] = f"i{place}"
    notes = [] if shapes_known else ["onnx could not infer the shapes between the operations."]
    owned: set[str] = set()
    shown = list(graph.node)[:MOST_NODES]
    if len(shown) < len(graph.node):
        notes.append(f"The first {len(shown):,} of {len(graph.node):,} operations are kept.")
    if any(attribute.HasField("g") for node in shown for attribute in node.attribute):
        notes.append("The bodies of loops and conditions are not drawn.")
    for place, node in enumerate(shown):
        key = f"o{place}"
        own = [name for name in node.input if name in weights and name not in owned]
        owned.update(own)
        taken = [name for name in node.input if name and name not in weights]
        nodes.append(
            GraphNode(
                key, "operation", node.name or node.op_type, node.op_type, parent=ROOT,
                inputs=tuple(specs.get(name, UNKNOWN) for name in taken),
                outputs=tuple(specs.get(name, UNKNOWN) for name in node.output if name),
                parameters=sum(weights[name] for name in own), training=False, detail=_detail(node.attribute),
            )
        )  # fmt: skip
        edges += [GraphEdge(sources[name], key, specs.get(name, UNKNOWN)) for name in taken if name in sources]
        sources.update((name, key) for name in node.output if name)
    for place, name in enumerate(outputs):
        nodes.append(GraphNode(f"r{place}", "output", name, "output", inputs=(specs[name],), leaf=True))
        if name in sources:
            edges.append(GraphEdge(sources[name], f"r{place}", specs[name]))
    total = sum(weights.values())
    root = GraphNode(
        ROOT, "module", "", graph.name or "ONNX model", leaf=False, training=False,
        inputs=tuple(specs[name] for name in inputs), outputs=tuple(specs[name] for name in outputs),
    )  # fmt: skip
    version = ", ".join(f"{one.domain or 'ai.onnx'} {one.version}" for one in model.opset_import)
    return Graph(
        model=file, captured=f"an ONNX file ({version})", nodes=(root, *nodes), edges=tuple(edges), operations=True,
        parameters=total, trainable=0, autograd_note="An ONNX file has no autograd graph.", notes=tuple(notes),
    )  # fmt: skip


UNKNOWN = TensorSpec((), "")


def _spec(value: Any) -> TensorSpec:
    """Shape and dtype of a value; a size that is not fixed is -1."""
    import onnx

    kind = value.type.tensor_type
    shape = tuple(size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim)
    names = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
    names.update({onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"})
    return TensorSpec(shape, names.get(kind.elem_type, ""), value.name)


def _size(dims: Iterable[int]) -> int:
    product = 1
    for size in dims:
        product *= size
    return product


def _detail(attributes: Iterable[Any]) -> str:
    import onnx

    parts = []
    for attribute in attributes:
        if attribute.HasField("g") or attribute.HasField("t"):
            continue
        value = onnx.helper.get_attribute_value(attribute)
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        parts.append(f"{attribute.name}={text}")
    detail = ", ".join(parts)
    return detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…"
