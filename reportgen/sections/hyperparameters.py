"""Hyperparameters: what was set, of which type, beside the metrics it led to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import count, counted, cut, listed, named
from reportgen.diagnose import Diagnosis
from reportgen.run.logged import HParams, Plain
from reportgen.run.records import Run
from reportgen.run.tags import direction_of
from reportgen.sections.curves import natural
from reportgen.sections.section import Section

ROWS = 100
COLUMNS = 20
VALUE = 200


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no hyperparameters were logged."""
    if not run.hparams:
        return None
    if len(run.hparams) == 1:
        how = "What was set, with the metrics that it led to."
        return SectionView("hyperparameters", "Hyperparameters", how, tuple(_one(run, run.hparams[0])))
    how = f"{counted(len(run.hparams), 'session')}, a row each: what was set, then the metrics that it led to."
    return SectionView("hyperparameters", "Hyperparameters", how, tuple(_several(run, run.hparams)))


def _one(run: Run, session: HParams) -> list[Block]:
    blocks: list[Block] = []
    if session.params:
        blocks.append(_parameters([session], sorted(session.params, key=natural), ""))
    metrics = sorted(session.metrics.items(), key=lambda each: natural(each[0]))
    if metrics:
        rows: list[tuple[Cell, ...]] = [(cut(name, VALUE), value, _better(run, name)) for name, value in metrics[:ROWS]]
        columns = (Column("metric", "code"), Column("value", "number"), Column("better"))
        total = len(metrics) if len(metrics) > ROWS else 0
        blocks.append(Table(columns, tuple(rows), title="Metrics they led to", total=total))
    return blocks


def _better(run: Run, metric: str) -> str:
    return direction_of(metric, run.meta.direction) or "not known"


def _parameters(sessions: Sequence[HParams], names: Sequence[str], title: str) -> Table:
    """Name, type and value of parameters that are the same in all sessions."""
    domains = {name: values for session in sessions for name, values in session.domains.items()}
    rows: list[tuple[Cell, ...]] = []
    for name in names[:ROWS]:
        value = sessions[0].params[name]
        allowed = ", ".join(cut(written(one), 40) for one in domains.get(name, ())[:COLUMNS])
        rows.append((cut(name, VALUE), type_of(value), cut(written(value), VALUE), allowed))
    columns = [Column("parameter", "code"), Column("type"), Column("value", "code"), Column("may be", "code")]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(tuple(columns), tuple(rows), title=title, total=len(names) if len(names) > ROWS else 0)


def _several(run: Run, sessions: Sequence[HParams]) -> list[Block]:
    names = sorted({name for session in sessions for name in session.params}, key=natural)
    same = [name for name in names if _same(sessions, name)]
    varied = [name for name in names if name not in set(same)]
    metrics = sorted({name for session in sessions for name in session.metrics}, key=natural)
    shown, measured = varied[:COLUMNS], metrics[:COLUMNS]
    best = {name: _best(run, sessions, name) for name in measured}
    # The sessions that are best at something are among the rows however many there are.
    wanted = {at for places in best.values() for at in places[:1]}
    rest = (at for at in range(len(sessions)) if at not in wanted)
    rows = sorted([*wanted, *(at for at, _ in zip(rest, range(ROWS - len(wanted)), strict=False))])
    columns = [
        Column("session", "code"),
        *(Column(named(name, 40), "text", _types(sessions, name)) for name in shown),
        *(Column(named(name, 40), "number") for name in measured),
    ]
    cells: list[tuple[Cell, ...]] = []
    strong: list[tuple[int, int]] = []
    for row, at in enumerate(rows):
        session = sessions[at]
        params = [cut(written(session.params[name]), 60) if name in session.params else None for name in shown]
        cells.append((_name(session, at), *params, *(session.metrics.get(name) for name in measured)))
        strong += [(row, 1 + len(shown) + k) for k, name in enumerate(measured) if at in best[name]]
    blocks: list[Block] = [
        Table(
            tuple(columns),
            tuple(cells),
            caption=_caption(run, best, (len(varied), len(shown)), (len(metrics), len(measured))),
            strong=tuple(strong),
            total=len(sessions) if len(sessions) > len(rows) else 0,
        )
    ]
    if same:
        blocks.append(_parameters(sessions, same, "The same in all sessions"))
    return blocks


def _name(session: HParams, at: int) -> str:
    return cut(session.name, 80) if session.name.strip() else f"run, {counted(at + 1, 'session')}" if at else "run"


def _same(sessions: Sequence[HParams], name: str) -> bool:
    """Whether all sessions have a parameter with the same value of the same type."""
    if any(name not in session.params for session in sessions):
        return False
    return len({(type_of(session.params[name]), written(session.params[name])) for session in sessions}) == 1


def _types(sessions: Sequence[HParams], name: str) -> str:
    return " or ".join(dict.fromkeys(type_of(session.params[name]) for session in sessions if name in session.params))


def _best(run: Run, sessions: Sequence[HParams], metric: str) -> list[int]:
    """The sessions with the best value of a metric; none where it is not known which way is better."""
    direction = direction_of(metric, run.meta.direction)
    values = {
        at: session.metrics[metric]
        for at, session in enumerate(sessions)
        if math.isfinite(session.metrics.get(metric, math.nan))
    }
    if not direction or not values:
        return []
    end = min(values.values()) if direction == "lower" else max(values.values())
    return [at for at, value in values.items() if value == end]


def _caption(
    run: Run,
    best: dict[str, list[int]],
    parameters: tuple[int, int],
    metrics: tuple[int, int],
) -> str:
    known = [name for name, places in best.items() if places]
    said = []
    if known:
        said.append(f"The best value of {listed(known)} is bold ({_ways(run, known)}).")
    for (total, shown), noun in ((parameters, "parameter"), (metrics, "metric")):
        if shown < total:
            said.append(f"{count(shown)} of {counted(total, noun)} are shown.")
    return " ".join(said)


def _ways(run: Run, names: Sequence[str]) -> str:
    ways = dict.fromkeys(direction_of(name, run.meta.direction) for name in names)
    return f"{next(iter(ways))} is better" if len(ways) == 1 else "lower or higher, by its name"


def type_of(value: Plain) -> str:
    """The type of a value as Python calls it: bool, int, float, str, None."""
    return "None" if value is None else type(value).__name__


def written(value: Plain) -> str:
    """A value as Python writes it, text without its quotes."""
    return value if isinstance(value, str) else repr(value)


SECTION = Section("hyperparameters", "hyperparameters", "", build)
