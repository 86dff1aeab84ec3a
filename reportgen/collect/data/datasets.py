"""All rows of one run, by split and source, and the records made of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reportgen.collect.data.doubts import NEIGHBOURS, doubts
from reportgen.collect.data.kinds import layout_of
from reportgen.collect.data.leaks import leaks
from reportgen.collect.data.open_splits import OpenSplits
from reportgen.collect.data.parts import on_host
from reportgen.collect.data.passes import Passes
from reportgen.collect.data.reading import read
from reportgen.collect.data.record import feature_values, record_of, shared_with
from reportgen.collect.data.rows import MOST_NUMBERS, Rows
from reportgen.collect.data.shared_rows import shared_rows
from reportgen.collect.data.shifts import shifts
from reportgen.collect.data.targets import LONGEST_LABEL
from reportgen.collect.evidence.summed import Summed
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.images import encode, picture_of
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.quiet import quiet
from reportgen.collect.structure import arguments
from reportgen.run.evidence import DataSplit, Doubt, Leak, LoaderUse, SharedRow, Shift

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder
    from reportgen.collect.watched import Watched

TRAIN = "train"
# Longest side of the picture of a row, in pixels.
PICTURE_SIDE = 96
# Rows of two splits that are shown.
SHOWN = 6
# Rows of one model input that are looked at.
INPUT_ROWS = 64
# The comparisons are made again once there are so many times as many rows.
GROWN = 1.5
SOURCES = {"data": 0, "track": 1, "inputs": 2}


class DataSets:
    """What fills the records DataSplit and LoaderUse of one recorder, which keeps it alive."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.open = OpenSplits(recorder)
        self._rows: dict[tuple[str, str], Rows] = {}
        self._passes: dict[str, Passes] = {}
        self._compared: dict[tuple[str, str], tuple[int, tuple[Leak, ...], tuple[Doubt, ...]]] = {}
        self._shifted: dict[tuple[str, str], tuple[tuple[int, int], tuple[Shift, ...]]] = {}
        self._written: dict[tuple[str, str], tuple[int, ...]] = {}
        self.lock = threading.RLock()  # one thread may build while another one trains
        recorder.before_flush.append(self.write)
        self._splits = Summed(recorder, "data_split")
        self._loaders = Summed(recorder, "loader_use")

    @staticmethod
    def of(recorder: Recorder) -> DataSets:
        """The one of `recorder`."""
        found = recorder.data
        if found is None:
            found = recorder.data = DataSets(recorder)
        return found

    # -- what is given ---------------------------------------------------------------------------------------------

    def look(self, split: str, dataset: Any) -> None:
        """Read rows of a split at once; see `reading.read`. Raises InvalidArgumentError for what has no rows."""
        if not self.recorder.owner:
            return
        rows, failures = read(split, dataset)
        if failures.count:
            tried = rows.count + failures.count
            self.recorder.note(
                "rejected", "data", f"{failures.count:,} of {tried:,} rows of {split!r} were not read: {failures.first}"
            )
        with self.lock:
            self.take(rows, at_once=False)
            for known in list(self._rows.values()):
                if known is rows or known.split != split:  # what they share is new
                    self._put(known, compare=True)

    def passes(self, split: str) -> Passes:
        """Of the tracked loaders of a split."""
        found = self._passes.get(split)
        if found is None:
            found = self._passes[split] = Passes(self, split)
        return found

    def inputs(self, watched: Watched, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """Look at what a watched model is given on the CPU, where the rows of its split are not known otherwise.

        Outside of a tracked loader only training forwards are: whose rows others are given is unknown.
        """
        split = self.recorder.split or (TRAIN if torch.is_grad_enabled() else None)
        if split is None or not self.recorder.owner or self.read(split) or (split, "track") in self._rows:
            return
        if not self.lock.acquire(blocking=False):  # another thread builds
            return
        try:
            rows = self._rows.setdefault((split, "inputs"), Rows(split, "inputs", hashing=False))
            if rows.room > 0:
                with quiet():
                    _hold(rows, args, kwargs)
        finally:
            self.lock.release()

    def take(self, rows: Rows, at_once: bool) -> None:
        """Keep the rows of a split, in place of fewer of the same source. at_once: record them, without comparisons."""
        key = (rows.split, rows.source)
        known = self._rows.get(key)
        if known is not rows:
            if rows.source == "track" and known is not None and known.count >= rows.count:
                return
            self._rows[key] = rows
            self._rows.pop((rows.split, "inputs"), None)
            for found in (self._compared, self._shifted, self._written):
                found.pop(key, None)
        if at_once:
            self._put(rows, compare=False)

    def loader_use(self, use: LoaderUse) -> None:
        """Record how a loader was used."""
        self._loaders.put(use.split, use)

    def read(self, split: str) -> bool:
        """Whether the user handed over the rows of `split`."""
        return (split, "data") in self._rows

    def class_counts(self, split: str) -> dict[str, int]:
        """Label -> rows of a split that the user handed over, {} when unknown."""
        rows = self._rows.get((split, "data"))
        return rows.targets.class_counts() if rows is not None else {}

    # -- what is made of it ----------------------------------------------------------------------------------------

    def write(self) -> None:
        """Bring the records up to date when a flush was asked for: comparing rows must not hold up a loop."""
        if not self.recorder.asked or not self.recorder.owner:
            return
        with self.lock:
            for passes in list(self._passes.values()):
                under_way = passes.under_way()
                if under_way is not None:
                    self.take(under_way, at_once=False)
                self.loader_use(passes.use())
            for rows in list(self._rows.values()):
                with self.recorder.guard("data"):
                    rows.settle()
                    self._put(rows, compare=True)

    def _put(self, rows: Rows, compare: bool) -> None:
        key = (rows.split, rows.source)
        state = (int(compare), rows.count, *(other.count for other in self._rows.values() if other is not rows))
        if self._written.get(key) == state:
            return
        self._written[key] = state
        record = record_of(rows)
        if rows.hashing:
            record = self._with_shared(rows, record, compare)
        if compare and rows.count:
            shown = self._comparisons(key, rows)
            record = replace(record, leaks=shown[1], doubts=shown[2], shifts=self._shifts(key, rows))
        self._splits.put(key, record)

    def _with_shared(self, rows: Rows, record: DataSplit, compare: bool) -> DataSplit:
        others: dict[str, list[Rows]] = {}
        for other in sorted(self._rows.values(), key=lambda each: SOURCES[each.source]):
            if other.split != rows.split and other.hashing and other.count:
                others.setdefault(other.split, []).append(other)
        shared = shared_with(rows, others)
        return replace(
            record,
            shared={split: count for split, (count, _) in shared.items()},
            shared_pairs={split: pairs for split, (_, pairs) in shared.items()},
            shared_rows=self._shown(rows, others[TRAIN]) if compare and TRAIN in shared else (),
        )

    def _shown(self, rows: Rows, train: Sequence[Rows]) -> tuple[SharedRow, ...]:
        """Pictures of rows that are among those trained on."""
        if not all(_is_shown(each) for each in (rows, *train)):
            return ()
        found = (
            SharedRow(TRAIN, one.row, one.there, self._picture(one.held, one.numbers))
            for one in shared_rows(rows, train, SHOWN)
        )
        return tuple(row for row in found if row.image)

    def _comparisons(self, key: tuple[str, str], rows: Rows) -> tuple[int, tuple[Leak, ...], tuple[Doubt, ...]]:
        known = self._compared.get(key)
        if known is not None and rows.count < GROWN * known[0]:
            return known
        labels, numbers = rows.targets.labels(), rows.targets.numbers()
        names, values = feature_values(rows)
        sampled = rows.sample()[1]
        found: tuple[Leak, ...] = ()
        doubtful: tuple[Doubt, ...] = ()
        if len(values) and _fits(labels, rows):
            found = leaks(values, names, _at(labels, sampled), None) if rows.kind == "numbers" else ()
            doubtful = self._doubts(rows, _at(labels, sampled))
        elif len(values) and _fits(numbers, rows) and rows.kind == "numbers":
            found = leaks(values, names, None, _at(numbers, sampled))
        self._compared[key] = compared = (rows.count, found, doubtful)
        return compared

    def _doubts(self, rows: Rows, labels: Array | None) -> tuple[Doubt, ...]:
        sample, sampled = rows.sample()
        if labels is None or not _is_kept_whole(rows):
            return ()
        image = rows.kind == "image"
        return tuple(
            Doubt(
                rows.place_of(int(sampled[one.row])),
                str(one.label)[:LONGEST_LABEL],
                str(one.neighbours)[:LONGEST_LABEL],
                one.agree,
                NEIGHBOURS,
                self._picture(rows, sample[one.row]) if image else "",
            )
            for one in doubts(sample, labels, standardise=not image)
        )

    def _picture(self, rows: Rows, numbers: Array) -> str:
        """The name of the picture of a row in the run folder; "" where its channels are no colours."""
        shape = rows.shape or ()
        kind = np.dtype(rows.dtype)
        given = numbers.reshape(shape)
        if kind.kind != "f":
            given = given.astype(kind)
        picture = picture_of(given, PICTURE_SIDE, Notes()) if layout_of(shape) else None
        return self.recorder.store(*encode(picture)) if picture is not None else ""

    def _shifts(self, key: tuple[str, str], rows: Rows) -> tuple[Shift, ...]:
        """Of another split against the one that is trained on."""
        train = min(
            (each for each in self._rows.values() if each.split == TRAIN and each.count),
            key=lambda each: SOURCES[each.source],
            default=None,
        )
        if rows.split == TRAIN or train is None or train.kind != rows.kind or train.shape != rows.shape:
            return ()
        counts = (rows.count, train.count)
        known = self._shifted.get(key)
        if known is None or known[0] != counts:
            names, values = feature_values(rows)
            found = shifts(values, feature_values(train)[1], names, TRAIN) if len(values) else ()
            known = self._shifted[key] = (counts, found)
        return known[1]


def _hold(rows: Rows, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    found = [on_host(tensor, batch=True) for _, tensor in arguments(args, kwargs)[:1]]
    if found and isinstance(found[0], np.ndarray) and found[0].shape:
        values = found[0]
        some = values[:: max(1, len(values) // INPUT_ROWS)][:INPUT_ROWS]
        rows.hold([some], None, np.arange(rows.count, rows.count + len(some)))


def _is_kept_whole(rows: Rows) -> bool:
    """Whether all numbers of a sampled row were kept."""
    return int(np.prod(rows.shape or (1,))) <= MOST_NUMBERS


def _is_shown(rows: Rows) -> bool:
    return rows.kind == "image" and not rows.ragged and _is_kept_whole(rows)


def _fits(found: Array | None, rows: Rows) -> bool:
    return found is not None and len(found) == rows.count


def _at(found: Array | None, places: Array) -> Array | None:
    return None if found is None else found[places]
