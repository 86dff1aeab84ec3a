"""What a training script left out: held-out rows, a seed, a number to look at."""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import counted
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import IMPORTED, Run
from reportgen.run.tags import parse_tag

# Without a seed torch draws one of 64 bits; generators that are made begin with the other number (c10,
# default_rng_seed_val). Seeds that people choose are far smaller: numpy takes 32 bits.
DRAWN, UNSEEDED = 2**40, 67280421310721
ENDED = ("finished", "ended without build()")
FEWEST_STEPS = 10


def no_validation(run: Run) -> Judgement:
    """A training run ended, and nothing of it was measured on rows that were held out."""
    if run.meta.status == IMPORTED:
        return Unchecked("This run was read from another program's log, which may hold one split alone.")
    if run.meta.status not in ENDED:
        return Unchecked("The run has not come to its end.")
    trained = [
        tag
        for tag, series in run.scalars.items()
        if parse_tag(tag).split in ("train", "") and is_loss(parse_tag(tag).metric) and len(series) >= FEWEST_STEPS
    ]
    if _held_out(run):
        return []
    if not trained:
        return NotApplicable(f"No training loss of {FEWEST_STEPS} or more points was logged.")
    return [
        Finding(
            id="no_validation",
            tier="style",
            severity="info",
            title="Nothing was measured on held-out data",
            why=f"{trained[0]} is measured on what the model is trained with. Whether it does as well elsewhere, and "
            "from which step on it only learned by heart, cannot be seen.",
            fix="Keep some data, or episodes, away from training, and log a loss or a score of them now and then.",
            code="+ model.eval()\n+ with torch.no_grad():\n"
            '+     report.log({"val/loss": criterion(model(x_val), y_val)})\n+ model.train()',
            where=Where(tag=trained[0]),
            value="no held-out split",
            limit="1",
            source="structure of the records",
        )
    ]


def _held_out(run: Run) -> bool:
    """Whether anything tells of another split than the one trained on."""
    return (
        any(parse_tag(tag).split in ("val", "test") for tag in run.scalars)
        or any(one.split != "train" for one in run.predictions)
        or any(one.split != "train" for one in run.evidence.data)
        or any(one.split != "train" for one in run.evidence.loaders)
    )


def no_seed(run: Run) -> list[Finding] | Unchecked:
    """torch's seed is one that it draws for itself."""
    seed = run.meta.environment.seeds.get("torch")
    if seed is None:
        return Unchecked("The seed of torch was not recorded.")
    if seed < DRAWN and seed != UNSEEDED:
        return []
    return [
        Finding(
            id="no_seed",
            tier="style",
            severity="info",
            title="No seed was set for torch",
            why="It draws another one in each process: first weights, the order of rows and dropout differ from run to "
            "run, so neither a result nor a fault can be had again.",
            fix="Set a seed at the beginning of the script, and log it.",
            code="+ torch.manual_seed(0)",
            value=str(seed),
            limit="a seed of your own",
            source="torch.initial_seed(): without a seed a random number of 64 bits",
        )
    ]


def metric_never_logged(run: Run) -> list[Finding] | Unchecked:
    """Optimizer steps were made, and no number was logged."""
    if any(len(series) for series in run.scalars.values()):
        return []
    steps = _steps(run)
    if steps < FEWEST_STEPS:
        return Unchecked(
            'No training step was seen: call report.watch(model, optimizer), and report.log({"train/loss": loss}).'
        )
    return [
        Finding(
            id="metric_never_logged",
            tier="style",
            severity="info",
            title=f"No number was logged in at least {counted(steps, 'optimizer step')}",
            why="Without a loss it cannot be said whether the run learned anything, and most checks of training "
            "are left out.",
            fix="Log the loss of each step; reportgen reads it without waiting for the device.",
            code='+ report.log({"train/loss": loss})',
            value="0 series",
            limit="1",
            source="structure of the records",
        )
    ]


def _steps(run: Run) -> int:
    """How many optimizer steps are known to have been made."""
    measured = [
        series.optimizer_steps[-1]
        for quantity in ("update_ratio", "gradient_norm", "weight_norm")
        for series in run.measures.get(quantity, {}).values()
        if len(series.optimizer_steps)
    ]
    modes = [use.last for use in run.evidence.modes if use.phase == "train"]
    return max((int(step) + 1 for step in (*measured, *modes) if math.isfinite(step)), default=0)


RULES = (
    Rule(
        "no_validation",
        "Held-out rows were measured",
        "style",
        no_validation,
        needs='report.log({"val/loss": ...}) or report.predictions(inputs, outputs, targets)',
        worst="info",
        checks="A run that ended logged a training loss and nothing of another split.",
        source="structure of the records",
    ),
    Rule(
        "no_seed",
        "A seed was set",
        "style",
        no_seed,
        worst="info",
        checks="torch's initial seed is a random number of 64 bits.",
        source="torch.initial_seed()",
    ),
    Rule(
        "metric_never_logged",
        "Numbers were logged",
        "style",
        metric_never_logged,
        needs='report.log({"train/loss": loss})',
        worst="info",
        checks="At least 10 optimizer steps were made and no number was logged.",
        source="structure of the records",
    ),
)
