"""Layers that are put together so that they cannot do much: nothing between them, too much dropout, too small
batches."""

from __future__ import annotations

import re

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import code_number, counted, listed, number, percent
from reportgen.diagnose.reading.flow import VIEWS, Flow, operation_of
from reportgen.diagnose.reading.lacking import NO_GRAPH
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.diagnose.rules.style.static import LINEAR
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Run

ROWS = 8
# What leaves a network of linear layers a linear one. Products of two tensors do not.
_HARMLESS = (
    "dropout dropout1d dropout2d dropout3d Dropout1d Dropout2d Dropout3d add sub sum mean neg avg_pool1d avg_pool2d "
    "avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d AvgPool1d AvgPool2d AvgPool3d "
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d BatchNorm1d BatchNorm2d BatchNorm3d batch_norm linear "
    "conv1d conv2d conv3d pad ZeroPad2d Upsample interpolate Embedding embedding"
)
HARMLESS = VIEWS | frozenset(_HARMLESS.split()) | frozenset(LINEAR)
DROPOUT = re.compile(r"\bp=([\d.]+)")
# Dropout of more than half is unusual (UMLAUT), and of so much leaves little to learn from.
HIGH, HIGHEST = 0.5, 0.7


def missing_nonlinearity(run: Run) -> Judgement:
    """Linear layers follow each other with nothing between them: together they are one."""
    if not run.graphs:
        return NO_GRAPH
    found = []
    for graph in run.graphs:
        flow = Flow(graph)
        pairs = []
        for edge in graph.edges:
            target = flow.nodes.get(edge.target)
            if target is None or target.kind != "module" or target.type not in LINEAR:
                continue
            _, source = flow.given_by(edge)
            if source is not None and source.kind == "module" and source.type in LINEAR:
                pairs.append((source, target))
        if pairs:
            found.append(_linear(run, graph, pairs))
    if found:
        return found
    if not any(sum(node.type in LINEAR for node in graph.nodes) > 1 for graph in run.graphs):
        return NotApplicable("No model has two linear layers.")
    whole = any(graph.fault is None for graph in run.graphs)
    return [] if whole else Unchecked("The forward that would show it failed.")


def _wholly_linear(graph: Graph) -> bool:
    """Whether nothing in the whole graph is nonlinear; False where operations between modules were not recorded."""
    if not graph.operations:
        return False
    inner = [node for node in graph.nodes if node.kind == "operation" or (node.kind == "module" and node.leaf)]
    used = [node for node in inner if node.status == "ok"]
    return all(operation_of(node) in HARMLESS for node in used) and not any(
        name.rstrip("_") not in HARMLESS for edge in graph.edges for name in edge.via
    )


def _linear(run: Run, graph: Graph, pairs: list[tuple[GraphNode, GraphNode]]) -> Finding:
    whole = _wholly_linear(graph)
    came = outcome(run)
    first, second = pairs[0]
    return Finding(
        id="missing_nonlinearity",
        tier="fact",
        severity="warning" if whole and came.bad else "info",
        title=f"{graph.model} has no nonlinearity: {counted(len(pairs) + 1, 'linear layer')} in a row are one"
        if whole
        else f"Nothing stands between {first.path} and {second.path}: two linear layers in a row are one",
        why="A linear map of a linear map is a linear map, so the second layer adds nothing that the first could not do"
        + (f", and the model can only tell apart what a straight line can. {came.why}" if whole and came.bad else ".")
        + ("" if whole else " It is meant where the layer between is narrow, as in a low-rank product."),
        fix="Put an activation between them." if whole else "Put an activation between them, if that is not meant.",
        code=_between(first, second),
        where=Where(model=graph.model, module=second.path),
        value=counted(len(pairs), "pair"),
        limit="0",
        evidence=Table(
            columns=(Column("layer", "code"), Column("goes into", "code"), Column("shape between", "code")),
            rows=tuple(
                (source.path, target.path, "×".join(map(str, target.inputs[0].shape)) if target.inputs else "")
                for source, target in pairs[:ROWS]
            ),
            total=len(pairs),
        ),
        source="UMLAUT (missing activation between layers), NeuraLint; exact in the captured forward",
    )


def _between(first: GraphNode, second: GraphNode) -> str:
    names = [node.path.rpartition(".")[2] for node in (first, second)]
    if all(name.isidentifier() for name in names):
        return f"- self.{names[1]}(self.{names[0]}(x))\n+ self.{names[1]}(torch.relu(self.{names[0]}(x)))"
    return f"  nn.{first.type}(...),\n+ nn.ReLU(),\n  nn.{second.type}(...),"


def dropout_too_high(run: Run) -> Judgement:
    """Dropout drops more than half."""
    if not run.graphs:
        return NO_GRAPH
    if not any("Dropout" in node.type for graph in run.graphs for node in graph.nodes):
        return NotApplicable("No dropout is used.")
    found = []
    for graph in run.graphs:
        shares = {
            node.path: float(match.group(1))
            for node in graph.nodes
            if node.kind == "module" and "Dropout" in node.type and (match := DROPOUT.search(node.detail))
        }
        high = {path: share for path, share in shares.items() if share > HIGH}
        if high and not outcome(run).fine:
            found.append(_dropout(run, graph.model, high))
    return found


def _dropout(run: Run, model: str, high: dict[str, float]) -> Finding:
    most = max(high.values())
    came = outcome(run)
    harmful = most >= HIGHEST and (came.untrained or came.bad)
    names = [path for path, share in high.items() if share == most]
    return Finding(
        id="dropout_too_high",
        tier="statistics",
        severity="warning" if harmful else "info",
        title=f"{listed(names)} of {model} {'drops' if len(names) == 1 else 'drop'} {percent(most)} of all features",
        why=f"Of each sample {percent(1 - most)} of the features are left in training, scaled up by "
        f"{number(1 / (1 - most))}, which makes gradients noisy and the network as good as narrower."
        + (f" {came.why}" if harmful else " Values above 0.5 are rarely better.")
        if most < 1
        else "Nothing is left of its input in training.",
        fix="Lower p to between 0.1 and 0.5, and raise it only while training is much better than validation.",
        code=f"- nn.Dropout({code_number(most)})\n+ nn.Dropout(0.3)",
        where=Where(model=model, module=names[0]),
        value=number(most),
        limit=number(HIGHEST if harmful else HIGH),
        evidence=Table(
            columns=(Column("module", "code"), Column("p", "number")),
            rows=tuple(list(high.items())[:ROWS]),
            total=len(high),
        ),
        source="UMLAUT (p above 0.5); a warning only where the run came out badly",
    )


RULES = (
    Rule("missing_nonlinearity", "No two linear layers follow each other", "fact", missing_nonlinearity),
    Rule("dropout_too_high", "Dropout drops at most half", "statistics", dropout_too_high),
)
