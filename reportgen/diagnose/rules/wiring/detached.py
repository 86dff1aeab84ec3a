"""Losses that no gradient flows from into the model, though backward was called, or could be.

Source: torch.autograd; exact for the training forwards looked at. What raises is told by `exceptions`.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.diagnose.reading.lacking import NO_MODEL, TOLD
from reportgen.diagnose.reading.modules import model_of
from reportgen.diagnose.reading.places import full_name, measured
from reportgen.diagnose.rule import Judgement, Rule, Unchecked
from reportgen.run.evidence import LossUse, ModelUse
from reportgen.run.records import Model, Run

# Training forwards looked at before "never" may be said.
FEWEST = 3
SOURCE = "exact: grad_fn of outputs and losses, and where backward begins; torch.autograd"
TOO_FEW = Unchecked(f"Fewer than {FEWEST} training forwards of a model that an optimizer trains were looked at.")


def detached_output(run: Run) -> Judgement:
    """The optimizer steps, but no backward ever began from what the model gave."""
    if not run.evidence.models:
        return NO_MODEL
    told = cause_of(run)
    if told is not None and told.id == "detached_graph":
        return TOLD
    found, looked = [], False
    for use in run.evidence.models:
        model = model_of(run, use.model)
        if (
            model is None
            or not model.optimizers
            or use.looks < FEWEST
            or not any(p.trainable for p in model.parameters)
        ):
            continue
        looked = True
        if use.backwards or not _stepped(run, model) or _moved(run, model):
            continue
        found.append(_without_graph(use) if use.without_graph == use.looks else _cut(run, use))
    return found if looked else TOO_FEW


def _names(run: Run, model: Model) -> list[str]:
    return [full_name(run, model, p.name) for p in model.parameters if p.trainable]


def _stepped(run: Run, model: Model) -> bool:
    """Whether an optimizer of the model made steps that were looked at."""
    return any(len(measured(run, "weight_norm", name)) >= FEWEST for name in _names(run, model))


def _moved(run: Run, model: Model) -> bool:
    """Whether a gradient arrived, or a weight changed, by whatever means: backward may be none of torch's."""
    return any(
        value != 0
        for name in _names(run, model)
        for quantity in ("gradient_norm", "update_ratio")
        for value in measured(run, quantity, name).values
    )


def _without_graph(use: ModelUse) -> Finding:
    return Finding(
        id="detached_graph",
        tier="fact",
        severity="error",
        title=f"The outputs of {use.model} carry no graph, so nothing can be learned from them",
        why=f"In all of {counted(use.looks, 'training forward')} looked at, gradients were enabled and parameters "
        "trainable, yet no output had a grad_fn: the forward itself cuts it, by .detach(), .data, .item(), argmax, "
        "NumPy, or a torch.no_grad() inside.",
        fix="Take what cuts the graph out of forward.",
        code="- return outputs.detach()\n+ return outputs",
        where=Where(model=use.model, step=0),
        value="0 outputs with a grad_fn",
        limit="at least 1",
        evidence=_table(use, None),
        source=SOURCE,
    )


def _cut(run: Run, use: ModelUse) -> Finding:
    loss = next((one for one in run.evidence.losses if one.model == use.model and one.seen == "criterion"), None)
    detached = loss is not None and not loss.input.requires_grad
    named = loss.criterion or loss.kind if loss is not None else "the loss"
    place = (
        f"{named} was given a tensor without a graph, so it was cut before the loss."
        if detached
        else f"What {named} was given did carry a graph, so it is cut after that, before backward()."
        if loss is not None
        else "It is cut between the outputs and the loss that backward() is called on."
    )
    return Finding(
        id="detached_graph",
        tier="fact",
        severity="error",
        title=f"No backward ever reached {use.model}: its outputs are cut off from the loss",
        why=f"In {counted(use.looks, 'training forward')} looked at its outputs had a graph, the optimizer made its "
        f"steps, but no backward began from them and no parameter had a gradient. {place} A loss that is made anew of "
        "a number, or computed with NumPy, has no graph, even with requires_grad=True.",
        fix="Compute the loss with torch alone, from the model's outputs to backward(), without .item(), .detach(), "
        ".data, .numpy(), argmax or torch.tensor() in between.",
        code="- loss = torch.tensor(value, requires_grad=True)\n+ loss = criterion(model(inputs), targets)",
        where=Where(model=use.model, step=0),
        value="0 backward passes",
        limit=f"1 for each of {counted(use.looks, 'forward')}",
        evidence=_table(use, loss),
        source=SOURCE,
    )


def _table(use: ModelUse, loss: LossUse | None) -> Table:
    rows = [
        (
            f"output {facts.name}".strip(),
            "×".join(map(str, facts.shape)) or "scalar",
            "yes" if facts.requires_grad else "no",
        )
        for facts in use.outputs[:6]
    ]
    if loss is not None:
        facts = loss.input
        rows.append(
            ("input of the loss", "×".join(map(str, facts.shape)) or "scalar", "yes" if facts.requires_grad else "no")
        )
    return Table(
        columns=(Column("tensor"), Column("shape"), Column("requires a gradient")),
        rows=tuple(rows),
        caption=f"Of {counted(use.looks, 'training forward')}; backward began from the outputs {count(use.backwards)} "
        "times.",
    )


RULES = (Rule("detached_output", "Backward reaches the model", "fact", detached_output, ids=("detached_graph",)),)
