"""Warnings that torch raised, read from where Python notes which it has shown. Nothing is patched.

Python keeps, in the `__warningregistry__` of the module that a warning is attributed to, those that it has shown once
(the action "default", "module" or "once"); with "always" and "ignore" it keeps none.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reportgen.collect.failure import PACKAGE, place
from reportgen.run.evidence import TorchWarning
from reportgen.run.redact import scrub

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder

MOST = 50
LONGEST = 1_000

# Texts of torch's that are attributed to the line of the user's that caused them. Sources, in torch:
_KNOWN = re.compile(
    "|".join(
        (
            r"lr_scheduler\.step\(\)",  # optim/lr_scheduler.py
            r"optimizer\.step\(\)",
            r"Using a target size",  # nn/functional.py
            r"Implicit dimension choice",
            r"reduction: 'mean' divides",
            r"size_average and reduce",
            r"\.grad attribute of a Tensor that is not a leaf",  # _tensor.py
            r"does not require grad|does not have a grad_fn|None of the inputs have requires_grad",
            r"Was asked to gather",  # nn/parallel/_functions.py
            r"Anomaly Detection|backward\(\) with create_graph",  # autograd
            r"non-?contiguous|is not writable|writeable",  # csrc/utils/tensor_numpy.cpp
            r"To copy construct from a tensor",
            r"Converting a tensor (to|with)",
            r"Lazy modules",
            r"dropout option adds dropout",  # nn/modules/rnn.py
            r"RNN module weights are not part",
            r"enable_nested_tensor",
            r"DataLoader will create|This DataLoader",  # utils/data/dataloader.py
            r"Length of (split|IterableDataset)",
            r"autocast|GradScaler",  # amp
            r"use_reentrant|checkpoint",
            r"CUDA (initialization|is not available)|'pin_memory'",
            r"divide by zero|std\(\): degrees of freedom|var\(\): degrees of freedom",
            r"__floordiv__|floor_divide",
            r"masked_fill_|uint8 is now deprecated",
            r"lr_scheduler|verbose parameter|The epoch parameter",
            r"\(Triggered internally at",  # what torch's C++ code says ends so
        )
    )
)


class TorchWarnings:
    """Records each warning once, at most 50, at flushes that were asked for: build, close, the end of a run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._seen: set[tuple[str, str, str, int]] = set()
        recorder.before_flush.append(self.read)

    def read(self) -> None:
        """Record those that were not recorded yet."""
        if not self._recorder.asked:
            return
        for warning in _shown():
            if len(self._seen) >= MOST:
                return
            key = (warning.category, warning.text, warning.path, warning.line)
            if key not in self._seen:
                self._seen.add(key)
                self._recorder.record("torch_warning", warning)


def _shown() -> Iterator[TorchWarning]:
    """Those that were shown so far in this process, by modules as they were imported."""
    for name, module in tuple(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        registry = names.get("__warningregistry__") if type(names) is dict else None
        if not registry or not isinstance(registry, dict):
            continue
        # What a module says of itself may be of any kind, and a lazy one loads what it is asked for.
        file = names.get("__file__") if names is not None else None
        path, own = place(file) if isinstance(file, str) else ("", name == "__main__")
        torchs = name.partition(".")[0] == "torch"
        if not (torchs or own) or (isinstance(file, str) and file.startswith(PACKAGE + os.sep)):
            continue
        for key in tuple(registry):
            warning = _warning(key, path, own)
            if warning is not None and (torchs or _KNOWN.search(warning.text)):
                yield warning


def _warning(key: object, path: str, own: bool) -> TorchWarning | None:
    """What an entry of a registry tells; None for what is no entry ("version")."""
    if not isinstance(key, tuple) or len(key) != 3:
        return None
    text, category, line = key
    if not isinstance(text, str) or not isinstance(category, type) or not isinstance(line, int):
        return None
    return TorchWarning(category.__name__, scrub(text[:LONGEST]), path, line, own)
