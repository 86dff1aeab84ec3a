"""Softmax twice: CrossEntropyLoss applies log_softmax to what it is given."""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import number
from reportgen.diagnose.reading.criteria import no_loss_of
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.rule import Judgement, Rule, Unchecked
from reportgen.diagnose.rules.loss.criterion import called, facts_table
from reportgen.run.evidence import LossUse
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.tags import parse_tag

CRITERIA = ("CrossEntropyLoss", "cross_entropy")
MODULES = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}
# Mean losses over a batch are computed in float32 or less.
ROUNDING = 2e-3
NO_OUTPUTS = Unchecked(
    "The model's outputs are not known: call report.watch(model) or report.predictions(inputs, outputs, targets)."
)
SUMMED = Unchecked("The loss is a sum over the batch, whose size does not tell what it was given.")


def _sets(run: Run, kind: str) -> list[PredictionSet]:
    return [p for p in run.predictions if p.task == "classification" and p.samples and p.outputs_are == kind]


def _cross_entropy(run: Run) -> bool:
    """Whether a watched criterion is cross-entropy, averaged over the batch.

    Class weights and label smoothing make a weighted mean of the same terms, so the bounds below hold with them too.
    """
    return any(
        model.criterion.partition("(")[0] in CRITERIA and "reduction='sum'" not in model.criterion
        for model in run.models
    )


def _lacks(run: Run) -> Unchecked | None:
    if not any(model.criterion for model in run.models):
        return Unchecked("No criterion was watched: call report.watch(model, optimizer, criterion).")
    if not run.graphs and not any(p.outputs_are for p in run.predictions):
        return NO_OUTPUTS
    return None


def _told_outputs(run: Run) -> bool:
    """Whether a forward that came to its end, or predictions, tell what the model gives."""
    return any(graph.fault is None for graph in run.graphs) or any(p.outputs_are for p in run.predictions)


def _ends_in(run: Run, operation: str) -> int:
    """The size of the last dimension of an output that comes straight from `operation` in a graph; 0 without one."""
    for graph in run.graphs:
        nodes = {node.id: node for node in graph.nodes}
        for edge in graph.edges:
            source, target = nodes.get(edge.source), nodes.get(edge.target)
            if source is None or target is None or target.kind != "output" or not edge.tensor.shape:
                continue
            own = source.path if source.kind == "operation" else MODULES.get(source.type, "")
            last = edge.via[-1] if edge.via else own
            if last == operation:
                return edge.tensor.shape[-1]
    return 0


def bounds(classes: int) -> tuple[float, float]:
    """The least and the largest cross-entropy that probabilities taken as logits can have.

    The best case is probability 1 for the truth: log(e + C - 1) - 1 = log(1 + (C - 1) / e), 1.46 for 10 classes; the
    worst is probability 1 for another class: log(e + C - 1).
    """
    return math.log(math.e + classes - 1) - 1, math.log(math.e + classes - 1)


def _given(run: Run) -> list[LossUse]:
    """Each cross-entropy of which the numbers are known that it was given."""
    return [
        use
        for use in run.evidence.losses
        if use.kind == "cross_entropy" and use.input.minimum is not None and use.input.shape[1:2] != (1,)
    ]


def softmax_before_ce(run: Run) -> Judgement:
    """Probabilities are given to CrossEntropyLoss: it was seen, or every training loss is where that puts it."""
    given = _given(run)
    if given:
        return [_seen(use) for use in given if use.input.rows_sum_to_one][:1]
    lacking = no_loss_of(run, "cross_entropy") or _lacks(run)
    if lacking:
        return lacking
    drawn, sets = _ends_in(run, "softmax"), _sets(run, "probabilities")
    if not (drawn or sets):
        return [] if _told_outputs(run) else NO_OUTPUTS
    if not _cross_entropy(run):
        return SUMMED
    classes = len(sets[-1].classes) if sets else drawn
    losses = [
        value
        for tag, series in run.scalars.items()
        if is_loss(parse_tag(tag).metric) and parse_tag(tag).split in ("train", "")
        for value in series.values
        if math.isfinite(value)
    ]
    if classes < 2 or not losses:
        return Unchecked('The training loss, which would tell, was not logged: call report.log({"train/loss": loss}).')
    low, high = bounds(classes)
    # A loss outside these bounds proves that the criterion saw something else: the probabilities were only shown.
    if min(losses) < low - ROUNDING or max(losses) > high + ROUNDING:
        return []
    came = outcome(run)
    # One inside them proves nothing: who shows probabilities and trains with logits may have such losses as well.
    if not drawn and not came.bad:
        return []
    return [
        Finding(
            id="softmax_before_ce",
            tier="fact" if drawn else "statistics",
            severity="error" if drawn else "warning",
            title="The model's outputs are probabilities, but CrossEntropyLoss expects logits"
            if drawn
            else "The outputs shown are probabilities, and losses are as if CrossEntropyLoss was given them",
            why=f"{_told(sets)} CrossEntropyLoss applies softmax again, so with {classes} classes the loss cannot fall "
            f"below {number(low)}, however good the model is, and its gradients are small. Every training loss lies "
            f"between that and {number(high)}." + ("" if drawn else f" {came.why}"),
            fix="Return the logits, and take the softmax only where probabilities are shown.",
            code="- return torch.softmax(x, dim=1)\n+ return x",
            where=Where(model=run.models[0].name, step=sets[0].stamp.step if sets else None),
            value=f"least training loss {number(min(losses))}",
            limit=f"{number(low)} = log(1 + {classes - 1}/e)",
            source="torch.nn.CrossEntropyLoss: the input is expected to contain the unnormalized logits",
        )
    ]


def _seen(use: LossUse) -> Finding:
    classes = use.input.shape[1] if len(use.input.shape) > 1 else use.classes or 2
    low, high = bounds(classes)
    return Finding(
        id="softmax_before_ce",
        tier="fact",
        severity="error",
        title=f"{called(use)} is given probabilities, but expects logits",
        why=f"All it was given is at least 0 and sums to 1. It applies softmax again, so with {classes} classes the "
        f"loss cannot fall below {number(low)}, however good the model is, nor rise above {number(high)}, and its "
        "gradients are small.",
        fix="Return the logits, and take the softmax only where probabilities are shown.",
        code="- return torch.softmax(x, dim=1)\n+ return x",
        where=Where(model=use.model),
        value=f"sums of {number(1.0)}",
        limit=f"any number; the loss is at least {number(low)} = log(1 + {classes - 1}/e)",
        evidence=facts_table(("input of the loss", use.input)),
        source="torch.nn.CrossEntropyLoss: the input is expected to contain the unnormalized logits",
    )


def _told(sets: list[PredictionSet]) -> str:
    if sets:
        return f"All outputs at step {sets[-1].stamp.step:,} are at least 0 and sum to 1."
    return "The last operation before the model's output is a softmax."


def log_softmax_before_ce(run: Run) -> Judgement:
    """Log-probabilities are given to CrossEntropyLoss: the same numbers, computed twice."""
    given, sets = _given(run), _sets(run, "log-probabilities")
    twice = [use for use in given if use.input.rows_logsumexp_zero]
    if given and not twice:
        return []
    if not given:
        lacking = no_loss_of(run, "cross_entropy") or _lacks(run)
        if lacking:
            return lacking
        if not (sets or _ends_in(run, "log_softmax")):
            return [] if _told_outputs(run) else NO_OUTPUTS
        if not _cross_entropy(run):
            return SUMMED
    return [
        Finding(
            id="log_softmax_before_ce",
            tier="fact",
            severity="info",
            title="The model's outputs are log-probabilities, and CrossEntropyLoss takes their log_softmax again",
            why="The log_softmax of log-probabilities is the same numbers, so the loss is right and the work is done "
            "twice. Whoever reads the outputs as logits is misled.",
            fix="Return the logits, or use NLLLoss.",
            code="- criterion = nn.CrossEntropyLoss()\n+ criterion = nn.NLLLoss()",
            where=Where(
                model=twice[0].model if twice else run.models[0].name, step=sets[0].stamp.step if sets else None
            ),
            evidence=facts_table(("input of the loss", twice[0].input)) if twice else None,
            source="torch.nn.CrossEntropyLoss: equivalent to LogSoftmax followed by NLLLoss",
        )
    ]


RULES = (
    Rule("softmax_before_ce", "CrossEntropyLoss is not given probabilities", "fact", softmax_before_ce),
    Rule("log_softmax_before_ce", "CrossEntropyLoss is not given log-probabilities", "fact", log_softmax_before_ce),
)
