"""Boxes of images, with labels and scores, as records."""

from __future__ import annotations

from typing import Any

from reportgen.collect.logged.arrays import numbers_in
from reportgen.collect.predictions.arrays import Shape
from reportgen.errors import InvalidArgumentError
from reportgen.run.logged import Box

ACCEPTED = "boxes (n, 4) with corners x0, y0, x1, y1"


def boxes_of(boxes: Any, labels: Any, scores: Any, images: int) -> tuple[tuple[Box, ...], ...]:
    """The boxes of each of `images` images: for one image its own boxes, for several a list of as many.

    Raises InvalidArgumentError when the numbers of images, boxes, labels or scores do not fit.
    """
    if images == 1 and not _listed(boxes, 1):
        boxes, labels, scores = [boxes], [labels], [scores]
    per_image = [
        _each(value, name, images) for value, name in ((boxes, "boxes"), (labels, "labels"), (scores, "scores"))
    ]
    return tuple(image_boxes(corners, names, numbers) for corners, names, numbers in zip(*per_image, strict=True))


def image_boxes(corners: Any, labels: Any = None, scores: Any = None, scale: float = 1.0) -> tuple[Box, ...]:
    """The boxes of one image, their corners times `scale`. labels: texts or numbers; scores: 0 to 1; one a box."""
    if corners is None:
        return ()
    values = numbers_in(corners, "boxes")
    if not values.size:
        return ()
    if values.ndim != 2 or values.shape[1] < 4:
        raise InvalidArgumentError("boxes", Shape(corners), ACCEPTED)
    names = _of_boxes(labels, "labels", len(values))
    numbers = _of_boxes(scores, "scores", len(values))
    return tuple(
        Box(x0 * scale, y0 * scale, x1 * scale, y1 * scale, _text(names, at), _score(numbers, at))
        for at, (x0, y0, x1, y1) in enumerate(values[:, :4].astype(float).tolist())
    )


def _listed(boxes: object, images: int) -> bool:
    """Whether `boxes` is a list with the boxes of each image, not those of one."""
    return isinstance(boxes, (list, tuple)) and len(boxes) == images and getattr(boxes[0], "ndim", 0) == 2


def _each(value: Any, name: str, images: int) -> list[Any]:
    if value is None:
        return [None] * images
    if not hasattr(value, "__len__") or len(value) != images:
        raise InvalidArgumentError(name, Shape(value), f"a list of {images}, one for each image")
    return list(value)


def _of_boxes(value: Any, name: str, count: int) -> list[Any] | None:
    if value is None:
        return None
    items = value.tolist() if callable(getattr(value, "tolist", None)) else list(value)
    if len(items) != count:
        raise InvalidArgumentError(name, f"{len(items)} of them", f"one for each of {count} boxes")
    return items


def _text(names: list[Any] | None, at: int) -> str:
    return "" if names is None else str(names[at])


def _score(numbers: list[Any] | None, at: int) -> float | None:
    return None if numbers is None else float(numbers[at])
