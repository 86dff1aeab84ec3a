"""The verdict: one to three sentences that say whether the run ended well, how good it is, and what is wrong."""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding
from reportgen.blocks.page import Reading
from reportgen.blocks.wording import count, counted, cut, number
from reportgen.diagnose import Diagnosis
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.run.records import IMPORTED, Run
from reportgen.sections.calls import as_called
from reportgen.sections.curves import Curve
from reportgen.sections.outcome import headline_losses, main_metric, spoken
from reportgen.sections.unlearned import no_better

NAMED = 2
# Findings that the first sentence tells already; with them the cause of an exception, which that sentence quotes.
TOLD = ("run_failed", "no_end_recorded")
WORDS = {1: "One thing wants", 2: "Two things want", 3: "Three things want", 4: "Four things want"}


def verdict(run: Run, diagnosis: Diagnosis) -> tuple[Reading, ...]:
    """The sentences in pieces."""
    if is_empty(run) and run.meta.status == IMPORTED:
        return (Reading("The event files hold nothing that was logged yet."),)
    if is_empty(run):
        return (Reading("Nothing was recorded yet; below is what to call to fill this page."),)
    return (*_ending(run), *_outcome(run, diagnosis), *_findings(run, diagnosis))


def is_empty(run: Run) -> bool:
    """Whether the run holds nothing but its own circumstances."""
    shown = (run.scalars, run.predictions, run.models, run.graphs, run.images, run.texts, run.tables)
    looked_at = (run.audio, run.videos, run.pr_curves, run.embeddings, run.meshes, run.tensors, run.hparams)
    return not any((*shown, *looked_at, run.distributions, run.failure))


def _ending(run: Run) -> list[Reading]:
    if run.failure is not None:
        failure = run.failure
        said = [Reading("The run failed at step "), Reading(count(failure.stamp.step), "strong")]
        if failure.module:
            said += [Reading(" in "), Reading(cut(failure.module, 60), "code")]
        message = cut(" ".join(failure.message.split()), 160)
        stop = "" if message.endswith((".", "!", "?", "…")) else "."
        return [
            *said,
            Reading(" with "),
            Reading(failure.type, "code"),
            Reading(f": {message}{stop} " if message else ". "),
        ]
    status = {
        "failed": "The run failed. ",
        "stopped by the user": "The run was stopped by the user. ",
        "no end recorded": "The run has no recorded end: it was killed, or still runs. ",
        "ended without build()": "The process ended without build(). ",
        "running": "The run is not finished. ",
        IMPORTED: "Read from TensorBoard's event files, which do not say how the run ended. ",
    }.get(run.meta.status, "")
    status = as_called(status, run.meta.recorder)
    return [Reading(status)] if status else []


def _outcome(run: Run, diagnosis: Diagnosis) -> list[Reading]:
    main = main_metric(run)
    if main is not None:
        return _reached(main, no_better(run, main, diagnosis))
    curves = headline_losses(run)
    said = [reading for curve in curves[:NAMED] for reading in _loss(curve)]
    more = len(curves) - NAMED
    if more > 0:
        said.append(Reading(f"{counted(more, 'more loss', 'more losses')} {'was' if more == 1 else 'were'} logged. "))
    return said


def _reached(curve: Curve, no_better: str) -> list[Reading]:
    series, places, best = curve.series, curve.finite, curve.best()
    assert best is not None  # main_metric gives only curves with a direction and a finite value
    name, last = _begun(curve), series.last
    top, end = curve.apart(series.values[best], last)
    step = count(series.steps[best])
    if no_better and math.isfinite(last):
        at = Reading(curve.written(last), "strong")
        return [Reading(f"{name} ended at "), at, Reading(f", no better than {no_better}. ")]
    if len(places) == 1 and math.isfinite(last):
        return [Reading(f"{name} is "), Reading(top, "strong"), Reading(f" at step {step}. ")]
    if all(series.values[place] == last for place in places):
        return [Reading(f"{name} was "), Reading(end, "strong"), Reading(" throughout. ")]
    # Equal to the best value is as good as the best: nobody asks for the earlier weights then.
    if last == series.values[best]:
        return [Reading(f"{name} ended at its best value, "), Reading(top, "strong"), Reading(". ")]
    said = [Reading(f"{name} reached "), Reading(top, "strong"), Reading(f" at step {step}, and ended at ")]
    return [*said, Reading(end, "strong"), Reading(". ")]


def _loss(curve: Curve) -> list[Reading]:
    values, places = curve.series.values, curve.finite
    name = _begun(curve)
    if not places:
        return [Reading(f"{name} was never a finite number. ")]
    first, last = values[places[0]], values[places[-1]]
    began, ended = curve.apart(first, last)
    if places[-1] < len(values) - 1:
        end = Reading(number(curve.series.last), "strong")
        return [Reading(f"{name} began at {began} and ended at "), end, Reading(". ")]
    if len(places) == 1:
        return [Reading(f"{name} is "), Reading(began, "strong"), Reading(". ")]
    verb = "fell" if last < first else "rose" if last > first else "stayed"
    if verb == "stayed":
        return [Reading(f"{name} ended where it began, at "), Reading(ended, "strong"), Reading(". ")]
    over = f" over {counted(curve.series.logged or len(values), 'value')}"
    return [Reading(f"{name} {verb} from {began} to "), Reading(ended, "strong"), Reading(f"{over}. ")]


def _findings(run: Run, diagnosis: Diagnosis) -> list[Reading]:
    told = (*TOLD, "worse_than_baseline") if main_metric(run) is not None else TOLD
    cause = cause_of(run)
    worst = [
        finding
        for finding in diagnosis.attention
        if finding.id not in told and not (cause is not None and finding.id == cause.id)
    ]
    if not worst:
        if diagnosis.attention:
            return [Reading(f"Nothing else wrong was found in {counted(len(diagnosis.passed), 'check')}.")]
        return [Reading(f"Nothing wrong was found in {counted(len(diagnosis.passed), 'check')}.")]
    said = [Reading(f"{WORDS.get(len(worst), f'{len(worst)} things want')} attention: ")]
    for at, finding in enumerate(worst[:NAMED]):
        if at:
            said.append(Reading("; "))
        said.extend(_title(finding))
    more = len(worst) - NAMED
    return [*said, Reading(f"; and {count(more)} more." if more > 0 else ".")]


def _title(finding: Finding) -> list[Reading]:
    """The finding's title, with the name of its place set as code where it begins with it."""
    name, title = finding.where.name, cut(finding.title, 200)
    if name and title.startswith(f"{name} "):
        return [Reading(name, "code"), Reading(title[len(name) :])]
    return [Reading(title)]


def _begun(curve: Curve) -> str:
    """What the curve is called where a sentence begins: a tag of several parts or words stays as it is."""
    name = spoken(curve)
    return name if name == curve.metric and ("/" in name or "_" in name) else name[:1].upper() + name[1:]
