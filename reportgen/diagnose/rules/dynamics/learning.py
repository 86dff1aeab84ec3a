"""Training that does not get anywhere: a loss that stays, that stops too early, or that ends too high.

Source: AUTOTRAINER (ICSE 2021) on slow convergence, SageMaker Debugger's LossNotDecreasing made robust against the
noise of batches, Karpathy's recipe (what needs no input), the Deep Learning Tuning Playbook on plateaus.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import code_number, named, number, percent
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import NO_LOSS, few_steps
from reportgen.diagnose.reading.layers import weights
from reportgen.diagnose.reading.learning_rates import rate_change, rate_of, warming
from reportgen.diagnose.reading.outcome import Outcome, half_of, outcome, well_predicted
from reportgen.diagnose.reading.training_loss import TrainingLoss
from reportgen.diagnose.reading.trend import Trend, trend, values_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import Run

SOURCE = "SageMaker Debugger, rule LossNotDecreasing, with the noise of steps; Karpathy's recipe for the baseline"
PLATEAU_SOURCE = "Google, Deep Learning Tuning Playbook: plateaus; flat means a fall by less than 5 %"
# Below this many optimizer steps nothing has had time to be learned.
FEWEST_STEPS = 30
# The last part of a run in which a plateau lies, and what of the first loss must be left.
LATE, LEFT = 0.4, 0.3
# A fall by less than this share of the loss, over that part, is standing still.
FLAT = 0.05
# Below this share of the way from the baseline a plateau is hardly a matter of noise; below the other one it is none
# where the model itself is too narrow for more.
FAR, FAR_IF_NARROW = 0.1, 1 / 3
FEWEST_LATE = 8
# Standard errors within which a slope may be chance.
ERRORS = 2.0


def _judged(run: Run) -> tuple[TrainingLoss, Outcome] | Unchecked:
    result = outcome(run)
    if result.loss is None:
        return NO_LOSS
    steps = max(result.loss.series.optimizer_steps, default=0)
    if 0 < steps < FEWEST_STEPS:
        return few_steps(steps, FEWEST_STEPS)
    if warming(run):
        return Unchecked("The learning rate was still rising when the run ended.")
    return result.loss, result


def loss_not_decreasing(run: Run) -> Judgement:
    """The loss fell by less than 3 % and 2 standard errors, or stayed at its baseline, and nothing was learned."""
    judged = _judged(run)
    if isinstance(judged, Unchecked):
        return judged
    loss, result = judged
    course = loss.trend
    # What fell before the first tenth was over has fallen, too.
    stuck = loss.above_baseline or not (loss.falls or loss.below_baseline)
    if not stuck:
        return []
    if course.last > 1.5 * max(course.first, 0.0):
        return NotApplicable(f"{_course(loss)}: it rose.")
    if result.learned is True or not result.bad:
        return NotApplicable(f"{_course(loss)}, {result.ended}.")
    at_baseline = loss.above_baseline and loss.baseline is not None
    limit = f"below {number(loss.baseline)}" if at_baseline and loss.baseline else "down by 3 %"
    ended = f"ended at {number(course.last)}"
    return [
        Finding(
            id="loss_not_decreasing",
            tier="statistics",
            severity="warning",
            title=f"{named(loss.tag, 40)} {ended}, no better than always saying the same"
            if at_baseline
            else f"{named(loss.tag, 40)} did not fall: it began at {number(course.first)} and {ended}",
            why=f"The median of the first tenth is {number(course.first)}, that of the last {number(course.last)} "
            f"({_sigmas(course)} standard errors lower). "
            + (f"Without looking at its inputs a model gets {number(loss.baseline or 0)}. " if at_baseline else "")
            + "So nothing that holds for more than single rows was learned.",
            fix="Train on one batch until its loss is near 0. If that fails, look whether gradients reach the weights; "
            "if it works, whether inputs and labels belong together, then try other learning rates.",
            code="x, y = next(iter(loader))\nfor _ in range(200):\n    loss = criterion(model(x), y)\n    "
            "optimizer.zero_grad(); loss.backward(); optimizer.step()",
            where=Where(tag=loss.tag),
            value=number(course.last),
            limit=limit,
            evidence=curve(named(loss.tag), "The training loss.", {named(loss.tag, 40): loss.series}),
            source=SOURCE,
        )
    ]


def _course(loss: TrainingLoss) -> str:
    """From where to where it went, as the begin of a sentence."""
    return f"{named(loss.tag, 40)} went from {number(loss.trend.first)} to {number(loss.trend.last)}"


def _not_fallen(loss: TrainingLoss) -> NotApplicable:
    """Of a loss that did not come down, so that there is no more to ask of its course."""
    limit = "below what needs no learning" if loss.above_baseline else "by more than its noise"
    return NotApplicable(f"The training loss did not fall {limit}.")


def _sigmas(course: Trend) -> str:
    return number(course.sigmas, 2) if abs(course.sigmas) < 1e4 else "many" if course.sigmas > 0 else "−many"


def _late(loss: TrainingLoss) -> Trend | None:
    values = values_of(loss.series)
    return trend(values[int((1 - LATE) * len(values)) :], FEWEST_LATE)


def _severity(run: Run, result: Outcome) -> str:
    """A remark where the way gone may be all that the noise of the task allows."""
    if result.share is None:
        return "warning"
    # Of numbers much may be noise: a small R2 is often all there is.
    far = FAR_IF_NARROW if _narrow(run) else 0.0 if result.quantity == "R2" else FAR
    return "warning" if result.share < far else "info"


def _narrow(run: Run) -> bool:
    """Whether the model is a single layer, or goes through a layer of fewer units than it has outputs."""
    layers = [weight.parameter.shape for weight in weights(run) if weight.type != "Embedding"]
    return len(layers) == 1 or (len(layers) > 1 and min(shape[0] for shape in layers[:-1]) < layers[-1][0])


def _linear(run: Run) -> bool:
    """Whether the model is a single layer, which can only weigh and add its inputs."""
    return len([weight for weight in weights(run) if weight.type != "Embedding"]) == 1


def _unfitted(run: Run) -> bool:
    """Whether the latest predictions of training rows were less than half of the way from the baseline."""
    half = half_of(run)
    sets = [one for one in run.predictions if one.split == "train" and one.stamp.optimizer_step >= half]
    good = well_predicted(sets[-1]) if sets else None
    return good is False


def _flat(loss: TrainingLoss, noisy: bool = False) -> bool:
    """Whether the loss stood still over the last 40 %, at more than 30 % of where it began (or of its baseline).

    noisy: a fall that its noise may make as well is none.
    """
    late = _late(loss)
    if late is None or loss.start <= 0 or late.last <= LEFT * loss.start:
        return False
    return -late.slope < max(FLAT * abs(late.first), ERRORS * late.slope_error if noisy else 0.0)


def plateau(run: Run) -> Judgement:
    """After it fell, the loss stood still over the last 40 % of the run, and the outcome is bad."""
    judged = _judged(run)
    if isinstance(judged, Unchecked):
        return judged
    loss, result = judged
    late = _late(loss)
    if late is None:
        return Unchecked(f"The last 40 % of {named(loss.tag, 40)} have fewer than {FEWEST_LATE} points.")
    if loss.above_baseline or not loss.surely_falls:
        return _not_fallen(loss)
    if not _flat(loss):
        return []
    if not result.untrained:
        return NotApplicable(
            f"{named(loss.tag, 40)} stood still at {number(late.last)} over the last {percent(LATE)} of the run, "
            f"{result.ended} in training."
        )
    return [
        Finding(
            id="plateau",
            tier="statistics",
            severity=_severity(run, result),
            title=f"{named(loss.tag, 40)} stood still at {number(late.last)} over the last {percent(LATE)} of the run",
            why=f"It began at {number(loss.trend.first)}; over its last part it changed by {number(late.drop)} "
            f"(standard error {number(late.error)}). {result.why}",
            fix="Try a learning rate three times smaller and three times larger, then more capacity.",
            code=_other_rate(run),
            where=Where(tag=loss.tag),
            value=f"{number(late.last)}, slope {number(late.slope)}",
            limit=f"{number(LEFT * loss.start)}, or falling",
            evidence=curve(named(loss.tag), "The training loss.", {named(loss.tag, 40): loss.series}),
            source=PLATEAU_SOURCE,
        )
    ]


def _other_rate(run: Run) -> str:
    rate = rate_of(run)
    return f"{rate_change(rate, 3)}  # and {code_number(rate / 3)}" if rate else ""


def underfitting(run: Run) -> Judgement:
    """It learned something, of its training rows too, but ended below half of the way, and no longer gets better."""
    judged = _judged(run)
    if isinstance(judged, Unchecked):
        return judged
    loss, result = judged
    if result.quantity in ("", "loss"):
        return Unchecked("No score of a split is known: call report.predictions(inputs, outputs, targets).")
    shown = _linear(run) and _unfitted(run)
    if loss.above_baseline or not (loss.surely_falls or shown):
        return _not_fallen(loss)
    if not result.untrained:
        return []
    if not _flat(loss, noisy=shown):
        return NotApplicable("The training loss is low, or went on falling to the end of the run.")
    if not shown and ((loss.rough and not loss.below_baseline) or loss.ended < 0.6 * loss.start):
        # That is no lack of capacity.
        return NotApplicable(f"{_course(loss)}: training rows were learned, and it did not carry over.")
    last, baseline = result.last or 0.0, result.baseline or 0.0
    return [
        Finding(
            id="underfitting",
            tier="statistics",
            severity=_severity(run, result),
            title=f"The model does not fit its training rows: {named(loss.tag, 40)} stays at {number(loss.trend.last)}",
            why=f"{result.why} The training loss no longer falls"
            + (f", though saying the same for all rows gives {number(loss.baseline)} already" if loss.baseline else "")
            + ": the model is too small, too regularised or too slow for this task, or its inputs tell no more.",
            fix="Add layers or units with a nonlinearity between them, take regularisation away, or train at another "
            "learning rate.",
            code="- nn.Linear(inputs, outputs)\n+ nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), "
            "nn.Linear(64, outputs))",
            where=Where(tag=loss.tag),
            value=f"{result.quantity} {number(last)}",
            limit=f"at least {number(baseline + 0.5 * (1 - baseline))}",
            evidence=curve(named(loss.tag), "The training loss.", {named(loss.tag, 40): loss.series}),
            source="AUTOTRAINER's slow convergence; half of the way from the baseline, after a plateau",
        )
    ]


RULES = (
    Rule("loss_not_decreasing", "The training loss falls", "statistics", loss_not_decreasing, course=True),
    Rule("underfitting", "The model fits its training rows", "statistics", underfitting, course=True),
    Rule("plateau", "The training loss goes on falling until it is low", "statistics", plateau, course=True),
)
