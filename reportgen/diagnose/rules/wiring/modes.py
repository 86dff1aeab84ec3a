"""Modules whose forward depends on their mode, met in the wrong one.

Source: torch.nn.Module.train and eval; exact for the forwards counted. Sampling from dropout on purpose (Gal and
Ghahramani, Dropout as a Bayesian Approximation, ICML 2016) and forwards that are a part of each training step are none.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.reading.lacking import NO_MODEL
from reportgen.diagnose.reading.layers import called
from reportgen.diagnose.reading.modules import model_of, type_of
from reportgen.diagnose.reading.places import owned
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.evidence import ModeUse
from reportgen.run.records import Run

SOURCE = "exact: module.training of each module in each forward; torch.nn.Module.train"
ROWS = 8
# A share of the training forwards from which on forwards without gradients, from the first step on, belong to the steps
# themselves: a generator's fakes, pseudo-labels, the values of a target.
EACH_STEP = 0.9
TOLD = {
    "no_grad": "under torch.no_grad()",
    "track": "inside a tracked loader of another split",
    "predictions": "whose outputs went to report.predictions()",
    "step": "before an optimizer step",
}
ALIKE = NotApplicable("No dropout or normalisation was seen that depends on the mode.")


def train_mode_in_eval(run: Run) -> Judgement:
    """Dropout or normalisation was in train mode while the model was evaluated."""
    if not run.models:
        return NO_MODEL
    uses = [use for use in run.evidence.modes if use.phase == "evaluation"]
    if not uses:
        if run.evidence.modes and not any(map(_depends, run.evidence.modes)):
            return ALIKE
        return Unchecked(
            "No evaluation of a watched model was seen: evaluate under torch.no_grad(), and call "
            'report.predictions(inputs, outputs, targets, split="val").'
        )
    if not any(map(_depends, uses)):
        return ALIKE
    found = []
    for model in dict.fromkeys(use.model for use in uses):
        steps = sum(use.forwards for use in run.evidence.modes if use.model == model and use.phase == "train")
        own = [use for use in uses if use.model == model]
        wrong = [use for use in own if use.training and not _part_of_steps(use, steps)]
        if wrong and steps:  # a model that is never trained, as a teacher is, may run in any mode
            found.append(_evaluated(run, own, wrong))
    return found


def _depends(use: ModeUse) -> bool:
    """Whether any module of the model does something else in train mode than in eval mode."""
    return bool(use.training or use.evaluating)


def _part_of_steps(use: ModeUse, steps: int) -> bool:
    return use.told_by == "no_grad" and use.first <= 1 and use.forwards >= EACH_STEP * steps


def _mixed(use: ModeUse) -> bool:
    """Whether only some modules were switched, which nobody does by mistake."""
    return bool(use.training) and not set(use.evaluating) <= set(use.frozen)


def _sampled(run: Run, use: ModeUse) -> bool:
    """Whether dropout was switched on again after training, by somebody who had evaluated without it before."""
    if use.told_by != "no_grad" or any(_is_norm(type_of(run, use.model, name)) for name in use.training):
        return False
    others = [one for one in run.evidence.modes if one.model == use.model]
    trained = max((one.last for one in others if one.phase == "train"), default=0)
    right = any(one.phase == "evaluation" and one.evaluating and not one.training for one in others)
    return right and use.first > trained


def _evaluated(run: Run, own: list[ModeUse], wrong: list[ModeUse]) -> Finding:
    plain = [use for use in wrong if not _mixed(use) and not _sampled(run, use)]
    worst = max(plain or wrong, key=lambda use: (use.told_by != "no_grad", use.forwards))
    modules = list(worst.training)
    named = [called(name, type_of(run, worst.model, name)) for name in modules]
    amount, total = sum(use.forwards for use in wrong), sum(use.forwards for use in own)
    normed = [name for name in modules if _is_norm(type_of(run, worst.model, name))]
    dropped = [name for name in modules if name not in normed]
    why = (
        f"{count(amount)} of {counted(total, 'forward')} in evaluation had {listed(named)} in train mode: "
        f"{_told_by(wrong)}."
    )
    if dropped:
        why += " Dropout went on dropping at random, so metrics are worse than the model is and differ each time."
    if normed:
        why += (
            " Normalisation used the statistics of each evaluated batch, so that a prediction depends on the other "
            "samples of its batch, and moved its running statistics towards the evaluated data."
        )
    if not plain:
        why += " Others were in eval mode, or the model was at other times, so this may be meant, as in Monte Carlo "
        why += "dropout."
    return Finding(
        id="train_mode_in_eval",
        tier="fact",
        severity="info" if not plain else "error" if worst.told_by != "no_grad" else "warning",
        title=f"{worst.model} was evaluated with {listed(named)} in train mode",
        why=why,
        fix="Call model.eval() before each evaluation and model.train() after it.",
        code="+ model.eval()\n  with torch.no_grad():\n      ...\n+ model.train()",
        where=Where(model=worst.model, module=modules[0], step=min(use.first for use in wrong)),
        value=f"{count(amount)} of {counted(total, 'forward')}",
        limit="0",
        evidence=_table(run, worst.model),
        source=SOURCE,
        since=min(use.first for use in wrong),
    )


def _told_by(uses: list[ModeUse]) -> str:
    """How many forwards there were of each kind that shows them to evaluate."""
    amounts: dict[str, int] = {}
    for use in uses:
        amounts[use.told_by] = amounts.get(use.told_by, 0) + use.forwards
    return listed([f"{count(amount)} {TOLD.get(how, how)}" for how, amount in amounts.items()])


def eval_mode_in_train(run: Run) -> Judgement:
    """Dropout or normalisation was in eval mode in forwards that an optimizer step followed."""
    if not run.models:
        return NO_MODEL
    uses = [use for use in run.evidence.modes if use.phase == "train"]
    if not uses:
        return Unchecked(
            "No forward that an optimizer step followed was seen: call report.watch(model, optimizer) before training."
        )
    if not any(map(_depends, uses)):
        return ALIKE
    found = []
    for model in dict.fromkeys(use.model for use in uses):
        own = [use for use in uses if use.model == model]
        wrong = [use for use in own if _unfrozen(use)]
        whole = [use for use in own if not use.root and _regularising(run, use)]
        if wrong:
            found.append(_trained(run, own, wrong))
        elif whole:
            found.append(_never_switched(run, own, whole))
        elif all(use.evaluating and not use.training for use in own):
            found.append(_always(own))
    return found


def _unfrozen(use: ModeUse) -> tuple[str, ...]:
    return tuple(name for name in use.evaluating if name not in use.frozen)


def _trained(run: Run, own: list[ModeUse], wrong: list[ModeUse]) -> Finding:
    worst = max(wrong, key=lambda use: use.forwards)
    modules = list(_unfrozen(worst))
    amount, total = sum(use.forwards for use in wrong), sum(use.forwards for use in own)
    since = min(use.first for use in wrong)
    meant = _meant(run, own, wrong)
    normed = [name for name in modules if _is_norm(type_of(run, worst.model, name))]
    why = (
        f"In {count(amount)} of {counted(total, 'training forward')}, from optimizer step {count(since)} on, "
        f"{listed(modules)} {'was' if len(modules) == 1 else 'were'} in eval mode, after having been in train mode."
    )
    if len(normed) < len(modules):
        why += " Dropout is off then, and regularises nothing."
    if normed:
        why += " Running statistics stand still then, while the weights before them go on changing."
    if meant:
        why += " It was switched once, after evaluations that had been followed by train mode: that may be meant."
    return Finding(
        id="eval_mode_in_train",
        tier="fact",
        severity="info" if meant else "error",
        title=f"{worst.model} was trained with {listed(modules)} in eval mode from step {count(since)} on",
        why=why,
        fix="Call model.train() after each evaluation, or at the beginning of each epoch.",
        code="  for epoch in range(epochs):\n+     model.train()",
        where=Where(model=worst.model, module=modules[0], step=since),
        value=f"{count(amount)} of {counted(total, 'forward')}",
        limit="0",
        evidence=_table(run, worst.model),
        source=SOURCE,
        since=since,
    )


def _meant(run: Run, own: list[ModeUse], wrong: list[ModeUse]) -> bool:
    """Whether modules were frozen late on purpose: some of them only, or once, long after the first evaluation."""
    if all(use.training for use in wrong):
        return True
    right = [use for use in own if use.training]
    evaluations = [
        use
        for use in run.evidence.modes
        if use.model == own[0].model and use.phase == "evaluation" and not use.training and use.evaluating
    ]
    if not right or not evaluations:
        return bool(right)  # nothing put it into eval mode but somebody who wanted it there
    since, until = min(use.first for use in wrong), max(use.last for use in right)
    return until < since and min(use.first for use in evaluations) < since


def _regularising(run: Run, use: ModeUse) -> list[str]:
    """Of modules in eval mode those that nobody freezes as they are: dropout, and norms whose parameters train."""
    model = model_of(run, use.model)
    held = owned(model) if model is not None else {}
    found = []
    for name in use.evaluating:
        path = name.removeprefix(f"{use.model}/")
        parameters = held.get(path) or held.get(name, [])
        if "drop" in type_of(run, use.model, name).lower() or any(p.trainable for p in parameters):
            found.append(name)
    return found


def _never_switched(run: Run, own: list[ModeUse], whole: list[ModeUse]) -> Finding:
    """Of a model that was itself in eval mode: model.eval() came before, and no model.train()."""
    worst = max(whole, key=lambda use: use.forwards)
    modules = _regularising(run, worst)
    amount, total = sum(use.forwards for use in whole), sum(use.forwards for use in own)
    since = min(use.first for use in whole)
    before = any(use.root and use.first < since for use in own)
    normed = [name for name in modules if _is_norm(type_of(run, worst.model, name))]
    why = f"In {count(amount)} of {counted(total, 'training forward')} {worst.model} itself was in eval mode."
    if len(normed) < len(modules):
        why += " Dropout is off then, and regularises nothing."
    if normed:
        why += (
            " Normalisation uses running statistics that stand still, as they were before, while the weights before "
            "them change."
        )
    return Finding(
        id="eval_mode_in_train",
        tier="fact",
        severity="error" if before else "warning",
        title=f"{worst.model} was trained in eval mode: {listed(modules)} did not do what "
        f"{'it does' if len(modules) == 1 else 'they do'} in training",
        why=why,
        fix="Call model.train() before training and after each evaluation: model.eval() holds until then, and some "
        "loaders of pretrained models call it. To keep single layers in eval mode call eval() of these alone.",
        code="  for epoch in range(epochs):\n+     model.train()",
        where=Where(model=worst.model, module=modules[0], step=since),
        value=f"{count(amount)} of {counted(total, 'forward')}",
        limit="0",
        evidence=_table(run, worst.model),
        source=SOURCE,
        since=since,
    )


def _always(own: list[ModeUse]) -> Finding:
    worst = max(own, key=lambda use: use.forwards)
    modules = list(worst.evaluating)
    amount = sum(use.forwards for use in own)
    return Finding(
        id="eval_mode_in_train",
        tier="fact",
        severity="info",
        title=f"{listed(modules)} of {worst.model} {'was' if len(modules) == 1 else 'were'} in eval mode in all of "
        f"{counted(amount, 'training forward')}",
        why="Dropout was off and running statistics stood still throughout. That is right for parts that are frozen on "
        "purpose; a pretrained model that was loaded in eval mode and is to be trained needs train mode.",
        fix="Nothing to do, if it is meant. Else call model.train() before training.",
        code="+ model.train()",
        where=Where(model=worst.model, module=modules[0], step=min(use.first for use in own)),
        value=counted(amount, "forward"),
        limit="",
        source=SOURCE,
        since=min(use.first for use in own),
    )


def _is_norm(kind: str) -> bool:
    return "Norm" in kind


def _table(run: Run, model: str) -> Table:
    uses = [use for use in run.evidence.modes if use.model == model]
    return Table(
        columns=(
            Column("forwards"),
            Column("in train mode", "code"),
            Column("in eval mode", "code"),
            Column("how many", "count"),
            Column("from step", "step"),
            Column("to step", "step"),
        ),
        rows=tuple(
            (
                f"{use.phase} ({TOLD.get(use.told_by, use.told_by)})",
                listed(use.training) or None,
                listed(use.evaluating) or None,
                use.forwards,
                use.first,
                use.last,
            )
            for use in sorted(uses, key=lambda use: (use.first, use.phase))[:ROWS]
        ),
        total=len(uses),
        caption=f"The modes in which modules of {model} were, counting those only whose forward depends on it.",
    )


RULES = (
    Rule("train_mode_in_eval", "Evaluations ran in eval mode", "fact", train_mode_in_eval),
    Rule("eval_mode_in_train", "Training ran in train mode", "fact", eval_mode_in_train),
)
