"""A loader, watched from outside: how long the loop waited for data, how many passes were completed, a progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TextIO, TypeVar

from reportgen.collect.data import DataSets
from reportgen.collect.data.open_splits import Open
from reportgen.collect.data.passes import Pass
from reportgen.collect.progress import ProgressBar

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder

Batch = TypeVar("Batch")


class Track(Generic[Batch]):
    """What `report.track(loader)` returns: iterates as the loader does and yields the very same batches.

    It has a length when the loader has one. Each pass over the train split that runs to its end counts as one epoch.
    After each pass two measures are recorded under the split's name: `data_wait` (share of the pass's time spent
    waiting for the loader, 0 to 1) and `step_seconds` (mean time of one iteration, waiting included).
    Some batches that lie on the CPU are looked at as they pass; see LoaderUse and DataSplit. recorder.split says which
    split the loop is in.
    """

    def __init__(
        self,
        loader: Iterable[Batch],
        split: str,
        recorder: Recorder,
        on_open: Callable[[int], None],
        stream: TextIO | None,
    ) -> None:
        self._loader = loader
        self._split = split
        self._recorder = recorder
        self._on_open = on_open
        self._stream = stream

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # TypeError for a loader without a length, as without us

    def __iter__(self) -> Iterator[Batch]:
        bar = ProgressBar(self._label(), self._length(), self._stream)
        waited, done = 0.0, 0
        self._on_open(+1)
        if self._split == "train" and self._recorder.passes is None:
            self._recorder.passes = 0.0
        opened: Open | None = None
        passing: Pass | None = None
        completed, batch = False, None
        data = None
        with self._recorder.guard("data"):
            data = DataSets.of(self._recorder)
            opened = data.open.open(self._split)
            if self._recorder.owner:
                passing = data.passes(self._split).begin(self._loader)
        try:
            started = before = time.perf_counter()
            for batch in self._loader:
                waited += time.perf_counter() - before
                if data is not None and opened is not None:
                    with self._recorder.guard("data"):
                        data.open.advance(opened)
                if passing is not None:
                    passing.take(batch)
                yield batch
                done += 1
                bar.advance(done)
                before = time.perf_counter()
            elapsed = time.perf_counter() - started - (passing.seconds if passing is not None else 0.0)
            completed = True
            with self._recorder.guard("track"):
                self._completed(done, waited, elapsed)
        finally:
            # Also reached by `break` (the generator is closed) and by an exception in the loop's body.
            self._on_open(-1)
            bar.close()
            if data is not None and opened is not None:
                with self._recorder.guard("data"):
                    data.open.close(opened)
            if passing is not None:
                passing.end(completed, batch)

    def _label(self) -> str:
        if self._split != "train":
            return self._split
        return f"{self._split} epoch {int(self._recorder.passes or 0) + 1}"

    def _length(self) -> int | None:
        try:
            return len(self._loader)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - TypeError for a generator; what a loader of the user's raises was never asked for
            return None

    def _completed(self, done: int, waited: float, elapsed: float) -> None:
        if done:
            self._recorder.measures(
                {
                    "data_wait": {self._split: waited / elapsed if elapsed else 0.0},
                    "step_seconds": {self._split: elapsed / done},
                },
                self._recorder.stamp(),
            )
        if self._split == "train":
            self._recorder.passes = (self._recorder.passes or 0.0) + 1.0
