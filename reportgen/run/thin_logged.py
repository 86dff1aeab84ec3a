"""Fewer sounds, videos, curves, embeddings, meshes, tensors: a few moments of each tag, the first and last always."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reportgen.run.logged import PRCurve
from reportgen.run.records import Run
from reportgen.run.thin_records import MOMENTS, chosen
from reportgen.run.thin_series import even_choice

# Thresholds of a precision-recall curve, hyperparameter sessions, groups of tags.
THRESHOLDS = 201
SESSIONS = 500
GROUPS = 1000
# Meshes of one batch.
BATCH = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: its field of Run, what one is called, and how many tags a page keeps."""

    field: str
    noun: str
    tags: int


KINDS = (
    Kind("audio", "sounds", 12),
    Kind("videos", "videos", 8),
    Kind("pr_curves", "precision-recall curves", 24),
    Kind("embeddings", "embeddings", 6),
    Kind("meshes", "meshes", 6),
    Kind("tensors", "tensors", 50),
)
COLUMNS = (
    "thresholds",
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
    "precision",
    "recall",
)


def thin_logged(run: Run, said: list[str]) -> dict[str, Any]:
    """The fields of `run` that change: at most MOMENTS records of a tag, few tags; `said` gets what was left out.

    "moments" among them counts what was logged of tags of which some is left out.
    """
    changes: dict[str, Any] = {}
    moments = {kind: dict(tags) for kind, tags in run.moments.items()}
    for kind in KINDS:
        records = getattr(run, kind.field)
        kept = _of_known_tags([one for one in records if getattr(one, "index", 0) < BATCH], kind.tags)
        kept = chosen(kept, _thing, MOMENTS)
        if len(kept) < len(records):
            changes[kind.field] = tuple(kept)
            said.append(f"{len(kept):,} of {len(records):,} {kind.noun} are kept.")
            count_moments(moments, kind.field, records, kept)
    curves = changes.get("pr_curves", run.pr_curves)
    if any(len(curve.thresholds) > THRESHOLDS for curve in curves):
        changes["pr_curves"] = tuple(_shorter(curve) for curve in curves)
        said.append(f"Precision-recall curves are kept at {THRESHOLDS} of their thresholds.")
    for field, limit, noun in (("hparams", SESSIONS, "sets of hyperparameters"), ("groups", GROUPS, "groups of tags")):
        records = getattr(run, field)
        if len(records) > limit:
            changes[field] = records[:limit]
            said.append(f"The first {limit:,} of {len(records):,} {noun} are kept.")
    if moments != run.moments:
        changes["moments"] = moments
    return changes


def count_moments(moments: dict[str, dict[str, int]], kind: str, records: Sequence[Any], kept: Sequence[Any]) -> None:
    """Note in `moments` how many moments were logged of each kept tag of which some are not kept."""
    logged, left = _moments(records), _moments(kept)
    for tag, amount in left.items():
        if logged[tag] > amount:
            known = moments.setdefault(kind, {})
            known[tag] = max(known.get(tag, 0), logged[tag])


def _moments(records: Sequence[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        if getattr(record, "index", 0) == 0:
            found[record.tag] = found.get(record.tag, 0) + 1
    return found


def _thing(record: Any) -> Hashable:
    return record.tag, getattr(record, "index", 0)


def _of_known_tags(records: Sequence[Any], limit: int) -> list[Any]:
    known = set(list(dict.fromkeys(record.tag for record in records))[:limit])
    return [record for record in records if record.tag in known]


def _shorter(curve: PRCurve) -> PRCurve:
    places = even_choice(len(curve.thresholds), THRESHOLDS)
    shorter: dict[str, Any] = {}
    for name in COLUMNS:
        column = getattr(curve, name)
        if len(column) == len(curve.thresholds):
            shorter[name] = array("d", [column[at] for at in places])
    return replace(curve, **shorter)
