"""One class a pixel."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.collect.predictions.arrays import Array, Integers, Shape, as_values, kind_of, to_array
from reportgen.collect.predictions.deciding import scale_of_rows, scale_of_values
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.scores import MOST_CLASSES, precision_recall_f1
from reportgen.collect.predictions.task import Drawing, Results, Scored, Shown
from reportgen.errors import InvalidArgumentError
from reportgen.run.predictions import ClassScore

# Labels that stand for "no class": torch's ignore_index, and the void label of PASCAL VOC and Cityscapes.
IGNORED = -100
VOID = 255
MOST_LABELS = 1000
NAMED = 3
# Pixels of the first batch that decide what the outputs are.
LOOK = 4096


class Segmentation:
    """Counts (N, C, H, W) outputs, or (N, H, W) class maps, against (N, H, W) class maps.

    C = 1: one foreground class against class 0. Scores are reduced to class and loss on the outputs' own device.
    """

    name = "segmentation"
    side = 224

    def __init__(self, outputs: torch.Tensor | Array, names: Names, outputs_are: str | None) -> None:
        self.notes = Notes()
        self._names = names
        maps = len(outputs.shape) == 3
        if maps == (kind_of(outputs) == "f") or len(outputs.shape) not in (3, 4):
            raise InvalidArgumentError("outputs", Shape(outputs), "(N, C, H, W) scores or (N, H, W) class indices")
        if outputs_are == "values" or (outputs_are is not None and (outputs_are == "labels") != maps):
            accepted = "labels for (N, H, W) outputs; logits, probabilities or log-probabilities for (N, C, H, W)"
            raise InvalidArgumentError("outputs_are", outputs_are, accepted)
        if maps:
            found, reason = "labels", "a class index for each pixel"
        else:
            found, reason = _scale(outputs)
        self.outputs_are = outputs_are or found
        self.reason = "the caller said so" if outputs_are else reason
        self._channels = 0 if maps else int(outputs.shape[1])
        self._count = max(2, self._channels) if not maps else names.count
        if not maps or names.given:
            names.check(self._count, self.notes)
        self._confusion: Integers = np.zeros((self._count, self._count), dtype=np.int64)
        self._samples = self._pixels = 0
        self._loss = 0.0

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch; see Task."""
        scores, given = as_values(outputs, "outputs"), as_values(targets, "targets")
        if len(given.shape) == 4 and given.shape[1] == 1:
            given = given[:, 0]
        shape = tuple(scores.shape[:1]) + tuple(scores.shape[-2:])
        if len(scores.shape) != (4 if self._channels else 3) or (self._channels and scores.shape[1] != self._channels):
            raise InvalidArgumentError("outputs", Shape(scores), "the same shape as the set began with, but for N")
        if tuple(given.shape) != shape:
            raise InvalidArgumentError("targets", Shape(given), f"{shape}: one class index a pixel of outputs")
        truth = to_array(given)
        if truth.dtype.kind == "f" and not np.all(truth == np.round(truth)):
            raise InvalidArgumentError("targets", Shape(truth), "whole numbers: class indices")
        truth = truth.astype(np.int64)
        ignored = (truth == IGNORED) | ((truth == VOID) & (self._channels <= VOID) & (self._count <= VOID))
        predicted, loss = self._reduce(scores, np.where(ignored, 0, truth), ignored)
        self._check_labels(truth[~ignored], predicted)
        known = ~ignored & (predicted >= 0)
        self.notes.add(f"{{n}} pixels labelled {IGNORED} or {VOID} are left out.", int(ignored.sum()))
        self.notes.add("{n} pixels whose outputs hold NaN have no prediction.", int(((predicted < 0) & ~ignored).sum()))
        self._samples += len(truth)
        counted = (~ignored).reshape(len(truth), -1).sum(axis=1)
        self._pixels += int(counted.sum())
        self._loss += float(np.where(counted > 0, loss * counted, 0.0).sum())
        pairs = truth[known] * self._count + predicted[known]
        self._confusion += np.bincount(pairs, minlength=self._count**2).reshape(self._count, self._count)
        right = (known & (predicted == truth)).reshape(len(truth), -1).sum(axis=1)
        share = right / np.maximum(counted, 1)
        wrong = 1 - share if self.outputs_are == "labels" else np.where(np.isnan(loss), np.inf, loss)

        def show(row: int) -> Shown:
            shown = Drawing(_small(truth[row], self.side), _small(predicted[row], self.side))
            value = float(loss[row])
            text = f"{self._text(predicted[row], predicted[row] < 0)}; {share[row]:.1%} of pixels right"
            loss_or_none = value if np.isfinite(value) else None
            return Shown(self._text(truth[row], ignored[row]), text, None, None, loss_or_none, (), shown)

        return Scored(wrong, np.full(len(truth), np.nan), counted > 0, show)

    def _reduce(self, scores: torch.Tensor | Array, truth: Integers, ignored: Array) -> tuple[Integers, Array]:
        """Class maps (N, H, W), -1 where there is none, and the mean loss of each sample's counted pixels."""
        if self.outputs_are == "labels":
            return to_array(scores).astype(np.int64), np.full(len(truth), np.nan)
        tensor = scores if isinstance(scores, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(scores))
        if int(truth.max(initial=0)) >= self._count or int(truth.min(initial=0)) < 0:
            self._refuse(truth)
        places = torch.from_numpy(truth).to(tensor.device)
        left_out = torch.from_numpy(ignored).to(tensor.device)
        maps, losses = [], []
        for index in range(len(tensor)):  # one sample at a time: another copy of a whole batch may not fit
            logs = _log_probabilities(_exact(tensor[index]), self.outputs_are)
            best = logs.argmax(dim=0)
            valid = ~torch.isnan(logs).any(dim=0)
            maps.append(torch.where(valid, best, -1))
            cost = -logs.gather(0, places[index][None])[0]
            losses.append(cost[~left_out[index]].mean())
        return to_array(torch.stack(maps)), to_array(torch.stack(losses))

    def _check_labels(self, truth: Integers, predicted: Integers) -> None:
        """Grow to the largest class of class maps; refuse what is out of range."""
        low = min(int(truth.min(initial=0)), int(predicted.min(initial=0)) if not self._channels else 0)
        high = max(int(truth.max(initial=0)), int(predicted.max(initial=0)))
        limit = self._count if self._channels else MOST_LABELS
        if low < 0 or high >= limit:
            self._refuse(np.array([low if low < 0 else high]), limit)
        if high >= self._count:
            more = high + 1 - self._count
            self._confusion = np.pad(self._confusion, ((0, more), (0, more)))
            self._count = high + 1

    def _refuse(self, labels: Integers, limit: int = 0) -> None:
        limit = limit or self._count
        wrong = labels[(labels < 0) | (labels >= limit)]
        accepted = f"class indices from 0 to {limit - 1}; {IGNORED} and {VOID} leave a pixel out"
        raise InvalidArgumentError("targets", int(wrong[0]), accepted)

    def _text(self, classes: Array, left_out: Array) -> str:
        counts = np.bincount(classes[~left_out].reshape(-1), minlength=1)
        order = [index for index in np.argsort(-counts, kind="stable")[:NAMED] if counts[index]]
        total = max(1, int(counts.sum()))
        return ", ".join(f"{self._names[int(index)]} {counts[index] / total:.0%}" for index in order) or "nothing"

    def results(self) -> Results:
        """Metrics so far, over all counted pixels of all samples.

        pixel accuracy: share of pixels right; mean iou: mean over the classes that occur of hits / (truth + predicted -
        hits) (Jaccard index, as PASCAL VOC and Long et al. 2015); mean dice: of 2 hits / (truth + predicted), a class's
        F1; loss: mean cross-entropy a pixel.
        """
        hits = np.diag(self._confusion)
        truth, predicted = self._confusion.sum(axis=1), self._confusion.sum(axis=0)
        metrics: dict[str, float] = {}
        if self._pixels:
            metrics["pixel accuracy"] = float(hits.sum()) / self._pixels
            union = truth + predicted - hits
            there = union > 0
            if there.any():
                metrics["mean iou"] = float((hits[there] / union[there]).mean())
                metrics["mean dice"] = float((2 * hits[there] / (truth + predicted)[there]).mean())
            if self.outputs_are != "labels":
                metrics["loss"] = self._loss / self._pixels
            self.notes.fact("In the pictures: truth on the left, prediction on the right; class 0 is not tinted.")
        listed = self._count <= MOST_CLASSES
        if not listed:
            self.notes.fact(
                f"With more than {MOST_CLASSES} classes the confusion matrix and the classes are not listed."
            )
        scores = tuple(
            ClassScore(self._names[index], int(n), int(p), int(h), *precision_recall_f1(int(h), int(p), int(n)))
            for index, (n, p, h) in enumerate(zip(truth, predicted, hits, strict=True))
            if listed
        )
        confusion = tuple(tuple(row) for row in self._confusion.tolist()) if listed else ()
        return Results(classes=self._names.first(self._count), metrics=metrics, confusion=confusion, scores=scores)


def _log_probabilities(scores: torch.Tensor, outputs_are: str) -> torch.Tensor:
    """(C, H, W) log-probabilities, (2, H, W) for a single channel; NaN where the scores are."""
    if len(scores) == 1:
        if outputs_are == "logits":
            return torch.cat([-torch.nn.functional.softplus(scores), -torch.nn.functional.softplus(-scores)])
        share = scores.exp() if outputs_are == "log-probabilities" else scores
        return torch.cat([torch.log1p(-share), share.log()]).clamp(min=-100.0)
    if outputs_are == "logits":
        return torch.log_softmax(scores, dim=0)
    return scores if outputs_are == "log-probabilities" else scores.log().clamp(min=-100.0)


def _scale(outputs: torch.Tensor | Array) -> tuple[str, str]:
    """What the outputs are, judged by evenly spaced pixels of the first sample."""
    first = outputs[0].reshape(outputs.shape[1], -1)
    pixels = to_array(first[:, :: max(1, first.shape[1] // LOOK)])
    if outputs.shape[1] == 1:
        return scale_of_values(pixels[0])
    return scale_of_rows(pixels.T)


def _small(classes: Integers, side: int) -> Array:
    """A copy of a class map with every n-th pixel, so that no side exceeds `side`."""
    step = max(1, -(-max(classes.shape) // side))
    return classes[::step, ::step].astype(np.int16)


def _exact(scores: torch.Tensor) -> torch.Tensor:
    """At least in float32: a pixel's loss is exact to 1e-7 then, far below the noise of a mean."""
    return scores if scores.dtype == torch.float64 else scores.float()
