"""The top of the page: status, facts, verdict, key numbers."""

from __future__ import annotations

import math

from reportgen.blocks.page import Header
from reportgen.blocks.table import Spark
from reportgen.blocks.text import Stat, Stats
from reportgen.blocks.wording import count, counted, cut, named, number, percent, scaled, seconds
from reportgen.diagnose import Diagnosis
from reportgen.run.records import IMPORTED, Environment, Run
from reportgen.sections.calls import as_called
from reportgen.sections.cost import share_of_run
from reportgen.sections.curves import Curve, curves_of, evenly, last_step
from reportgen.sections.metrics import SPARK_POINTS, SPLITS
from reportgen.sections.outcome import headline_losses, losses, main_metric
from reportgen.sections.pace import Pace, duration, pace
from reportgen.sections.verdict import verdict

LEVELS = {
    "finished": "ok",
    IMPORTED: "ok",
    "running": "ok",
    "failed": "error",
    "stopped by the user": "warning",
    "no end recorded": "warning",
    "ended without build()": "warning",
}
# Shorter runs than so many seconds do not say here which share of them watching cost.
TELLING = 10.0


def header(run: Run, diagnosis: Diagnosis) -> Header:
    """The header of a run's page."""
    return Header(
        title=cut(run.meta.title, 200) or "run",
        status=as_called(run.meta.status, run.meta.recorder),
        level=LEVELS.get(run.meta.status, "warning"),
        facts=facts(run),
        verdict=verdict(run, diagnosis),
        stats=Stats(tuple(_stats(run))),
    )


def facts(run: Run) -> tuple[str, ...]:
    """Short facts: duration and machine, steps and epochs, commit, seeds, torch, what watching cost."""
    environment = run.meta.environment
    told = [_duration(run), _steps(run), _commit(environment), _seeds(environment)]
    torch = environment.packages.get("torch", "")
    told.append(f"torch {torch}" if torch else "")
    share, spent = share_of_run(run), duration(run)
    # The first steps are looked at most: of a run of a few seconds their cost is a large share that says nothing.
    if share is not None and spent is not None and spent >= TELLING:
        told.append(f"watching cost {percent(share)} of the run")
    return tuple(fact for fact in told if fact)


def _duration(run: Run) -> str:
    environment = run.meta.environment
    spent = duration(run)
    machine = ""
    if environment.accelerators:
        kinds = list(dict.fromkeys(environment.accelerators))
        machine = ", ".join(f"{environment.accelerators.count(kind)} × {kind}" for kind in kinds)
    elif environment.processors:
        machine = counted(environment.processors, "CPU core")
    if spent is None:
        return f"on {machine}" if machine else ""
    return f"{seconds(spent)} on {machine}" if machine else seconds(spent)


def _steps(run: Run) -> str:
    step = last_step(run)
    epochs = [e for series in run.scalars.values() for e in series.epochs if math.isfinite(e)]
    epochs += [p.stamp.epoch for p in run.predictions if p.stamp.epoch is not None]
    if "epoch" not in run.scalars:  # then passes are counted, and nothing may have been logged after the last
        epochs += [float(loader.passes) for loader in run.evidence.loaders if loader.split == "train"]
    told = [counted(step, "step")] if step else []
    if epochs and max(epochs) > 0:
        most = max(epochs)
        told.append(counted(int(most), "epoch") if most == int(most) else f"{number(most)} epochs")
    return ", ".join(told)


def _commit(environment: Environment) -> str:
    git = environment.git
    if git is None or not git.commit:
        return ""
    state = {True: ", with uncommitted changes", False: ", clean", None: ""}[git.dirty]
    return f"commit {git.commit[:7]}{state}"


def _seeds(environment: Environment) -> str:
    values = set(environment.seeds.values())
    if len(values) == 1:
        return f"seed {values.pop()}"
    return f"seeds {', '.join(f'{name} {seed}' for name, seed in environment.seeds.items())}" if values else ""


def _stats(run: Run) -> list[Stat]:
    main, found = main_metric(run), losses(run)
    stats = [_metric(main)] if main is not None else []
    if main is None and len(found) == 1:
        stats.extend(_metric(curve) for curve in headline_losses(run))
    else:
        stats.extend(_metric(found[split]) for split in ("val", "test", "train") if split in found)
    if not stats:
        stats.extend(_metric(curve) for curve in _any(run))
    stats = stats[:3]
    parameters = _parameters(run)
    if parameters is not None:
        stats.append(parameters)
    known = pace(run)
    if known is not None:
        stats.append(_pace(known))
    return stats


def _any(run: Run) -> list[Curve]:
    return [curve for curve in curves_of(run) if curve.finite][:2]


def _metric(curve: Curve) -> Stat:
    series, best = curve.series, curve.best()
    last, first, top = curve.apart(
        series.last, series.values[0], series.values[best] if best is not None else series.last
    )
    detail = ""
    if best is not None and curve.split in ("val", "test") and len(curve.finite) > 1:
        word = "lowest" if curve.direction == "lower" else "best"
        detail = f"{word} {top} at step {count(series.steps[best])}"
    elif len(series) > 1:
        detail = f"from {first}"
    else:
        detail = f"at step {count(series.steps[-1])}"
    return Stat(
        label=named(curve.tag, 40),
        value=last,
        detail=detail,
        spark=_spark(curve) if len(series) > 2 else None,
        level="" if math.isfinite(series.last) else "error",
    )


def _spark(curve: Curve) -> Spark:
    series = curve.series
    values = tuple(series.values[at] for at in evenly(len(series), SPARK_POINTS))
    role = curve.split if curve.split in SPLITS else "train" if not curve.split else "neutral"
    return Spark(values, f"from {' to '.join(curve.apart(values[0], values[-1]))}", role)


def _parameters(run: Run) -> Stat | None:
    if run.graphs:
        amount, graph = sum(graph.parameters for graph in run.graphs), run.graphs[0]
        if not any(graph.counted for graph in run.graphs):
            return None
        flops = [g.flops for g in run.graphs if g.flops is not None]
        detail = ""
        if len(run.graphs) > 1:
            detail = f"in {counted(len(run.graphs), 'model')}"
        elif flops and graph.batch:
            detail = f"{scaled(flops[0] / graph.batch, 'FLOP')} a sample"
        elif flops:
            detail = f"{scaled(flops[0], 'FLOP')} a forward"
        return Stat("parameters", _amount(amount), detail)
    if not run.models:
        return None
    own = [p for model in run.models for p in model.parameters if not p.tied_to]
    amount, trainable = sum(p.numel for p in own), sum(p.numel for p in own if p.trainable)
    detail = "" if trainable == amount else f"{_amount(trainable)} trainable"
    return Stat("parameters", _amount(amount), detail)


def _amount(amount: int) -> str:
    return count(amount) if amount < 10_000_000 else scaled(amount)


def _pace(known: Pace) -> Stat:
    detail = f"{percent(known.waiting)} waiting for data" if known.waiting is not None else "median over the run"
    return Stat("step", seconds(known.step), detail)
