"""Units of a layer that are the same: rows of a weight that equal an earlier one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.quiet import quiet
from reportgen.collect.work import Work
from reportgen.run.series import Stamp

# Rows compared of a weight, evenly spread, and numbers of each: units that are the same in all of these are the same.
ROWS, COLUMNS = 1024, 256


def identical_units(work: Work, named: Iterable[tuple[str, Tensor]], stamp: Stamp) -> None:
    """Record the measure "identical_units" of the weights of two or more dimensions, by their names in records."""
    names: list[str] = []
    keys: list[Tensor] = []
    with quiet():
        for name, weight in named:
            if weight.dim() < 2 or weight.shape[0] < 2 or not weight.is_floating_point():
                continue
            if weight.layout is not torch.strided or weight.is_quantized or hasattr(weight, "to_local"):
                continue  # its rows are not there as such, or not all of them
            rows = weight.detach().flatten(1)
            rows = rows[:: -(-rows.shape[0] // ROWS), :: max(1, rows.shape[1] // COLUMNS)]
            # Sums with fixed weights that no two different rows share but by chance, instead of comparing all pairs.
            spread = torch.arange(1, rows.shape[1] + 1, dtype=torch.float64, device=_wide(rows)).sqrt_()
            keys.append((rows.to(spread.device, torch.float64) * spread).sum(1))
            names.append(name)
    if not names:
        return

    def write(host: list[Host]) -> None:
        found = {}
        for name, key in zip(names, host, strict=True):
            if np.isfinite(key).all():
                found[name] = 1.0 - len(set(key.tolist())) / len(key)
        if found:
            work.recorder.measures({"identical_units": found}, stamp)

    work.later.arrays(keys, write)


def _wide(tensor: Tensor) -> torch.device:
    """Where float64 can be computed: not on MPS."""
    return torch.device("cpu") if tensor.device.type == "mps" else tensor.device
