"""One way in which a loss is computed, summed over the looks at it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.evidence.facts import Facts
from reportgen.collect.evidence.loss_nodes import CLASSIFYING, Computed
from reportgen.collect.later import Later
from reportgen.collect.numbers import reason_against, sampled
from reportgen.run.evidence import LossUse, TensorFacts
from reportgen.run.series import Stamp

# Targets of one look that are counted: on the CPU, and fetched from a device.
TARGETS, FETCHED = 16_384, 4_096
MOST_CLASSES = 1_000
# Elements of a gradient that are looked at.
IN_GRADIENT = 262_144

Labels = npt.NDArray[np.int64]


class LossSum:
    """What is known of one loss so far: numbers only, no tensor of the user's.

    tag: under which it was logged, "" if it was not. changed: since `record` was called last.
    """

    def __init__(self, later: Later, model: str, criterion: str, kind: str, seen: str) -> None:
        self._later = later
        self._use = LossUse(model, criterion, kind, seen)
        self._input, self._target = Facts(later), Facts(later)
        self._lock = threading.Lock()
        self._counts: Labels = np.zeros(0, np.int64)
        self._lowest: int | None = None
        self._highest: int | None = None
        self._values: list[float] = []  # the loss at the first and at the last look
        self._softmax: set[tuple[str, int, int]] = set()  # by which the input was made, in looks without its numbers
        self._outputs: set[str | None] = set()  # the output of the model that the input was
        self.tag = ""
        self.changed = False

    def take(self, one: Computed, stamp: Stamp, output: str | None, loss: Tensor | None) -> None:
        """Add a look, inside `quiet()`. output: the place of the model's output that is the loss's input, if known."""
        self.changed = True
        self._outputs.add(output)
        before = self._use
        self._use = replace(
            before,
            stamp=stamp,
            looks=before.looks + 1,
            input=TensorFacts(shape=one.shape, dtype=one.dtype, looks=before.looks + 1),
            broadcast=before.broadcast or one.broadcast,
            classes=one.classes or before.classes,
            ignore_index=before.ignore_index if one.ignore_index is None else one.ignore_index,
            weighted=before.weighted or one.weighted,
            label_smoothing=one.label_smoothing or before.label_smoothing,
            reduction=one.reduction or (before.reduction if before.looks else ""),
        )
        self._softmax.add((one.softmax, one.dim, len(one.shape)))
        if one.input is not None:
            self._input.take("", one.input)
        if one.target is not None:
            self._target.take("", one.target)
            self._labels(one.target)
        if loss is not None and loss.numel() == 1 and not reason_against(loss):
            value = loss.detach().reshape(1).to(torch.float32, copy=True)
            self._later.arrays([value], lambda host: self._value(float(host[0][0])))

    def labels(self, found: Labels) -> None:
        """Count classes that were targets."""
        use = self._use
        found = found[found != use.ignore_index] if use.ignore_index is not None else found
        if not len(found):
            return
        with self._lock:
            self.changed = True
            lowest, highest = int(found.min()), int(found.max())
            self._lowest = lowest if self._lowest is None else min(self._lowest, lowest)
            self._highest = highest if self._highest is None else max(self._highest, highest)
            classes = use.classes or 0
            if 0 < classes <= MOST_CLASSES:
                if len(self._counts) < classes:
                    self._counts = np.pad(self._counts, (0, classes - len(self._counts)))
                inside = found[(found >= 0) & (found < classes)]
                self._counts[:classes] += np.bincount(inside, minlength=classes)

    def record(self, outputs: tuple[TensorFacts, ...]) -> LossUse:
        """What is known now. outputs: facts of the model's, for an input of which nothing else tells."""
        self.changed = False
        with self._lock:
            use = self._use
            target = self._target.facts()
            return replace(
                use,
                input=self._facts(use.input, outputs),
                target=target[0] if target else None,
                class_counts=tuple(self._counts.tolist()) if self._counts.any() else (),
                lowest=self._lowest,
                highest=self._highest,
                first=self._values[0] if self._values else None,
                last=self._values[-1] if self._values else None,
            )

    def _facts(self, known: TensorFacts, outputs: tuple[TensorFacts, ...]) -> TensorFacts:
        own = self._input.facts()
        if own:
            facts = replace(own[0], shape=known.shape or own[0].shape)  # expanded, it is saved in its common shape
        else:
            facts = known
            place = next(iter(self._outputs)) if len(self._outputs) == 1 else None
            for output in outputs:
                if output.name == place and output.looks:
                    alike = output.shape == known.shape
                    facts = replace(
                        output,
                        shape=known.shape or output.shape,
                        rows_sum_to_one=output.rows_sum_to_one and alike,
                        columns_sum_to_one=output.columns_sum_to_one and alike,
                        rows_logsumexp_zero=output.rows_logsumexp_zero and alike,
                    )
        if len(self._softmax) != 1:
            return facts
        ((softmax, dim, dims),) = self._softmax
        if dims < 2 or (len(facts.shape) > 1 and facts.shape[1] < 2):
            return facts
        return replace(
            facts,
            rows_sum_to_one=facts.rows_sum_to_one or (softmax == "softmax" and dim == 1),
            columns_sum_to_one=facts.columns_sum_to_one or (softmax == "softmax" and dim == 0),
            rows_logsumexp_zero=facts.rows_logsumexp_zero or (softmax == "log_softmax" and dim == 1),
        )

    def _value(self, value: float) -> None:
        with self._lock:
            self._values[1:] = [value]
            self.changed = True

    def _labels(self, target: Tensor) -> None:
        if self._use.kind not in CLASSIFYING or reason_against(target) or target.layout is not torch.strided:
            return
        if target.is_floating_point() or target.is_complex() or not target.numel():
            return
        here = target.is_cpu and not self._later.hold
        labels = sampled(target.detach(), TARGETS if here else FETCHED).to(torch.int64)
        self._later.arrays([labels if here else labels.clone()], lambda host: self.labels(_whole(host[0])))


def labels_by_gradient(gradient: Tensor) -> Labels | None:
    """The targets of cross entropy, by the gradient (N, C, ...) of its mean or sum with respect to its input.

    That is softmax - 1 at the target and softmax elsewhere, times something positive: the only negative number of each
    row is at the target. Rows that are ignored have none. None where it is not so: labels were smoothed or are
    probabilities, or the gradient is not of cross entropy alone.
    """
    if gradient.dim() < 1 or not gradient.is_floating_point() or not gradient.is_cpu or reason_against(gradient):
        return None
    if gradient.layout is not torch.strided or not gradient.numel():
        return None
    rows = gradient.detach().reshape(1, -1) if gradient.dim() == 1 else gradient.detach()
    classes = rows.shape[1]
    if classes > MOST_CLASSES:
        return None
    most = max(1, IN_GRADIENT // classes)
    if rows.dim() > 2:
        rows = rows[:most].flatten(2)
        rows = rows[:, :, :: -(-rows.shape[2] * rows.shape[0] // most)].movedim(1, 2).reshape(-1, classes)
    rows = rows[:: -(-rows.shape[0] // most)].to(torch.float32)
    negative = rows < 0
    known = rows[negative.any(1)]
    if not len(known) or bool((negative.sum(1) > 1).any()):
        return None
    if bool((known.sum(1).abs() > 0.05 * known.abs().amax(1)).any()):
        return None
    return _whole(known.argmin(1).numpy())


def _whole(host: Host) -> Labels:
    return np.asarray(host, np.int64).reshape(-1)
