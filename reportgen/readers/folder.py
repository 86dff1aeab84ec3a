"""A run folder -> Run."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from reportgen.readers.attempts import joined, visible
from reportgen.readers.journal import Journal, Snapshot, decoded, read_journal
from reportgen.readers.media import MediaFolder
from reportgen.readers.rows import Rows
from reportgen.run.distribution import DistributionSeries
from reportgen.run.evidence import (
    DataSplit,
    Evidence,
    LoaderUse,
    LossUse,
    ModelUse,
    ModeUse,
    NonFinite,
    SchedulerUse,
    TorchWarning,
)
from reportgen.run.folder import JOURNAL, MEDIA, read_manifest
from reportgen.run.found import FOUND, OwnCheck
from reportgen.run.graph import Graph, GraphTimes
from reportgen.run.journal import written_here
from reportgen.run.logged import Audio, Embedding, HParams, Mesh, PRCurve, TagGroup, TensorRecord, Video
from reportgen.run.media_names import named_media, without_missing
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import (
    SCHEMA,
    Attempt,
    Damage,
    Failure,
    Images,
    Meta,
    Model,
    Note,
    Run,
    TableRecord,
    TextRecord,
)
from reportgen.run.series import Series
from reportgen.run.thin_distributions import chosen_snapshots, kind_limit, snapshot_limit

RUNNING, FINISHED, NO_END = "running", "finished", "no end recorded"

Record = TypeVar("Record")
Logged = TypeVar("Logged", Images, TextRecord, Audio, Video, PRCurve, Embedding, Mesh, TensorRecord)
Key = TypeVar("Key", bound=Hashable)


def read_folder(path: Path, page: bool = False) -> Run:
    """The run that `path` holds: all attempts of rank 0 in order. What is damaged is left out and counted.

    page: leave out the snapshots of distributions that `thin` would, which is much faster.

    Raises UnreadableRunError without a readable run.json, NewerSchemaError for a run of a newer reportgen.
    """
    meta = read_manifest(path)
    files = _journal_files(path)
    journals = [read_journal(file, number) for number, file in files]
    resumed = [journal.hides_from for journal in journals]
    meta = _ended(meta, journals, path)
    run = Run(
        schema=SCHEMA,
        meta=meta,
        scalars=_series([journal.scalars for journal in journals], resumed),
        measures={
            quantity: _series([journal.measures.get(quantity, Rows()) for journal in journals], resumed)
            for quantity in _keys(journal.measures for journal in journals)
        },
        distributions=_distributions(journals, resumed, page),
        predictions=_predictions(journals, resumed),
        models=_models(journals),
        graphs=_graphs(journals),
        tables=_tables(journals),
        hparams=_last(journals, HParams, "hparams", lambda one: one.name),
        layouts=tuple(record for journal in journals for record in journal.records.get("layout", [])),
        groups=_groups(journals),
        images=_logged(journals, resumed, Images, "images"),
        texts=_logged(journals, resumed, TextRecord, "text"),
        audio=_logged(journals, resumed, Audio, "audio"),
        videos=_logged(journals, resumed, Video, "video"),
        pr_curves=_logged(journals, resumed, PRCurve, "pr_curve"),
        embeddings=_logged(journals, resumed, Embedding, "embedding"),
        meshes=_logged(journals, resumed, Mesh, "mesh"),
        tensors=_logged(journals, resumed, TensorRecord, "tensor"),
        evidence=_evidence(journals),
        own_rules=_last(journals, OwnCheck, FOUND, lambda one: one.id),
        notes=_notes(journals),
        failure=_failure(journals, meta),
        damage=_damage(journals, [file for _, file in files]),
    )
    return _with_media(run, path / MEDIA)


def _damage(journals: list[Journal], files: list[Path]) -> Damage:
    return Damage(
        lines=sum(len(journal.damaged) for journal in journals),
        torn_tail=any(journal.torn for journal in journals),
        files=tuple(
            file.name for file, journal in zip(files, journals, strict=True) if len(journal.damaged) or journal.torn
        ),
    )


def _journal_files(path: Path) -> list[tuple[int, Path]]:
    found = [(match, entry) for entry in path.iterdir() if (match := JOURNAL.fullmatch(entry.name))]
    return sorted((int(match[1]), entry) for match, entry in found if entry.is_file())


def _ended(meta: Meta, journals: list[Journal], path: Path) -> Meta:
    """`meta` with status, times and attempts as the journals tell them."""
    last = journals[-1] if journals else None
    if last is not None and last.end is not None:
        status, ended = last.end, last.ended
    elif written_here(path):
        status, ended = RUNNING, None
    elif meta.status == RUNNING:
        status, ended = NO_END, None
    else:  # the end line was lost or damaged
        status, ended = meta.status, meta.ended
    times = [journal.last for journal in journals if journal.last is not None]
    return replace(
        meta,
        status=status,
        ended=ended,
        last_record=max(times) if times else meta.last_record,
        attempts=tuple(
            Attempt(
                number=journal.number,
                started=meta.started if journal.started is None else journal.started,
                resumed_from=journal.resumed_from,
                ended=journal.ended,
                status=journal.end or "",
            )
            for journal in journals
        ),
    )


def _series(attempts: list[Rows], resumed: list[int | None]) -> dict[str, Series]:
    found = [dict(rows.series()) for rows in attempts]
    return {name: joined([series.get(name) for series in found], resumed) for name in _keys(found)}


def _keys(mappings: Iterable[Mapping[Key, object]]) -> list[Key]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _distributions(
    journals: list[Journal], resumed: list[int | None], page: bool
) -> dict[str, dict[str, DistributionSeries]]:
    seen: dict[tuple[str, str], list[tuple[Journal, Snapshot]]] = {}
    for key in _keys(journal.distributions for journal in journals):
        attempts = [journal.distributions.get(key, []) for journal in journals]
        rows = visible([[snapshot.stamp.step for snapshot in written] for written in attempts], resumed)
        seen[key] = [(journals[part], attempts[part][row]) for part, row in rows]
    limit = snapshot_limit([len(snapshots) for snapshots in seen.values()])
    kinds = Counter(kind for kind, _ in seen)
    found: dict[str, dict[str, DistributionSeries]] = {}
    for (kind, name), snapshots in seen.items():
        logged = len(snapshots)
        if page:
            odd = next((place for place, (_, snapshot) in enumerate(snapshots) if snapshot.odd), None)
            kept = kind_limit(kind, limit, kinds[kind])
            snapshots = [snapshots[place] for place in chosen_snapshots(logged, kept, odd)]
        pairs = [(snapshot.stamp, decoded(journal, snapshot)) for journal, snapshot in snapshots]
        known = [(stamp, distribution) for stamp, distribution in pairs if distribution is not None]
        if known:
            found.setdefault(kind, {})[name] = DistributionSeries(
                kind=kind,
                name=name,
                steps=array("q", [stamp.step for stamp, _ in known]),
                optimizer_steps=array("q", [stamp.optimizer_step for stamp, _ in known]),
                snapshots=tuple(distribution for _, distribution in known),
                logged=logged,
            )
    return found


def _predictions(journals: list[Journal], resumed: list[int | None]) -> tuple[PredictionSet, ...]:
    """The last line of each split and step: a set is written again when more samples have come."""
    attempts: list[list[PredictionSet]] = []
    for journal in journals:
        written: list[PredictionSet] = journal.records.get("predictions", [])
        attempts.append(list(_last_of_each(written, lambda one: (one.split, one.stamp.step)).values()))
    return _visible_by(attempts, lambda one: one.split, lambda one: one.stamp.step, resumed)


def _logged(journals: list[Journal], resumed: list[int | None], _: type[Logged], kind: str) -> tuple[Logged, ...]:
    """The records of a kind that have a tag and a step, as they are seen after all attempts."""
    attempts: list[list[Logged]] = [journal.records.get(kind, []) for journal in journals]
    return _visible_by(attempts, lambda one: one.tag, lambda one: one.stamp.step, resumed)


def _last(journals: list[Journal], _: type[Record], kind: str, key: Callable[[Record], Hashable]) -> tuple[Record, ...]:
    written: list[Record] = [record for journal in journals for record in journal.records.get(kind, [])]
    return tuple(_last_of_each(written, key).values())


def _evidence(journals: list[Journal]) -> Evidence:
    return Evidence(
        losses=_last(journals, LossUse, "loss_use", lambda one: (one.model, one.criterion, one.kind, one.seen)),
        modes=_last(
            journals,
            ModeUse,
            "mode_use",
            lambda one: (one.model, one.phase, one.told_by, one.training, one.evaluating, one.root),
        ),
        models=_last(journals, ModelUse, "model_use", lambda one: one.model),
        non_finite=_last(journals, NonFinite, "non_finite", lambda one: one.model),
        schedulers=_last(journals, SchedulerUse, "scheduler_use", lambda one: (one.model, one.type)),
        data=_last(journals, DataSplit, "data_split", lambda one: (one.split, one.source)),
        loaders=_last(journals, LoaderUse, "loader_use", lambda one: one.split),
        warnings=_last(journals, TorchWarning, "torch_warning", lambda one: one),
    )


def _groups(journals: list[Journal]) -> tuple[TagGroup, ...]:
    """The groups of tags, each with all the tags that were ever named for it."""
    found: dict[str, dict[str, None]] = {}
    written: list[TagGroup] = [record for journal in journals for record in journal.records.get("group", [])]
    for group in written:
        found.setdefault(group.tag, {}).update(dict.fromkeys(group.tags))
    return tuple(TagGroup(tag, tuple(tags)) for tag, tags in found.items())


def _visible_by(
    attempts: list[list[Record]],
    key: Callable[[Record], str],
    step: Callable[[Record], int],
    resumed: list[int | None],
) -> tuple[Record, ...]:
    """The records that are seen, each key's attempts joined on their own, in the order in which they were written."""
    seen: set[int] = set()
    for name in dict.fromkeys(key(record) for records in attempts for record in records):
        own = [[record for record in records if key(record) == name] for records in attempts]
        rows = visible([[step(record) for record in records] for records in own], resumed)
        seen |= {id(own[part][row]) for part, row in rows}
    return tuple(record for records in attempts for record in records if id(record) in seen)


def _last_of_each(records: Iterable[Record], key: Callable[[Record], Hashable]) -> dict[Hashable, Record]:
    return {key(record): record for record in records}


def _models(journals: list[Journal]) -> tuple[Model, ...]:
    written: list[Model] = [record for journal in journals for record in journal.records.get("model", [])]
    return tuple(_last_of_each(written, lambda model: model.name).values())


def _graphs(journals: list[Journal]) -> tuple[Graph, ...]:
    """The last graph of each model, with the last times of its modules."""
    written: list[Graph] = [record for journal in journals for record in journal.records.get("graph", [])]
    timed: list[GraphTimes] = [record for journal in journals for record in journal.records.get("graph_times", [])]
    times = {record.model: record.seconds for record in timed}
    last = _last_of_each(written, lambda graph: graph.model).values()
    return tuple(_with_times(graph, times.get(graph.model, {})) for graph in last)


def _with_times(graph: Graph, seconds: Mapping[str, float]) -> Graph:
    """`graph` with the time of one call at the first call of each module."""
    if not seconds:
        return graph
    nodes = tuple(
        replace(node, seconds=seconds[node.path])
        if node.kind == "module" and node.call == 1 and node.path in seconds
        else node
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes)


def _tables(journals: list[Journal]) -> tuple[TableRecord, ...]:
    return _last(journals, TableRecord, "table", lambda table: table.tag)


def _notes(journals: list[Journal]) -> tuple[Note, ...]:
    """Each thing said once, at its first step, with the largest count: a note is written again when it repeats."""
    found: dict[tuple[str, str, str], Note] = {}
    written: list[Note] = [record for journal in journals for record in journal.records.get("note", [])]
    for note in written:
        key = (note.kind, note.where, note.what)
        known = found.get(key, note)
        found[key] = replace(known, step=min(known.step, note.step), times=max(known.times, note.times))
    return tuple(found.values())


def _failure(journals: list[Journal], meta: Meta) -> Failure | None:
    """The exception that ended the last attempt; none when the run went on and finished after it."""
    written: list[Failure] = journals[-1].records.get("failure", []) if journals else []
    return written[-1] if written and meta.status != FINISHED else None


def _with_media(run: Run, folder: Path) -> Run:
    """`run` with its media. Those that are missing are taken out of the records that name them, and counted."""
    named = named_media(run)
    media = MediaFolder(folder, named)
    lost = len(named) - len(media)
    if not lost:
        return replace(run, media=media)
    note = Note("omission", "media", f"{lost:,} of {len(named):,} files are missing from the media folder")
    return replace(without_missing(run, media), media=media, notes=(*run.notes, note))
