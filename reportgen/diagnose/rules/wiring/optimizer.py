"""Parameters that no optimizer holds, and those that are frozen.

Source: exact, the optimizer's parameter groups against the model's parameters and what its forward calls.
"""

from __future__ import annotations

import re

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed, percent
from reportgen.diagnose.reading.lacking import NO_OPTIMIZER
from reportgen.diagnose.reading.modules import WEIGHTED
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.places import full_name, measured, module_of
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.graph import Graph
from reportgen.run.records import Model, Parameter, Run

ROWS = 8
# A leaf of the graph of autograd, which torchviz paints blue, whose label is its shape alone.
NAMELESS = re.compile(r'label="\n \([^"]*\)" fillcolor=lightblue')


def missing_from_optimizer(run: Run) -> list[Finding] | Unchecked:
    """A trainable parameter is in no parameter group of the watched optimizers.

    It is a remark where the last layer is trained and the run came out well: who trains a head alone may leave the body
    out of the optimizer rather than freeze it.
    """
    held = [model for model in run.models if model.optimizers]
    if not held:
        return NO_OPTIMIZER
    return [finding for model in held for finding in (*_of(run, model), *_unregistered(run, model))]


def _of(run: Run, model: Model) -> list[Finding]:
    trainable = [p for p in model.parameters if p.trainable and not p.tied_to and p.numel]
    missing = [p for p in trainable if p.group is None]
    # An optimizer that is not watched may hold them: then they move, and nothing is wrong.
    still = [p for p in missing if not _moved(run, full_name(run, model, p.name))]
    if not still:
        return []
    if len(still) == len(trainable) and not any(p.group is not None for p in model.parameters):
        return [_of_another(model, still)]
    modules = list(dict.fromkeys(module_of(p.name) or model.name for p in still))
    numbers = sum(p.numel for p in still)
    total = sum(p.numel for p in trainable)
    one = len(modules) == 1
    optimizer = model.optimizers[0]
    came = outcome(run)
    # Nobody leaves the layer that gives the outputs as it began.
    meant = came.fine and came.good is True and trainable[-1] not in still
    return [
        Finding(
            id="optimizer_missing_params",
            tier="fact",
            severity="info" if meant else "error",
            title=f"{listed(modules)} {'is' if one else 'are'} never trained: the optimizer does not hold "
            f"{'its' if one else 'their'} parameters",
            why=f"{count(len(still))} of {counted(len(trainable), 'trainable parameter')} "
            f"({count(numbers)} of {count(total)} numbers) {'is' if len(still) == 1 else 'are'} in no parameter group "
            "of the watched optimizer, so they keep their first values."
            + (" The run came out well all the same." if meant else ""),
            fix="Nothing to do, if they are meant to stay as they are: requires_grad set to False then saves their "
            "gradients. Else give the optimizer all parameters."
            if meant
            else "Give the optimizer all parameters, and make it after the last change of the model's layers. "
            "Parameters that are meant to stay as they are: set requires_grad to False.",
            code=f"- optimizer = {optimizer}(some_of(model).parameters(), ...)\n"
            f"+ optimizer = {optimizer}(model.parameters(), ...)",
            where=Where(model=model.name, module=modules[0], parameter="", step=0),
            value=counted(len(still), "parameter"),
            limit="0",
            evidence=_evidence(still),
            source="exact: the optimizer's parameter groups against model.named_parameters()",
        )
    ]


def _of_another(model: Model, still: list[Parameter]) -> Finding:
    """Of an optimizer that holds none of the model's parameters, but those of another one."""
    optimizer = model.optimizers[0]
    numbers = sum(p.numel for p in still)
    return Finding(
        id="not_updated",
        tier="fact",
        severity="error",
        title=f"{model.name} is never trained: {optimizer} holds none of its parameters",
        why=f"None of its {counted(len(still), 'trainable parameter')} ({count(numbers)} numbers) is in a parameter "
        "group of the watched optimizer, so they keep their first values. It holds those of another model: the model "
        "was made anew, copied, or its parameters were replaced, after the optimizer was made.",
        fix="Make the optimizer after the model that is trained, of its parameters.",
        code=f"- optimizer = {optimizer}(other.parameters(), ...)\n+ optimizer = {optimizer}(model.parameters(), ...)",
        where=Where(model=model.name, step=0),
        value="0 parameters",
        limit=counted(len(still), "parameter"),
        evidence=_evidence(still),
        source="exact: the optimizer's parameter groups against model.named_parameters()",
    )


def _unregistered(run: Run, model: Model) -> list[Finding]:
    """Layers that forward calls, and that the model does not know: kept in a plain list or dict.

    Trainable are those whose parameters the graph of autograd ends in, without a name; and the optimizer holds them
    only if it holds more parameters than the model registers.
    """
    graph = next((graph for graph in run.graphs if graph.model == model.name), None)
    if graph is None or not _nameless(graph):
        return []
    found = [
        node
        for node in graph.nodes
        if node.kind == "module" and node.path.startswith("(") and node.status == "ok" and node.type in WEIGHTED
    ]
    sizes = [size for group in model.groups if isinstance(size := group.get("parameters"), int)]
    registered = len({p.tied_to or p.name for p in model.parameters if p.group is not None})
    if not found or len(sizes) != len(model.groups) or sum(sizes) > registered:
        return []
    names = [node.path for node in found]
    return [
        Finding(
            id="optimizer_missing_params",
            tier="fact",
            severity="error",
            title=f"{counted(len(found), 'layer')} that {model.name} calls {'is' if len(found) == 1 else 'are'} never "
            "trained: the model does not register them",
            why=f"{listed(names)} {'is' if len(found) == 1 else 'are'} kept in a plain list or dict, so that "
            "model.parameters() does not give their parameters, and neither the optimizer, nor .to(), nor state_dict() "
            "knows them. They keep their first values.",
            fix="Keep layers in nn.ModuleList or nn.ModuleDict.",
            code=f"- self.layers = [nn.{found[0].type}(...) for _ in range({len(found)})]\n"
            f"+ self.layers = nn.ModuleList(nn.{found[0].type}(...) for _ in range({len(found)}))",
            where=Where(model=model.name, module=names[0], step=0),
            value=counted(len(found), "layer"),
            limit="0",
            evidence=Table(
                columns=(Column("called, not registered", "code"), Column("settings"), Column("output")),
                rows=tuple(
                    (node.path, node.detail, "×".join(map(str, node.outputs[0].shape)) if node.outputs else "")
                    for node in found[:ROWS]
                ),
                total=len(found),
            ),
            source="exact: modules called in a forward against model.named_modules(); torch.nn.ModuleList",
        )
    ]


def _nameless(graph: Graph) -> bool:
    """Whether the graph of autograd ends in a trainable tensor that is no registered parameter."""
    return bool(NAMELESS.search(graph.autograd))


def frozen(run: Run) -> list[Finding] | Unchecked:
    """Parameters that do not require a gradient: how many, and whether the optimizer holds them all the same."""
    held = [model for model in run.models if model.optimizers]
    if not held:
        return NO_OPTIMIZER
    return [_frozen(run, model) for model in held if any(_is_frozen(p) for p in model.parameters)]


def _is_frozen(parameter: Parameter) -> bool:
    return not parameter.trainable and not parameter.tied_to and bool(parameter.numel)


def _frozen(run: Run, model: Model) -> Finding:
    kept = [p for p in model.parameters if _is_frozen(p)]
    inside = [p for p in kept if p.group is not None]
    total = sum(p.numel for p in model.parameters if not p.tied_to)
    numbers = sum(p.numel for p in kept)
    modules = list(dict.fromkeys(module_of(p.name) or model.name for p in kept))
    came = outcome(run)
    # Of what is given to the optimizer one expects that it is trained; a badly trained run tells that it was not meant.
    doubtful = bool(inside) and came.bad
    return Finding(
        id="frozen_parameters",
        tier="fact",
        severity="warning" if doubtful else "info",
        title=f"{percent(numbers / total)} of the numbers in {model.name} are frozen: {listed(modules)}",
        why=f"{counted(len(kept), 'parameter')} ({count(numbers)} of {count(total)} numbers) do not require a gradient"
        + (f"; {count(len(inside))} of them are in the optimizer, which leaves them as they are." if inside else ".")
        + (f" {came.why}" if doubtful else ""),
        fix="Nothing to do, if it is meant; leave them out of the optimizer then. Else set requires_grad to True."
        if inside
        else "Nothing to do, if it is meant.",
        code=f"- model.{modules[0]}.requires_grad_(False)\n+ model.{modules[0]}.requires_grad_(True)"
        if doubtful and modules[0].replace(".", "").isidentifier()
        else "",
        where=Where(model=model.name, module=modules[0], step=0),
        value=percent(numbers / total),
        limit="",
        evidence=_evidence(kept, "Does not require a gradient."),
        source="exact: requires_grad of each parameter when watching began",
    )


def _moved(run: Run, name: str) -> bool:
    """Whether the parameter was seen to change."""
    if any(value > 0 for value in measured(run, "update_ratio", name).values):
        return True
    norms = set(measured(run, "weight_norm", name).values)
    if len(norms) > 1:
        return True
    series = run.distributions.get("weight", {}).get(name)
    return series is not None and len({(s.total, s.squares) for s in series.snapshots}) > 1


def _evidence(parameters: list[Parameter], caption: str = "In no parameter group.") -> Table:
    return Table(
        columns=(Column("parameter", "code"), Column("shape"), Column("numbers", "count")),
        rows=tuple((p.name, "×".join(map(str, p.shape)) or "scalar", p.numel) for p in parameters[:ROWS]),
        total=len(parameters),
        caption=caption,
    )


RULES = (
    Rule(
        "optimizer_missing_params",
        "The optimizer holds every trainable parameter",
        "fact",
        missing_from_optimizer,
        ids=("not_updated",),
    ),
    Rule("frozen_parameters", "Every parameter is trainable", "fact", frozen),
)
