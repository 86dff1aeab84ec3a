"""How much of a gradient is signal: its mean over steps against how it varies from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.distribution.sheet import Host, Integers, laid_out, over_rows
from reportgen.collect.numbers import sampled
from reportgen.collect.parameters import by_kind
from reportgen.collect.quiet import quiet
from reportgen.collect.work import Work
from reportgen.run.series import Stamp

# Elements sampled of a gradient, and steps in a window.
SAMPLE, WINDOW = 256, 8


@dataclass(slots=True)
class _Window:
    names: tuple[str, ...]
    starts: Integers
    total: Tensor
    squares: Tensor
    steps: int = 1


class GradientNoise:
    """Records the measure "gradient_snr" of each window of eight looked-at steps: ||mean|| / ||deviation||.

    After Cockpit (Schneider, Dangel, Hennig: NeurIPS 2021), whose signal-to-noise ratio is over the samples of a batch;
    this one is over steps, which needs no gradients of single samples.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._windows: dict[int, _Window] = {}

    def take(self, key: int, named: Sequence[tuple[str, Tensor]], stamp: Stamp) -> None:
        """Gradients of one step of the optimizer `key`, by their parameters' names in records."""
        groups, _ = by_kind([gradient for _, gradient in named])
        if len(groups) != 1:
            self._windows.pop(key, None)  # of several devices or dtypes: not measured
            return
        ((_, places),) = groups.items()
        chosen = [named[place] for place in places]
        names = tuple(name for name, _ in chosen)
        with quiet():
            sheet, layout = laid_out([sampled(gradient, SAMPLE) for _, gradient in chosen], 0.0)
            sheet = sheet.to(torch.float32)
            window = self._windows.get(key)
            if window is None or window.names != names or window.total.shape != sheet.shape:
                self._windows[key] = _Window(names, layout.starts, sheet.clone(), sheet * sheet)
                return
            window.total += sheet
            window.squares += sheet * sheet
            window.steps += 1
            if window.steps < WINDOW:
                return
            del self._windows[key]
            mean = window.total / window.steps
            spread = (window.squares / window.steps - mean * mean).clamp_(min=0)
            sums = torch.stack([(mean * mean).sum(1), spread.sum(1)])
        self._hand_over(window, sums, stamp)

    def _hand_over(self, window: _Window, sums: Tensor, stamp: Stamp) -> None:
        def write(host: list[Host]) -> None:
            signal, noise = over_rows(np.add, host[0].astype(np.float64), window.starts)
            ratios = {
                name: float(np.sqrt(s / n))
                for name, s, n in zip(window.names, signal, noise, strict=True)
                if np.isfinite(s) and np.isfinite(n) and n > 0
            }
            if ratios:
                self._work.recorder.measures({"gradient_snr": ratios}, stamp)

        self._work.later.arrays([sums], write)
