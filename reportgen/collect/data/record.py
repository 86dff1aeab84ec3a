"""From rows read to the record of them, and what comes of comparing the rows of several splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reportgen.collect.data.columns import Columns, distinct_of
from reportgen.collect.data.hashing import Hashes, combined
from reportgen.collect.data.kinds import channels, picked
from reportgen.collect.data.rows import FEW_COLUMNS, Rows
from reportgen.collect.predictions.arrays import Array, Booleans, Integers
from reportgen.run.evidence import DataSplit, FeatureFacts

# Pairs of equal rows that are named.
PAIRS = 8
MOST_NAMES, MOST_CONSTANT = 20, 64
LONGEST_NAME = 120


def record_of(rows: Rows) -> DataSplit:
    """What one split's rows say by themselves, without what takes comparing them with each other."""
    rows.settle()
    features, whole = _features(rows)
    duplicates, conflicting, pairs = repetitions(rows)
    targets = rows.targets
    constant = _constant(rows)
    odd_rows = rows.whole.odd_rows + (rows.columns.odd_rows if rows.columns is not None else 0)
    tokens = int(rows.token_counts.sum())
    return DataSplit(
        rows.split,
        rows.source,
        rows.count,
        rows.total,
        rows.kind,
        rows.shape or (),
        rows.dtype,
        whole,
        features,
        tuple(constant[:MOST_CONSTANT]),
        len(constant),
        odd_rows,
        _odd_columns(rows) if odd_rows else (),
        float(rows.token_counts.max() / tokens) if tokens else 0.0,
        duplicates,
        conflicting,
        pairs,
        targets=targets.kind,
        class_counts=targets.class_counts(),
        target=targets.facts(),
    )


def feature_names(rows: Rows, places: Sequence[int]) -> tuple[str, ...]:
    """The names of features: of a table's columns as they are, of others their numbers, of a picture's channels."""
    if rows.kind == "image":
        return tuple(f"channel {place}" for place in places)
    names = rows.names
    return tuple((names[place] if place < len(names) else str(place))[:LONGEST_NAME] for place in places)


def feature_values(rows: Rows) -> tuple[tuple[str, ...], Array]:
    """Names and values (n, features) of sampled rows: columns of vectors, the mean of each channel of pictures."""
    sample, _ = rows.sample()
    if rows.kind not in ("numbers", "image") or _ragged(rows) or not sample.size:
        return (), np.zeros((0, 0))
    if rows.kind == "numbers":
        width = int(np.prod(rows.shape or (1,)))
        return feature_names(rows, picked(width, sample.shape[1]).tolist()), sample
    groups = channels(rows.shape or (), rows.picks)
    with np.errstate(all="ignore"):
        values: Array = np.stack([sample[:, _span(group)].mean(axis=1) for group in groups], axis=1)
    return feature_names(rows, range(len(groups))), values


def _span(places: Array) -> Any:
    """Evenly spaced places as a slice, which takes a view and no copy."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    even = len(places) and (np.diff(places) == step).all()
    return slice(int(places[0]), int(places[-1]) + 1, step) if even else places


def repetitions(rows: Rows) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """(duplicates, conflicting, pairs), as in DataSplit; duplicates are not counted of rows that come repeatedly."""
    hashes, index, targets = rows.hashes(), rows.index(), rows.target_hashes()
    if not len(hashes) or rows.kind == "":
        return 0, 0, ()
    if rows.repeated and targets is not None:
        # The same row with the same target is one row that came twice.
        _, once = np.unique(combined([hashes, targets]), return_index=True)
        once.sort()
        hashes, index, targets = hashes[once], index[once], targets[once]
    elif rows.repeated:
        return 0, 0, ()
    _, first, of = np.unique(hashes, return_index=True, return_inverse=True)
    earlier = first[of]
    again: Integers = np.flatnonzero(earlier != np.arange(len(hashes)))
    against: Booleans = np.zeros(len(again), bool)
    if targets is not None and rows.targets.kind != "":
        against = targets[again] != targets[earlier[again]]
    order = np.concatenate((again[against], again[~against]))[:PAIRS]
    pairs = tuple((int(index[row]), int(index[earlier[row]])) for row in order)
    return (0 if rows.repeated else len(again)), int(against.sum()), pairs


Shared = tuple[int, tuple[tuple[int, int], ...]]


def shared_with(rows: Rows, others: Mapping[str, Sequence[Rows]]) -> dict[str, Shared]:
    """Other split -> how many rows of this one are there, too, and some (row, row there)."""
    ours, index = rows.hashes(), rows.index()
    found: dict[str, Shared] = {}
    if not len(ours) or rows.kind == "":
        return found
    if rows.repeated:
        ours, once = np.unique(ours, return_index=True)
        index = index[once]
    for split, sources in others.items():
        hit: Booleans = np.zeros(len(ours), bool)
        pairs: list[tuple[int, int]] = []
        for other in sources:
            new = _in(ours, other.hashes()) & ~hit
            hit |= new
            for row in np.flatnonzero(new)[: PAIRS - len(pairs)]:
                there = int(np.flatnonzero(other.hashes() == ours[row])[0])
                pairs.append((int(index[row]), int(other.index()[there])))
        if hit.any():
            found[split] = (int(hit.sum()), tuple(pairs))
    return found


def _in(ours: Hashes, theirs: Hashes) -> Booleans:
    found: Booleans = np.isin(ours, theirs)
    return found


def _grouped(rows: Rows, columns: Columns) -> Columns:
    if rows.kind == "image" and not _ragged(rows):
        return columns.grouped(channels(rows.shape or (), rows.picks))
    return columns


def _ragged(rows: Rows) -> bool:
    return rows.columns is None or rows.ragged


def _features(rows: Rows) -> tuple[tuple[FeatureFacts, ...], FeatureFacts | None]:
    columns = rows.columns
    if columns is None or not rows.count:
        return (), None
    sample, _ = rows.sample()
    whole = columns.grouped([np.arange(columns.width)])
    whole.add_sums(rows.whole)
    (everything,) = whole.facts(["all"], [distinct_of(sample[:400]) if sample.size else 0])
    if rows.kind not in ("numbers", "image") or _ragged(rows):
        return (), everything
    grouped = _grouped(rows, columns)
    if grouped.width > FEW_COLUMNS:
        return (), everything
    groups = channels(rows.shape or (), rows.picks) if rows.kind == "image" else [[at] for at in range(grouped.width)]
    distinct = [distinct_of(sample[:, group] if len(group) < 2 else sample[:200][:, group]) for group in groups]
    return grouped.facts(feature_names(rows, range(grouped.width)), distinct), everything


def _constant(rows: Rows) -> list[str]:
    columns = rows.columns
    if columns is None or rows.kind not in ("numbers", "image") or _ragged(rows):
        return []
    return list(_names_of(rows, _grouped(rows, columns).constant()))


def _odd_columns(rows: Rows) -> tuple[str, ...]:
    columns = rows.columns
    if columns is None or rows.kind not in ("numbers", "image") or _ragged(rows):
        return ()
    return _names_of(rows, np.flatnonzero(_grouped(rows, columns).missing)[:MOST_NAMES])


def _names_of(rows: Rows, columns: Integers) -> tuple[str, ...]:
    """The names of columns by their places among those that are summed up."""
    return feature_names(rows, (columns if rows.kind == "image" else rows.picks[columns]).tolist())
