"""Parameters that no optimizer holds."""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.places import full_name, measured, module_of
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.records import Model, Parameter, Run

ROWS = 8


def missing_from_optimizer(run: Run) -> list[Finding] | Unchecked:
    """A trainable parameter is in no parameter group of the watched optimizers."""
    held = [model for model in run.models if model.optimizers]
    if not held:
        return Unchecked("No optimizer was watched: call report.watch(model, optimizer).")
    return [finding for model in held for finding in _of(run, model)]


def _of(run: Run, model: Model) -> list[Finding]:
    trainable = [p for p in model.parameters if p.trainable and not p.tied_to and p.numel]
    missing = [p for p in trainable if p.group is None]
    # An optimizer that is not watched may hold them: then they move, and nothing is wrong.
    still = [p for p in missing if not _moved(run, full_name(run, model, p.name))]
    if not still:
        return []
    modules = list(dict.fromkeys(module_of(p.name) or model.name for p in still))
    numbers = sum(p.numel for p in still)
    total = sum(p.numel for p in trainable)
    one = len(modules) == 1
    optimizer = model.optimizers[0]
    return [
        Finding(
            id="optimizer_missing_params",
            tier="fact",
            severity="error",
            title=f"{listed(modules)} {'is' if one else 'are'} never trained: the optimizer does not hold "
            f"{'its' if one else 'their'} parameters",
            why=f"{count(len(still))} of {counted(len(trainable), 'trainable parameter')} "
            f"({count(numbers)} of {count(total)} numbers) {'is' if len(still) == 1 else 'are'} in no parameter group "
            "of the watched optimizer, so they keep their first values.",
            fix="Give the optimizer all parameters, and make it after the last change of the model's layers. "
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


def _moved(run: Run, name: str) -> bool:
    """Whether the parameter was seen to change."""
    if any(value > 0 for value in measured(run, "update_ratio", name).values):
        return True
    norms = set(measured(run, "weight_norm", name).values)
    if len(norms) > 1:
        return True
    series = run.distributions.get("weight", {}).get(name)
    return series is not None and len({(s.total, s.squares) for s in series.snapshots}) > 1


def _evidence(parameters: list[Parameter]) -> Table:
    return Table(
        columns=(Column("parameter", "code"), Column("shape"), Column("numbers", "count")),
        rows=tuple((p.name, "×".join(map(str, p.shape)) or "scalar", p.numel) for p in parameters[:ROWS]),
        total=len(parameters),
        caption="In no parameter group.",
    )


RULES = (
    Rule("optimizer_missing_params", "The optimizer holds every trainable parameter", "fact", missing_from_optimizer),
)
