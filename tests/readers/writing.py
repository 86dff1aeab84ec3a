"""Writes a Run as the run folder that it could have been read from: the journal's format, line by line."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from reportgen.run.codec import to_plain
from reportgen.run.records import SCHEMA, Run
from reportgen.run.series import Series

# The journal's words for the records of a Run that have a moment.
LOGGED = {
    "audio": "audio",
    "video": "videos",
    "pr_curve": "pr_curves",
    "embedding": "embeddings",
    "mesh": "meshes",
    "tensor": "tensors",
    "hparams": "hparams",
    "layout": "layouts",
}
# And for those of its evidence.
EVIDENCE = {
    "loss_use": "losses",
    "mode_use": "modes",
    "model_use": "models",
    "non_finite": "non_finite",
    "scheduler_use": "schedulers",
    "data_split": "data",
    "loader_use": "loaders",
    "torch_warning": "warnings",
}


def line(kind: str, payload: Any, step: int = 0, opt: int = 0, epoch: float | None = None, t: float = 0.0) -> str:
    entry = {"k": kind, "step": step, "opt": opt, "epoch": epoch, "t": t, "v": payload}
    return json.dumps(entry, separators=(",", ":"), allow_nan=False)


def journal_lines(run: Run, attempt: int = 0, resumed_from: int | None = None) -> list[str]:
    """The lines in the order of their steps, between a start line and (for a run that ended) an end line."""
    start = {
        "schema": SCHEMA,
        "attempt": attempt,
        "rank": 0,
        "resumed_from": resumed_from,
        "reportgen": run.meta.reportgen,
    }
    lines = [line("start", start, t=run.meta.started)]
    lines += [line("model", to_plain(model), t=run.meta.started) for model in run.models]
    lines += [line("graph", to_plain(graph), t=run.meta.started) for graph in run.graphs]
    lines += [text for _, text in sorted(_stamped(run), key=lambda pair: pair[0])]
    for kind, records in (("predictions", run.predictions), ("images", run.images), ("text", run.texts)):
        lines += [
            line(kind, to_plain(one), one.stamp.step, one.stamp.optimizer_step, t=one.stamp.time) for one in records
        ]
    for kind, records in LOGGED.items():
        lines += [
            line(kind, to_plain(one), one.stamp.step, one.stamp.optimizer_step, t=one.stamp.time)
            for one in getattr(run, records)
        ]
    lines += [
        line(kind, to_plain(one), t=run.meta.started)
        for kind, records in EVIDENCE.items()
        for one in getattr(run.evidence, records)
    ]
    lines += [line("group", to_plain(group), t=run.meta.started) for group in run.groups]
    lines += [line("table", to_plain(table), t=run.meta.started) for table in run.tables]
    lines += [line("note", to_plain(note), t=run.meta.started) for note in run.notes]
    if run.failure:
        lines.append(line("failure", to_plain(run.failure), run.failure.stamp.step, t=run.failure.stamp.time))
    if run.meta.ended is not None:
        lines.append(line("end", {"status": run.meta.status}, t=run.meta.ended))
    return lines


def _stamped(run: Run) -> list[tuple[int, str]]:
    scalars: dict[tuple[int, int, float, float], dict[str, Any]] = defaultdict(dict)
    for tag, series in run.scalars.items():
        for row in _rows(series):
            scalars[row[:4]][tag] = to_plain(row[4])
    measures: dict[tuple[int, int, float, float], dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for quantity, group in run.measures.items():
        for name, series in group.items():
            for row in _rows(series):
                measures[row[:4]][quantity][name] = to_plain(row[4])
    found = [
        (step, line(kind, payload, step, opt, epoch, t))
        for kind, rows in (("scalars", scalars), ("measures", measures))
        for (step, opt, epoch, t), payload in rows.items()
    ]
    snapshots: dict[tuple[int, int], dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for kind, group in run.distributions.items():
        for name, one in group.items():
            for step, opt, snapshot in zip(one.steps, one.optimizer_steps, one.snapshots, strict=True):
                snapshots[step, opt][kind][name] = to_plain(snapshot)
    found += [(step, line("distributions", group, step, opt)) for (step, opt), group in snapshots.items()]
    return found


def _rows(series: Series) -> list[tuple[int, int, float, float, float]]:
    columns = (series.steps, series.optimizer_steps, series.epochs, series.times, series.values)
    return list(zip(*columns, strict=True))


def write_folder(path: Path, run: Run, attempt: int = 0, resumed_from: int | None = None) -> Path:
    """Write (or add an attempt to) the run folder `path` and return it."""
    (path / "media").mkdir(parents=True, exist_ok=True)
    manifest = {**to_plain(run.meta), "schema": SCHEMA}
    (path / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = "".join(f"{entry}\n" for entry in journal_lines(run, attempt, resumed_from))
    journal_path(path, attempt).write_text(text, encoding="utf-8")
    for name, data in run.media.items():
        (path / "media" / name).write_bytes(data)
    return path


def journal_path(folder: Path, attempt: int = 0) -> Path:
    return folder / f"events.rank-00000.attempt-{attempt:03d}.jsonl"
