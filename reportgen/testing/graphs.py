"""Graphs of models of each family, for tests of pictures: as capture would make them, without a model behind them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from reportgen.run.graph import Fault, Graph, GraphEdge, GraphNode, TensorSpec

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """A tensor on its way: who made it, and its shape."""

    source: str
    shape: Shape


class GraphBuilder:
    """Builds a graph call by call, the way a forward goes: modules hold what is called within them."""

    def __init__(self, model: str, timed: bool = False) -> None:
        self._model, self._timed = model, timed
        self._nodes: list[GraphNode] = []
        self._edges: list[GraphEdge] = []
        self._around: list[int] = []
        self._calls: dict[str, int] = {}
        self._nodes.append(GraphNode("m0", "module", "", model, leaf=False))
        self._around.append(0)

    def input(self, shape: Shape, name: str = "x", dtype: str = "float32") -> Flow:
        """An input of the whole."""
        key = f"in{len(self._nodes)}"
        self._nodes.append(GraphNode(key, "input", name, "input", outputs=(TensorSpec(shape, dtype),)))
        return Flow(key, shape)

    def output(self, *flows: Flow) -> None:
        """The outputs of the whole."""
        for at, flow in enumerate(flows):
            spec = TensorSpec(flow.shape, "float32")
            self._nodes.append(GraphNode(f"out{at}", "output", "", "output", outputs=(spec,)))
            self._edges.append(GraphEdge(flow.source, f"out{at}", spec))

    def layer(
        self,
        name: str,
        kind: str,
        flows: Flow | Sequence[Flow],
        shape: Shape | None = None,
        parameters: int = 0,
        detail: str = "",
        status: str = "ok",
    ) -> Flow:
        """A call of a module that calls no other; its output has the first input's shape unless one is given."""
        path = ".".join([*(self._nodes[at].path for at in self._around[-1:] if self._nodes[at].path), name])
        self._calls[path] = call = self._calls.get(path, 0) + 1
        flops = 2 * parameters * math.prod(shape or (1,)[:1]) if parameters else None
        node = GraphNode("", "module", path, kind, call=call, detail=detail, status=status, flops=flops)
        return self._call(dataclasses.replace(node, parameters=parameters if call == 1 else 0), flows, shape)

    def operation(self, name: str, *flows: Flow, shape: Shape | None = None) -> Flow:
        """An operation between modules."""
        return self._call(GraphNode("", "operation", name, name), flows, shape)

    @contextmanager
    def module(self, name: str, kind: str, detail: str = "", status: str = "ok") -> Iterator[None]:
        """A module around all that is called inside the `with`."""
        outer = self._nodes[self._around[-1]]
        path = f"{outer.path}.{name}" if outer.path else name
        self._calls[path] = call = self._calls.get(path, 0) + 1
        self._nodes.append(
            GraphNode(self._key(), "module", path, kind, outer.id, call=call, leaf=False, detail=detail, status=status)
        )
        self._around.append(len(self._nodes) - 1)
        yield
        at = self._around.pop()
        last = self._nodes[-1]
        seconds = sum(n.seconds or 0 for n in self._nodes[at + 1 :] if n.kind == "module" and n.leaf)
        self._nodes[at] = dataclasses.replace(
            self._nodes[at],
            outputs=last.outputs if status == "ok" else (),
            memory=last.memory,
            seconds=seconds if self._timed else None,
        )

    def graph(self, fault: Fault | None = None, **fields: object) -> Graph:
        """The graph so far."""
        nodes = tuple(self._nodes)
        if fault is not None:
            nodes = tuple(dataclasses.replace(n, status="failed") if n.id == "m0" else n for n in nodes)
        parameters = sum(node.parameters for node in nodes)
        given = Graph(
            self._model,
            "the first training forward",
            nodes,
            tuple(self._edges),
            operations=True,
            parameters=parameters,
            trainable=parameters,
            fault=fault,
        )
        return dataclasses.replace(given, **fields)  # type: ignore[arg-type]

    def _key(self) -> str:
        return f"c{len(self._nodes)}"

    def _call(self, node: GraphNode, flows: Flow | Sequence[Flow], shape: Shape | None) -> Flow:
        given = (flows,) if isinstance(flows, Flow) else tuple(flows)
        specs = tuple(TensorSpec(flow.shape, "float32") for flow in given)
        made = shape or (given[0].shape if given else (1,))
        key = self._key()
        ran = node.status == "ok"
        self._nodes.append(
            dataclasses.replace(
                node,
                id=key,
                parent=self._nodes[self._around[-1]].id,
                inputs=specs,
                outputs=(TensorSpec(made, "float32"),) if ran else (),
                memory=4 * math.prod(made) if ran else None,
                seconds=2e-5 + 1e-10 * node.parameters if self._timed and ran and node.kind == "module" else None,
            )
        )
        if node.status != "not called":
            self._edges += [GraphEdge(flow.source, key, spec) for flow, spec in zip(given, specs, strict=True)]
        return Flow(key, made)


def _conv(b: GraphBuilder, name: str, x: Flow, out: int, side: int, size: int = 3, stride: int = 1) -> Flow:
    detail = f"{x.shape[1]}, {out}, kernel_size=({size}, {size}), stride=({stride}, {stride})"
    return b.layer(name, "Conv2d", x, (x.shape[0], out, side, side), x.shape[1] * out * size * size, detail)


def _bottleneck(b: GraphBuilder, name: str, x: Flow, width: int, side: int, stride: int, basic: bool) -> Flow:
    wide = width if basic else 4 * width
    with b.module(name, "BasicBlock" if basic else "Bottleneck"):
        y = x
        steps = [(width, 3), (width, 3)] if basic else [(width, 1), (width, 3), (wide, 1)]
        for at, (out, size) in enumerate(steps, 1):
            y = _conv(b, f"conv{at}", y, out, side, size, stride if size == 3 and at < 3 else 1)
            y = b.layer(f"bn{at}", "BatchNorm2d", y, parameters=2 * out, detail=str(out))
            if at < len(steps):
                y = b.layer("relu", "ReLU", y, detail="inplace=True")
        if x.shape != y.shape:
            with b.module("downsample", "Sequential"):
                x = _conv(b, "0", x, wide, side, 1, stride)
                x = b.layer("1", "BatchNorm2d", x, parameters=2 * wide, detail=str(wide))
        y = b.operation("add_", y, x)
        return b.layer("relu", "ReLU", y, detail="inplace=True")


def resnet(blocks: Sequence[int] = (2, 2, 2, 2), basic: bool = True, timed: bool = False, batch: int = 8) -> Graph:
    """A residual network on 224 x 224 pictures: `resnet()` is like ResNet-18, (3, 8, 36, 3) basic=False like -152."""
    b = GraphBuilder("ResNet", timed)
    x = b.input((batch, 3, 224, 224))
    x = _conv(b, "conv1", x, 64, 112, 7, 2)
    x = b.layer("bn1", "BatchNorm2d", x, parameters=128, detail="64")
    x = b.layer("relu", "ReLU", x, detail="inplace=True")
    x = b.layer("maxpool", "MaxPool2d", x, (batch, 64, 56, 56), detail="kernel_size=3, stride=2")
    for at, count in enumerate(blocks):
        side = 56 >> at
        with b.module(f"layer{at + 1}", "Sequential"):
            for k in range(count):
                x = _bottleneck(b, str(k), x, 64 << at, side, 2 if at and not k else 1, basic)
    x = b.layer("avgpool", "AdaptiveAvgPool2d", x, (batch, x.shape[1], 1, 1), detail="output_size=(1, 1)")
    x = b.operation("flatten", x, shape=(batch, x.shape[1]))
    x = b.layer("fc", "Linear", x, (batch, 1000), x.shape[1] * 1000, f"in_features={x.shape[1]}, out_features=1000")
    b.output(x)
    return b.graph(batch=batch)


def transformer(blocks: int = 12, width: int = 768, timed: bool = False) -> Graph:
    """A decoder as GPT-2 is one; the dropout of its blocks grows with the depth."""
    b = GraphBuilder("GPT", timed)
    tokens = (4, 128, width)
    x = b.input((4, 128), "tokens", "int64")
    p = b.operation("arange", shape=(128,))
    x = b.layer("wte", "Embedding", x, tokens, 50257 * width, f"50257, {width}")
    p = b.layer("wpe", "Embedding", p, (128, width), 1024 * width, f"1024, {width}")
    x = b.operation("add", x, p, shape=tokens)
    for at in range(blocks):
        with b.module(f"h.{at}", "Block"):
            y = b.layer("ln_1", "LayerNorm", x, parameters=2 * width, detail=f"({width},), eps=1e-05")
            with b.module("attn", "CausalSelfAttention"):
                y = b.layer("c_attn", "Linear", y, (4, 128, 3 * width), 3 * width * width)
                parts = [b.operation("split", y, shape=tokens)]
                heads = [
                    b.operation(
                        "transpose", b.operation("view", parts[0], shape=(4, 128, 12, 64)), shape=(4, 12, 128, 64)
                    )
                    for _ in range(3)
                ]
                y = b.operation("scaled_dot_product_attention", *heads)
                y = b.operation("view", b.operation("transpose", y, shape=(4, 128, 12, 64)), shape=tokens)
                y = b.layer("c_proj", "Linear", y, parameters=width * width)
                y = b.layer("drop", "Dropout", y, detail=f"p={round(0.1 * at / max(1, blocks - 1), 3)}")
            x = b.operation("add", x, y)
            y = b.layer("ln_2", "LayerNorm", x, parameters=2 * width, detail=f"({width},), eps=1e-05")
            with b.module("mlp", "MLP"):
                y = b.layer("c_fc", "Linear", y, (4, 128, 4 * width), 4 * width * width)
                y = b.layer("gelu", "GELU", y, detail="approximate='tanh'")
                y = b.layer("c_proj", "Linear", y, tokens, 4 * width * width)
            x = b.operation("add", x, y)
    x = b.layer("ln_f", "LayerNorm", x, parameters=2 * width, detail=f"({width},), eps=1e-05")
    x = b.layer("lm_head", "Linear", x, (4, 128, 50257), width * 50257)
    b.output(x)
    return b.graph(batch=4)


def cell_loop(steps: int = 50) -> Graph:
    """A loop over time steps with an LSTMCell: the same two calls in turn."""
    b = GraphBuilder("Tagger")
    x = b.input((8, steps, 16))
    h, c = b.operation("zeros", shape=(8, 32)), b.operation("zeros", shape=(8, 32))
    made = []
    for _ in range(steps):
        piece = b.operation("getitem", x, shape=(8, 16))
        h = c = b.layer("cell", "LSTMCell", (piece, h, c), (8, 32), 6400, "16, 32")
        made.append(h)
    y = b.operation("stack", *made, shape=(8, steps, 32))
    b.output(b.layer("head", "Linear", y, (8, steps, 5), 165))
    return b.graph(batch=8)


def unet(depth: int = 4) -> Graph:
    """A U-Net: what each level down makes is also taken on the way up."""
    b = GraphBuilder("UNet")
    x = b.input((2, 3, 128, 128))

    def double(name: str, x: Flow, out: int) -> Flow:
        with b.module(name, "DoubleConv"):
            for at in range(2):
                x = _conv(b, f"conv{at}", x, out, x.shape[2])
                x = b.layer(f"bn{at}", "BatchNorm2d", x, parameters=2 * out)
                x = b.layer("act", "ReLU", x)
        return x

    kept = []
    for at in range(depth):
        x = double(f"down.{at}", x, 32 << at)
        kept.append(x)
        side = x.shape[2] // 2
        x = b.layer("pool", "MaxPool2d", x, (2, x.shape[1], side, side))
    x = double("middle", x, 32 << depth)
    for at in range(depth):
        skip = kept.pop()
        x = b.layer(f"up.{at}", "ConvTranspose2d", x, skip.shape, 4 * x.shape[1] * skip.shape[1])
        x = b.operation("cat", x, skip, shape=(2, 2 * skip.shape[1], *skip.shape[2:]))
        x = double(f"merge.{at}", x, skip.shape[1])
    b.output(_conv(b, "head", x, 1, 128, 1))
    return b.graph(batch=2)


def failed() -> Graph:
    """A small network for digits that stops in its first linear layer, which expects more than arrives."""
    b = GraphBuilder("Net")
    x = b.input((32, 1, 28, 28))
    x = _conv(b, "conv1", x, 32, 26)
    x = b.operation("relu", x)
    x = b.operation("max_pool2d", x, shape=(32, 32, 13, 13))
    x = _conv(b, "conv2", x, 64, 11)
    x = b.operation("relu", x)
    x = b.operation("max_pool2d", x, shape=(32, 64, 5, 5))
    x = b.operation("flatten", x, shape=(32, 1600))
    x = b.layer("fc1", "Linear", x, None, 401536, "in_features=3136, out_features=128", status="failed")
    b.layer("dropout", "Dropout", (), None, 0, "p=0.5", status="not called")
    b.layer("fc2", "Linear", (), None, 1290, "in_features=128, out_features=10", status="not called")
    got = (TensorSpec((32, 1600), "float32"),)
    change = "Change in_features of fc1 from 3,136 to 1,600."
    return b.graph(
        Fault("fc1", "Linear", got, "3,136 features in the last dimension", change, "nn.Linear(1600, 128)"), batch=32
    )


def chain(count: int, kind: Callable[[int], str] = lambda at: "Linear", path: str = "layers.{}") -> Graph:
    """`count` layers one after the other, of the class that `kind` names."""
    b = GraphBuilder("Chain")
    x = b.input((4, 16))
    for at in range(count):
        x = b.layer(path.format(at), kind(at), x, parameters=272)
    b.output(x)
    return b.graph(batch=4)


def operations(count: int) -> Graph:
    """`count` operations of seventeen names without any order to them, as a long functional program has."""
    b = GraphBuilder("Program")
    flows = [b.input((4, 16))]
    state = 1
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        given = [flows[-1]] if state % 3 else [flows[-1], flows[-1 - (state >> 8) % min(len(flows), 20)]]
        flows.append(b.operation(f"op{(state >> 12) % 17}", *given))
    b.output(flows[-1])
    return b.graph()


def unseen(graph: Graph) -> Graph:
    """What is recorded of the same model where not one call is seen, as of a compiled one: its layers, no edges."""
    layers = {node.path: node for node in graph.nodes if node.kind == "module" and node.leaf}
    nodes = tuple(
        GraphNode(
            f"m{at}",
            "module",
            path,
            node.type,
            call=0,
            parameters=node.parameters,
            status="not called",
            detail=node.detail,
        )
        for at, (path, node) in enumerate(layers.items())
    )
    return dataclasses.replace(
        graph,
        captured="nothing: torch.compile is used",
        nodes=nodes,
        edges=(),
        operations=False,
        flops=None,
        batch=None,
    )
