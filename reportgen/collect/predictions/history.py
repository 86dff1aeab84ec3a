"""The sets of one split that are done: which are recorded, and which keep their examples."""

from __future__ import annotations

import math
from dataclasses import replace

from reportgen.collect.predictions.pace import Pace
from reportgen.run.predictions import PredictionSet

# New pictures a split may write as soon as they come (16 sets' worth); then writes are 1/16 of the run apart, so a day
# adds about a hundred sets' pictures, and a kill costs at most that share of the run's examples.
FREE_PICTURES, PICTURE_SHARE = 1024, 1 / 16
# The same for lines of metrics: half an hour of ceaseless evaluation as it comes.
FREE_LINES, LINE_SHARE = 1024, 1 / 64
# Sets recorded before only every second is, then every fourth, ...: a set a batch must not fill the disk.
BEFORE_THINNING = 512

# What says that one set is better than another, the first that both have; True where higher is better.
BETTER = (
    ("loss", False),
    ("mean iou", True),
    ("ap50", True),
    ("accuracy", True),
    ("mae", False),
    ("exact match", True),
)


class History:
    """Bounds what one split writes over a run.

    Examples (with pictures) stay for the first set, for the best of the finished ones whose examples were written, and
    for the newest; the sets between keep metrics, scores and confusion.
    """

    def __init__(self) -> None:
        self.pictures = Pace(FREE_PICTURES, PICTURE_SHARE)
        self.lines = Pace(FREE_LINES, LINE_SHARE)
        self.names: set[str] = set()
        self._first: int | None = None
        self._with_examples: dict[int, PredictionSet] = {}
        self._finished = self._recorded = 0
        self._stride = 1

    @property
    def empty(self) -> bool:
        """Whether no set's examples were written yet."""
        return self._first is None

    def wants(self) -> bool:
        """Whether the set that is finished now is to be recorded; asked once a set."""
        wanted = self._finished % self._stride == 0
        self._finished += 1
        if wanted:
            self._recorded += 1
            if self._recorded % BEFORE_THINNING == 0:
                self._stride *= 2
        return wanted

    @property
    def sentence(self) -> str:
        """What a reader must know when sets were left out; "" when none was."""
        if self._stride == 1:
            return ""
        return f"Of more than {BEFORE_THINNING} sets of this split only some are recorded, now every {self._stride}th."

    def wrote(self, record: PredictionSet) -> list[PredictionSet]:
        """Count `record`, just written; returns earlier sets to be written again, now without their examples."""
        step = record.stamp.step
        if not record.examples:
            return []
        if self._first is None:
            self._first = step
        newer = step not in self._with_examples
        self._with_examples[step] = record
        if not newer:
            return []
        others = [old for at, old in self._with_examples.items() if at != step]
        best = min(others, key=_worth, default=None)
        bare = [old for old in others if old is not best and old.stamp.step != self._first]
        for old in bare:
            del self._with_examples[old.stamp.step]
        return [replace(old, examples=(), points=()) for old in bare]


def _worth(record: PredictionSet) -> tuple[int, float]:
    for place, (name, higher) in enumerate(BETTER):
        value = record.metrics.get(name, math.nan)
        if not math.isnan(value):
            return place, -value if higher else value
    return len(BETTER), 0.0
