"""Losses on their way through `report.log`: who collects how a loss was computed sees them before they are read."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from torch import Tensor

from reportgen.collect.quiet import capturing
from reportgen.collect.values import Number, read
from reportgen.diagnose.reading.losses import is_loss
from reportgen.run.tags import parse_tag

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder
    from reportgen.collect.watch import Watcher


class LoggedLosses:
    """watching: whether a model is watched, without which nobody asks."""

    def __init__(self, recorder: Recorder, watcher: Watcher) -> None:
        self._recorder = recorder
        self._watcher = watcher
        self.watching = False

    def seen(self, numbers: dict[str, Number | Tensor]) -> dict[str, Number | Tensor]:
        """What is to be recorded of `numbers`: the same, where losses on the host have been read already.

        The watcher is shown those that have a graph, and told of those that are not finite.
        """
        kept = numbers
        for tag, value in numbers.items():
            if not _names_loss(tag):
                continue
            if isinstance(value, Tensor):
                number = self._tensor(tag, value)
                if number is None:
                    continue
                if kept is numbers:  # which may be the user's own
                    kept = dict(numbers)
                value = kept[tag] = number
            if not math.isfinite(value):
                with self._recorder.guard("watch.loss"):
                    self._watcher.loss_not_finite()
        return kept

    def predicted(self, split: str) -> None:
        """What a model gave went to `report.predictions` for `split`."""
        if self.watching:
            with self._recorder.guard("watch.predictions"):
                self._watcher.predicted(split)

    def _tensor(self, tag: str, value: Tensor) -> float | None:
        """Show a loss that has a graph. Its number if it is on the host; None too where it cannot be read."""
        if value.grad_fn is not None and not self._watcher.losses_known:
            with self._recorder.guard("watch.loss"):
                if not capturing():
                    self._watcher.logged_loss(tag, value)
        if value.device.type != "cpu":
            return None
        try:
            return read(value)
        except Exception:  # noqa: BLE001 - whatever it is, the recorder meets it again and says so
            return None


@lru_cache(maxsize=1024)
def _names_loss(tag: str) -> bool:
    return is_loss(parse_tag(tag).metric)
