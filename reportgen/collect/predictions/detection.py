"""Boxes around objects, each with a class and a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from reportgen.collect.predictions.arrays import Array, Shape, as_values, to_array
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.scores import BINS, average_precision, bins_of, precision_recall_f1
from reportgen.collect.predictions.task import Boxes, Drawing, Results, Scored, Shown
from reportgen.collect.predictions.vision import vision
from reportgen.errors import InvalidArgumentError
from reportgen.run.predictions import ClassScore

# A detection is right when it overlaps an object of its class this much (PASCAL VOC; COCO's AP50).
IOU = 0.5
# Detectors give many boxes of low score: precision, recall and the examples take those a user would act on.
SCORE = 0.5
# Classes whose score histogram (80 kB) is kept.
MOST_CLASSES = 100
DRAWN = 30
ACCEPTED = (
    "a list with one dict an image: boxes (n, 4) as x1, y1, x2, y2 in pixels, labels (n,), scores (n,) for outputs"
)


class Detection:
    """Counts one dict of boxes, labels and scores an image against one of boxes and labels (torchvision's format)."""

    name = "detection"
    outputs_are = "probabilities"
    side = 224

    def __init__(self, names: Names, outputs_are: str | None) -> None:
        if outputs_are not in (None, "probabilities"):
            raise InvalidArgumentError("outputs_are", outputs_are, "probabilities for a detection: scores in [0, 1]")
        self.reason = "the caller said so" if outputs_are else "a detection's scores are taken as they are"
        self.notes = Notes()
        self._names = names
        self._histograms: dict[int, Array] = {}
        self._support: dict[int, int] = {}
        self._predicted: dict[int, int] = {}
        self._hits: dict[int, int] = {}
        self._samples = 0

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch of images; see Task."""
        found = [_read(item, f"outputs[{index}]", scored=True) for index, item in enumerate(_list(outputs, "outputs"))]
        truth = [_read(item, f"targets[{index}]", scored=False) for index, item in enumerate(_list(targets, "targets"))]
        module = vision()
        self._samples += len(truth)
        wrong = np.zeros(len(truth))
        if module is None:
            self.notes.fact("torchvision cannot be imported, so boxes were not matched: no precision, recall and AP.")
        else:
            for index, (mine, theirs) in enumerate(zip(found, truth, strict=True)):
                wrong[index] = self._count(mine, theirs, module.ops.box_iou)
        matched = module is not None

        def show(row: int) -> Shown:
            mine, theirs = found[row], truth[row]
            sure = mine[2] >= SCORE
            shown = tuple(array[sure] for array in mine)
            drawing = Drawing(self._boxes(theirs), self._boxes((shown[0], shown[1], shown[2])))
            confidence = float(shown[2].max()) if len(shown[2]) else None
            correct = bool(wrong[row] == 0) if matched else None
            return Shown(self._text(theirs[1]), self._text(shown[1]), correct, confidence, None, (), drawing)

        surest = np.array([float(mine[2].max(initial=0.0)) for mine in found])
        mistake = np.where(wrong > 0, surest, np.nan)
        return Scored(wrong, mistake, np.ones(len(truth), dtype=bool), show)

    def _count(self, found: tuple[Array, Array, Array], truth: tuple[Array, Array, Array], box_iou: object) -> int:
        """Match an image's boxes by falling score, each object once; returns missed objects plus false alarms.

        The procedure of PASCAL VOC (Everingham et al. 2010, section 3.4.1): a detection takes the object of its class
        that it overlaps most, and is a false alarm when that object is taken or the overlap is below IOU.
        """
        assert callable(box_iou)
        misses = alarms = 0
        for label in {*found[1].tolist(), *truth[1].tolist()}:
            mine, theirs = found[1] == label, truth[1] == label
            scores = found[2][mine]
            order = np.argsort(-scores, kind="stable")
            boxes, objects = found[0][mine][order], truth[0][theirs]
            right = np.zeros(len(boxes), dtype=bool)
            if len(boxes) and len(objects):
                overlaps = box_iou(torch.from_numpy(boxes), torch.from_numpy(objects)).numpy()
                taken: set[int] = set()
                for place, nearest in enumerate(overlaps.argmax(axis=1).tolist()):
                    if overlaps[place, nearest] >= IOU and nearest not in taken:
                        taken.add(nearest)
                        right[place] = True
            sure = scores[order] >= SCORE
            hits, answers = int((right & sure).sum()), int(sure.sum())
            self._note(label, len(objects), answers, hits, scores[order], right)
            misses += len(objects) - hits
            alarms += answers - hits
        return misses + alarms

    def _note(self, label: int, objects: int, answers: int, hits: int, scores: Array, right: Array) -> None:
        for counts, more in ((self._support, objects), (self._predicted, answers), (self._hits, hits)):
            counts[label] = counts.get(label, 0) + more
        if label not in self._histograms and len(self._histograms) == MOST_CLASSES:
            self.notes.fact(f"AP50 covers the first {MOST_CLASSES} classes met.")
            return
        histogram = self._histograms.setdefault(label, np.zeros((2, BINS), dtype=np.uint32))
        with np.errstate(divide="ignore"):
            odds = np.log(scores) - np.log1p(-scores)
        np.add.at(histogram, (right.astype(np.int64), bins_of(odds)), 1)

    def _boxes(self, boxes: tuple[Array, Array, Array]) -> Boxes:
        names = tuple(self._names[int(label)] for label in boxes[1][:DRAWN])
        return Boxes(boxes[0][:DRAWN].copy(), names, boxes[2][:DRAWN].copy())

    def _text(self, labels: Array) -> str:
        if not len(labels):
            return "no boxes"
        values, counts = np.unique(labels, return_counts=True)
        named = ", ".join(f"{n} {self._names[int(label)]}" for label, n in zip(values[:5], counts[:5], strict=True))
        more = f" and {len(values) - 5} more classes" if len(values) > 5 else ""
        return f"{len(labels)} box{'es' if len(labels) > 1 else ''}: {named}{more}"

    def results(self) -> Results:
        """Metrics so far.

        precision, recall, f1: of the detections with a score of at least SCORE, over all classes. ap50: mean over the
        classes with objects of the area under the precision-recall curve of all detections, precision made
        non-increasing first (PASCAL VOC since 2010; COCO samples the same curve at 101 points).
        """
        labels = sorted(self._support)
        curves = {label: self._average(label) for label in labels}
        metrics: dict[str, float] = {}
        totals = [sum(counts.values()) for counts in (self._hits, self._predicted, self._support)]
        overall = zip(("precision", "recall", "f1"), precision_recall_f1(*totals), strict=True)
        metrics.update({name: value for name, value in overall if value is not None})
        defined = [value for value in curves.values() if value is not None]
        if defined:
            metrics["ap50"] = sum(defined) / len(defined)
        if labels:
            self.notes.fact(
                "On the images: green boxes are the truth, red ones the prediction with its class and score."
            )
            self.notes.fact(f"Precision, recall and the examples take detections with a score of at least {SCORE}.")
        if len(labels) > MOST_CLASSES:
            self.notes.fact(f"Of {len(labels):,} classes the {MOST_CLASSES} with the most objects are listed.")
            labels = sorted(sorted(labels, key=lambda label: -self._support[label])[:MOST_CLASSES])
        scores = tuple(self._score(label, curves[label]) for label in labels)
        return Results(classes=tuple(score.name for score in scores), metrics=metrics, scores=scores)

    def _average(self, label: int) -> float | None:
        histogram = self._histograms.get(label)
        if histogram is None:
            return None
        return average_precision(histogram[1], histogram[0], self._support[label], envelope=True)

    def _score(self, label: int, average: float | None) -> ClassScore:
        hits, predicted, support = self._hits[label], self._predicted[label], self._support[label]
        shares = precision_recall_f1(hits, predicted, support)
        return ClassScore(self._names[label], support, predicted, hits, *shares, average)


def _list(value: object, argument: str) -> Sequence[object]:
    if not isinstance(value, (list, tuple)):
        raise InvalidArgumentError(argument, Shape(value), ACCEPTED)
    return value


def _read(item: object, argument: str, *, scored: bool) -> tuple[Array, Array, Array]:
    """(n, 4) corners, (n,) labels and (n,) scores (NaN for truth) of one image, copied."""
    if not isinstance(item, Mapping) or not {"boxes", "labels"} <= set(item):
        raise InvalidArgumentError(argument, Shape(item), ACCEPTED)
    if scored and "scores" not in item:
        raise InvalidArgumentError(argument, sorted(map(str, item)), ACCEPTED)
    corners = to_array(as_values(item["boxes"], f"{argument}['boxes']")).astype(np.float64).reshape(-1, 4)
    labels = to_array(as_values(item["labels"], f"{argument}['labels']")).astype(np.int64).reshape(-1)
    scores = np.full(len(corners), np.nan)
    if scored:
        scores = to_array(as_values(item["scores"], f"{argument}['scores']")).astype(np.float64).reshape(-1)
        if not np.all((scores >= 0) & (scores <= 1)):
            raise InvalidArgumentError(
                f"{argument}['scores']", float(scores[~((scores >= 0) & (scores <= 1))][0]), "0 to 1"
            )
    if not len(corners) == len(labels) == len(scores):
        lengths = f"{len(corners)} boxes, {len(labels)} labels, {len(scores)} scores"
        raise InvalidArgumentError(argument, lengths, "as many of each")
    return corners, labels, scores
