"""Truth and prediction drawn over a kept image: masks and boxes, by torchvision."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.task import Boxes, Drawing
from reportgen.collect.predictions.vision import vision

TRUTH, PREDICTION = (0, 200, 80), (255, 70, 50)  # green and red, bright enough on photos
# Told apart also with colour blindness (Okabe and Ito 2008); class 0 is most often the background and stays bare.
CLASSES = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
ALPHA = 0.55
GAP = 4
LONGEST_LABEL = 18
LINE = 2  # pixels; thinner ones lose their colour when a photo is stored


def overlay_of(picture: Array | None, drawing: Drawing, scale: float, side: int) -> Array | None:
    """The uint8 (H, W, 3) picture with `drawing` over it: truth and prediction side by side (masks), or both (boxes).

    picture: the kept image, or None (then the drawing is on black). scale: its size against the image the boxes are
    for. None where torchvision cannot be imported.
    """
    module = vision()
    if module is None:
        return None
    if isinstance(drawing.truth, Boxes) or isinstance(drawing.prediction, Boxes):
        if picture is None or not isinstance(drawing.truth, Boxes) or not isinstance(drawing.prediction, Boxes):
            return None
        canvas = _canvas(picture)
        for boxes, colour in ((drawing.truth, TRUTH), (drawing.prediction, PREDICTION)):
            canvas = _draw_boxes(module.utils, canvas, boxes, colour, scale)
    else:
        canvas = _draw_masks(module.utils, picture, drawing.truth, drawing.prediction, side)
    result: Array = canvas.permute(1, 2, 0).numpy().copy()
    return result


def _canvas(picture: Array) -> torch.Tensor:
    colours = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(colours[:, :, :3], -1, 0)))


def _draw_boxes(
    utils: object, canvas: torch.Tensor, boxes: Boxes, colour: tuple[int, int, int], scale: float
) -> torch.Tensor:
    height, width = canvas.shape[1:]
    corners = np.nan_to_num(boxes.corners * scale)
    corners[:, 0::2] = np.clip(corners[:, 0::2], 0, width - 1)
    corners[:, 1::2] = np.clip(corners[:, 1::2], 0, height - 1)
    drawn = (corners[:, 2] >= corners[:, 0]) & (corners[:, 3] >= corners[:, 1])
    if not drawn.any():
        return canvas
    labels = [
        # Labels of truth would lie under those of the prediction; its classes are in the example's words.
        None if np.isnan(score) else _label(name, float(score))
        for name, score, good in zip(boxes.names, boxes.scores, drawn, strict=True)
        if good
    ]
    result: torch.Tensor = utils.draw_bounding_boxes(  # type: ignore[attr-defined]  # torchvision.utils has no types
        canvas, torch.from_numpy(corners[drawn]), labels=labels, colors=colour, width=LINE
    )
    return result


def _label(name: str, score: float) -> str:
    """What Pillow's built-in font can write; other names show as "?", their full text is in the caption."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in name)[:LONGEST_LABEL]
    return f"{plain} {score:.2f}"


def _draw_masks(
    utils: object, picture: Array | None, truth: Array | Boxes, prediction: Array | Boxes, side: int
) -> torch.Tensor:
    assert isinstance(truth, np.ndarray)
    assert isinstance(prediction, np.ndarray)
    height, width = _fitted(truth.shape, side) if picture is None else picture.shape[:2]
    base = _canvas(np.zeros((height, width), np.uint8) if picture is None else picture)
    panels = []
    for classes in (truth, prediction):
        rows = np.arange(height) * classes.shape[0] // height
        columns = np.arange(width) * classes.shape[1] // width
        small = classes[rows][:, columns]
        present = [int(label) for label in np.unique(small) if label > 0]
        panel = base
        if present:
            masks = torch.from_numpy(np.stack([small == label for label in present]))
            colours = [CLASSES[(label - 1) % len(CLASSES)] for label in present]
            panel = utils.draw_segmentation_masks(base, masks, alpha=ALPHA, colors=colours)  # type: ignore[attr-defined]
        panels.append(panel)
    result: torch.Tensor = utils.make_grid(panels, nrow=2, padding=GAP, pad_value=255)  # type: ignore[attr-defined]
    return result


def _fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of `shape`, made smaller to fit `side`."""
    image = Image.new("L", (shape[1], shape[0]))
    image.thumbnail((side, side))
    return image.size[1], image.size[0]
