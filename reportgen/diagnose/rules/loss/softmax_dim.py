"""A softmax over the batch instead of over the classes: what is given for one sample depends on the others.

Source: Karpathy's recipe (the loss of a sample must depend on its input alone); exact for the batches looked at.
"""

from __future__ import annotations

import re

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import counted, number
from reportgen.diagnose.reading.flow import Flow, graph_of, made_by, operation_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.diagnose.rules.loss.criterion import facts_table, shape_text
from reportgen.run.evidence import ModelUse, TensorFacts
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Run

SHARES = ("softmax", "log_softmax")
# Looks in all of which an output was the same.
FEWEST_LOOKS = 2
SOURCE = "exact: sums over each dimension of outputs; Karpathy, A Recipe for Training Neural Networks"
DIMENSION = re.compile(r"\bdim=(-?\d+)")
# What torch warns of where no dimension was given; of three it takes the first (torch.nn.functional._get_softmax_dim).
IMPLICIT = "Implicit dimension choice"
UNKNOWN = (
    "The model's outputs, and what the loss was given, are not known: call report.watch(model, optimizer, criterion)."
)
NO_SOFTMAX = NotApplicable("No softmax was seen.")


def softmax_wrong_dim(run: Run) -> Judgement:
    """Columns sum to one where rows should, or it is taken over a single number."""
    if not run.evidence.models and not run.evidence.losses:
        return Unchecked(UNKNOWN)
    for use in run.evidence.losses:
        share = _of_one(run, use.model, use.input)
        if share:
            return [_constant(use.model, use.input, share)]
        if _columns(use.input):
            return [_over_batch(use.model, use.input, f"What {use.criterion or use.kind or 'the loss'} is given", "")]
    for model in run.evidence.models:
        for facts in model.outputs:
            share = _of_one(run, model.model, facts)
            if share:
                return [_constant(model.model, facts, share)]
            if _columns(facts) and _keeps_batch(model, facts):
                return [_over_batch(model.model, facts, "The model's output", "")]
            operation = _ends_in_share(run, model, facts)
            if operation:
                return [_over_batch(model.model, facts, f"The model's output comes from {operation}, but", operation)]
    found = _inside(run) or _implicit(run)
    return found if found or _has_softmax(run) else NO_SOFTMAX


def _has_softmax(run: Run) -> bool:
    """Whether there is any: in a graph, or by what the model gave or the loss was given."""
    given = [use.input for use in run.evidence.losses] + [one for use in run.evidence.models for one in use.outputs]
    return (
        any(one.rows_sum_to_one or one.columns_sum_to_one or one.rows_logsumexp_zero for one in given)
        or any(operation_of(node) in SHARES for graph in run.graphs for node in graph.nodes)
        or any(name in SHARES for graph in run.graphs for edge in graph.edges for name in edge.via)
    )


def _of_one(run: Run, model: str, facts: TensorFacts) -> str:
    """The softmax of a single number that made this tensor, which therefore is 1 (0 of a log_softmax) throughout."""
    single = (bool(facts.shape) and facts.shape[-1] == 1) or len(facts.shape) == 1
    if not single or facts.looks < FEWEST_LOOKS or facts.minimum is None or facts.minimum != facts.maximum:
        return ""
    operation = made_by(run, model, facts)[0]
    if operation not in SHARES or facts.minimum != (1.0 if operation == "softmax" else 0.0):
        return ""
    return operation


def _constant(model: str, facts: TensorFacts, operation: str) -> Finding:
    value = number(facts.minimum or 0.0)
    log = "log" in operation
    return Finding(
        id="softmax_wrong_dim",
        tier="fact",
        severity="error",
        title=f"{operation} over a single number: every output of {model} is {value}",
        why=f"In {counted(facts.looks, 'look')} each output, of shape {shape_text(facts.shape)}, was exactly {value}: "
        "a softmax shares 1 among the numbers of its dimension, and of one number it gives that one all. No gradient "
        "passes it, so nothing is learned.",
        fix="For two classes of one output leave it out and use BCEWithLogitsLoss, or take a sigmoid; for more give "
        "the last layer as many outputs as there are classes.",
        code=f"- {operation}(x, dim=1)\n+ " + ("logsigmoid(x)" if log else "sigmoid(x)"),
        where=Where(model=model, module=""),
        value=f"always {value}",
        limit="differs from input to input",
        evidence=facts_table((f"output {shape_text(facts.shape)}", facts)),
        source=SOURCE,
    )


def _columns(facts: TensorFacts) -> bool:
    """Whether its columns, and not its rows, sum to one, with more than one of both."""
    shape = facts.shape
    return facts.columns_sum_to_one and not facts.rows_sum_to_one and len(shape) > 1 and shape[0] > 1 and shape[1] > 1


def _keeps_batch(model: ModelUse, facts: TensorFacts) -> bool:
    """Whether the first dimension of the output is that of an input, and thus of the samples."""
    return any(given.shape[:1] == facts.shape[:1] for given in model.inputs)


def _ends_in_share(run: Run, model: ModelUse, facts: TensorFacts) -> str:
    """The softmax that made this output of two dimensions, although its rows are not normalised."""
    graph = graph_of(run, model.model)
    if graph is None or len(facts.shape) != 2 or facts.shape[1] < 2 or facts.minimum is None or facts.non_finite:
        return ""
    if facts.rows_sum_to_one or facts.rows_logsumexp_zero or not _keeps_batch(model, facts):
        return ""
    flow = Flow(graph)
    outputs = list(flow.outputs())
    if len(outputs) != 1:
        return ""
    edge, _, _ = outputs[0]
    if len(edge.tensor.shape) != 2:
        return ""
    if edge.via:
        return edge.via[-1] if edge.via[-1] in SHARES else ""
    source = flow.nodes.get(edge.source)
    return operation_of(source) if source is not None and operation_of(source) in SHARES else ""


def _over_batch(model: str, facts: TensorFacts, what: str, operation: str) -> Finding:
    rows, columns = facts.shape[:2]
    call = operation or "softmax"
    seen = (
        f"{what} its {counted(rows, 'row')} are not normalised."
        if operation
        else f"{what} sums to 1 along dimension 0, over {counted(rows, 'sample')}, and not along dimension 1, over "
        f"{counted(columns, 'class', 'classes')}."
    )
    return Finding(
        id="softmax_wrong_dim",
        tier="fact",
        severity="error",
        title=f"{call} of {model} is taken over the batch, not over the classes",
        why=f"{seen} So the samples of a batch compete with each other: what is predicted for one changes with the "
        "others, and with the size of the batch.",
        fix="Take it over the dimension of the classes, the last one of (batch, classes).",
        code=f"- torch.{call}(x, dim=0)\n+ torch.{call}(x, dim=1)",
        where=Where(model=model),
        value="dimension 0",
        limit="dimension 1",
        evidence=facts_table((f"output {shape_text(facts.shape)}", facts)),
        source=SOURCE,
    )


def _inside(run: Run) -> list[Finding]:
    """A softmax inside the model, a module or a function, that takes the dimension of the batch."""
    for graph in run.graphs:
        # Samples are along the first dimension if the loss has as many rows: of nodes of a graph, or steps of a
        # sequence, it has others.
        rows = {use.input.shape[0] for use in run.evidence.losses if use.model == graph.model and use.input.shape}
        rows |= {one.batch_size or 0 for one in run.evidence.loaders if one.split.startswith("train")}
        for node in graph.nodes:
            given = DIMENSION.search(node.detail) if operation_of(node) in SHARES and node.inputs else None
            shape = node.inputs[0].shape if node.inputs else ()
            if given is None or len(shape) < 2 or int(given.group(1)) % len(shape) != 0:
                continue
            if graph.batch == shape[0] > 1 and shape[0] not in shape[1:] and shape[0] in rows and shape[1:] != (1,):
                return [
                    _chosen(graph.model, operation_of(node), _module(graph, node), shape, told=f"dim={given.group(1)}")
                ]
    return []


def _module(graph: Graph, node: GraphNode) -> str:
    """The module that it is, or that calls the function."""
    if node.kind == "module":
        return node.path
    return next((one.path for one in graph.nodes if one.id == node.parent), "")


def _implicit(run: Run) -> list[Finding]:
    """torch chose the dimension, and of three takes the first."""
    if not any(IMPLICIT in warning.text for warning in run.evidence.warnings):
        return []
    for graph in run.graphs:
        for node in graph.nodes:
            if operation_of(node) in SHARES and node.inputs and len(node.inputs[0].shape) == 3:
                shape = node.inputs[0].shape
                if graph.batch == shape[0] and shape[0] not in shape[1:]:
                    return [_chosen(graph.model, operation_of(node), _module(graph, node), shape, told="")]
    return []


def _chosen(model: str, operation: str, module: str, shape: tuple[int, ...], told: str) -> Finding:
    """told: the setting, "" where torch chose the dimension."""
    because = (
        f"Its setting is {told}, the dimension of the batch"
        if told
        else "torch warned that no dimension was given. Of a tensor of three dimensions it then takes the first one, "
        "the batch"
    )
    return Finding(
        id="softmax_wrong_dim",
        tier="fact",
        severity="warning",
        title=f"{operation} {f'with {told}' if told else 'without a dimension'} takes that of the batch, of an input "
        f"of shape {shape_text(shape)}",
        why=f"{because}, so that the samples of a batch compete with each other.",
        fix="Give the dimension over which numbers are to sum to 1.",
        code=f"- {operation}(x{f', {told}' if told else ''})\n+ {operation}(x, dim=-1)",
        where=Where(model=model, module=module),
        value="dimension 0",
        limit="dimension -1",
        source=SOURCE if told else "torch.nn.functional.softmax without dim: dimension 0 of three",
    )


RULES = (Rule("softmax_wrong_dim", "Softmax is taken over classes, not over the batch", "fact", softmax_wrong_dim),)
