"""Units that no longer pass anything on: dead or saturated.

Sources: SageMaker Debugger (DeadRelu, more than half of a layer; SaturatedActivation). In healthy small networks up to
46 % of a layer's ReLUs are dead, and outputs of a last sigmoid saturate.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import listed, percent
from reportgen.diagnose.reading.flow import VIEWS, graph_of, operation_of, plain
from reportgen.diagnose.reading.layers import attribute
from reportgen.diagnose.reading.learning_rates import slower
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.places import full_name
from reportgen.diagnose.reading.units import FROM_START, Module, looked, over, shares_chart, unlooked
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.graph import Graph
from reportgen.run.records import Run

DEAD, SATURATED, NEARLY_ALL = 0.5, 0.6, 0.9


ONLY_LAST = NotApplicable("Only outputs or gates have a sigmoid or tanh.")


def dead_relu(run: Run) -> Judgement:
    """More than half of a layer's ReLUs give 0 for every sample of the batches looked at; no good run."""
    if not looked(run):
        return unlooked(run)
    if not run.measures.get("dead_share"):
        return _uncounted(run, ("relu", "relu6"), "ReLU")
    found = over(run, "dead_share", DEAD)
    result = outcome(run)
    if not found:
        return _ended(run) or []
    worst = max(found, key=lambda each: each.share)
    # The section of layers marks the number all the same; a run that came out well needs no advice.
    if result.fine:
        return NotApplicable(f"{percent(worst.share)} of the ReLUs of {worst.called} are dead, {result.ended}.")
    start = worst.start > DEAD
    others = f", {listed([each.called for each in found if each is not worst])} too" if len(found) > 1 else ""
    return [
        Finding(
            id="dead_relu",
            tier="statistics",
            severity="warning" if result.untrained else "info",
            title=f"{percent(worst.share)} of the ReLUs of {worst.called} are dead{others}",
            why="They give 0 for every sample of the batches looked at, so that no gradient reaches their weights and "
            "they cannot come back. "
            + (
                f"It was so from the first step ({percent(worst.start)})."
                if start
                else f"At the first step it was {percent(worst.start)}: the updates since have pushed them below zero."
            ),
            fix="Begin with biases of 0 and He initialisation, or use LeakyReLU."
            if start
            else "Lower the learning rate or warm it up, clip gradients, or use LeakyReLU.",
            code=_biases(worst) if start else slower(run) or "- nn.ReLU()\n+ nn.LeakyReLU(0.01)",
            where=Where(model=worst.model.name if worst.model else "", module=worst.name, step=worst.since(DEAD)),
            value=percent(worst.share),
            share=worst.share,
            limit=percent(DEAD),
            evidence=shares_chart(found, "dead", DEAD),
            source="SageMaker Debugger, rule DeadRelu; exact zeros over whole batches",
            since=worst.since(DEAD),
        )
    ]


def _ended(run: Run) -> NotApplicable | None:
    """That most ReLUs of a layer were dead at the last look, which the page shows, while they were not before."""
    ended = [each for each in over(run, "dead_share", -1.0) if each.series.last > DEAD]
    if not ended:
        return None
    worst = max(ended, key=lambda each: each.series.last)
    said = f"{percent(worst.series.last)} of the ReLUs of {worst.called} were dead at the last look"
    return NotApplicable(f"{said}, but {percent(worst.share)} in the median of the later half.")


def _biases(module: Module) -> str:
    """Zeros for the biases of the layer before a ReLU: the last with a bias, in the order of registration."""
    before = "layer.bias"
    if module.model is not None:
        path = module.name.removeprefix(f"{module.model.name}/")
        names = list(module.model.modules)
        upto = set(names[: names.index(path) + 1]) if path in names else set()
        held = [
            p.name for p in module.model.parameters if p.name.endswith("bias") and p.name.rpartition(".")[0] in upto
        ]
        before = attribute(held[-1]) if held else before
    return f"torch.nn.init.zeros_({before})"


def saturated(run: Run) -> Judgement:
    """More than 60 % of what a hidden sigmoid or tanh gives lies within 3 % of its bounds; no good run."""
    if not looked(run):
        return unlooked(run)
    if not run.measures.get("saturated_share"):
        return _uncounted(run, ("sigmoid", "tanh"), "sigmoid or tanh")
    found = [
        each
        for each in over(run, "saturated_share", SATURATED)
        if not _ends_or_gates(run, each) and each.name not in _last(run)
    ]
    if not found:
        return [] if _hidden(run) else ONLY_LAST
    worst = max(found, key=lambda each: each.share)
    result = outcome(run)
    from_start = worst.start > NEARLY_ALL
    harmful = result.untrained or (from_start and result.mediocre)
    if result.fine and not harmful:
        return NotApplicable(f"{percent(worst.share)} of what {worst.called} gives is at its bounds, {result.ended}.")
    return [
        Finding(
            id="saturated_activation",
            tier="statistics",
            severity="warning" if harmful else "info",
            title=f"{percent(worst.share)} of what {worst.called} gives is at its bounds",
            why="There the slope is near 0, and little of the gradient passes to the layers before. "
            + (
                "It was so from the first step: inputs or weights are too large."
                if worst.start > FROM_START
                else f"At the first step it was {percent(worst.start)}; the weights have grown since."
            ),
            fix="Standardise the inputs, begin with smaller weights (Xavier), normalise before the activation, or "
            "lower the learning rate.",
            code="x = (x - mean) / std" if worst.start > FROM_START else slower(run),
            where=Where(model=worst.model.name if worst.model else "", module=worst.name, step=worst.since(SATURATED)),
            value=percent(worst.share),
            limit=percent(SATURATED),
            evidence=shares_chart(found, "at the bounds", SATURATED),
            source="after SageMaker Debugger, rule SaturatedActivation: within 3 % of the range for 60 %",
            since=worst.since(SATURATED),
        )
    ]


def _uncounted(run: Run, operations: tuple[str, ...], name: str) -> NotApplicable | Unchecked:
    """Why no share of such units is known: none is there, or their outputs cannot be seen."""
    if any(_calls(graph, operations) for graph in run.graphs):
        return Unchecked(f"{name} is used as a function, after what is no layer, where its outputs are not looked at.")
    return NotApplicable(f"No {name} was seen.")


def _calls(graph: Graph, operations: tuple[str, ...]) -> bool:
    """Whether a forward calls one of `operations`, as a module or as a function."""
    if any(operation_of(node) in operations for node in graph.nodes if node.status == "ok"):
        return True
    return any(plain(name) in operations for edge in graph.edges for name in edge.via)


def _hidden(run: Run) -> bool:
    """Whether any sigmoid or tanh that was looked at is neither the last operation nor a gate."""
    others = {
        each.name for each in over(run, "saturated_share", -1.0) if _ends_or_gates(run, each) or each.name in _last(run)
    }
    return not others.issuperset(run.measures["saturated_share"])


def _last(run: Run) -> set[str]:
    """The names of modules that are registered last, where no graph tells which gives the output."""
    return {
        full_name(run, model, list(model.modules)[-1])
        for model in run.models
        if model.modules and graph_of(run, model.name) is None
    }


def _ends_or_gates(run: Run, module: Module) -> bool:
    """Whether the graph shows that it gives the model's output, or is multiplied with something, as a gate is."""
    graph = graph_of(run, module.model.name) if module.model else None
    if graph is None or module.model is None:
        return False
    path = module.name.removeprefix(f"{module.model.name}/") if len(run.models) > 1 else module.name
    begin = [node.id for node in graph.nodes if node.kind == "module" and node.path == path]
    return any(_leads(graph, node) for node in begin)


def _leads(graph: Graph, start: str) -> bool:
    nodes = {node.id: node for node in graph.nodes}
    waiting, seen = [start], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        for edge in graph.edges:
            target = nodes.get(edge.target)
            if edge.source != at or target is None:
                continue
            passed = [name.rstrip("_") for name in edge.via]
            if "mul" in passed:
                return True
            if any(name not in VIEWS and name not in ("sigmoid", "tanh") for name in passed):
                continue
            operation = operation_of(target)
            if target.kind == "output" or operation == "mul":
                return True
            if operation in VIEWS or operation in ("sigmoid", "tanh"):
                waiting.append(target.id)
    return False


RULES = (
    Rule("dead_relu", "Most ReLUs are alive", "statistics", dead_relu),
    Rule("saturated_activation", "Hidden sigmoids and tanhs are not at their bounds", "statistics", saturated),
)
