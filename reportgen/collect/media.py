"""What a user logs by hand: images, figures, texts and tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from reportgen.collect.encoding import Encoding
from reportgen.collect.logged.boxes import boxes_of
from reportgen.collect.logged.pictures import png
from reportgen.collect.predictions.arrays import Array, Shape, as_values, to_array
from reportgen.collect.predictions.images import encode, layout, picture_of
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.vision import reason as no_vision
from reportgen.collect.predictions.vision import vision
from reportgen.collect.quiet import quiet
from reportgen.collect.rows import table_of
from reportgen.errors import InvalidArgumentError
from reportgen.run.records import Images, TextRecord
from reportgen.run.series import Stamp

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder

# Pictures stored one by one a call, with a caption each; of more tiny ones a sheet of SHEET shows many more.
MOST_IMAGES = 36
SHEET, SHEET_SIDE, SHEET_COLUMNS, SHEET_GAP = 144, 64, 12, 2
IMAGE_SIDE = 320  # what a page shows at most
# Twice a figure's own resolution stays sharp on a dense screen; no longer side than FIGURE_PIXELS.
FIGURE_SCALE, FIGURE_PIXELS = 2.0, 2400
LONGEST_TEXT = 100_000

IMAGES = "an image or a batch: (H, W), (C, H, W), (H, W, C), (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1, 3 or 4"


class Media:
    """Stores what it is given in the run folder and records it; nothing given is kept or changed."""

    def __init__(self, recorder: Recorder, encoding: Encoding) -> None:
        self._recorder = recorder
        self._encoding = encoding

    def images(
        self,
        tag: str,
        images: object,
        step: int | None = None,
        captions: object = None,
        boxes: object = None,
        labels: object = None,
        scores: object = None,
    ) -> None:
        """Store an image, a batch of them, or a list of arrays, tensors or Pillow images; at most MOST_IMAGES.

        More than that, all of one size up to SHEET_SIDE pixels, become one sheet of the first SHEET, row by row. Values
        are shown as `picture_of` says. captions: one text an image. boxes (n, 4) of one image, or a list of as many,
        with the corners x0, y0, x1, y1 in its pixels; labels and scores alike, one a box. Raises InvalidArgumentError
        for what is no image, and for boxes that do not fit.
        """
        if not self._recorder.owner:
            return
        _check_tag(tag)
        with quiet():
            samples = _samples(images)
        if not samples:
            raise InvalidArgumentError("images", Shape(images), IMAGES)
        titles = _captions(captions, len(samples))
        frames = boxes_of(boxes, labels, scores, len(samples)) if boxes is not None else ()
        notes = Notes()
        made = [picture_of(sample, IMAGE_SIDE, notes) for sample in samples[:SHEET]]
        pictures = [picture for picture in made if picture is not None]
        if len(pictures) < len(made):
            raise InvalidArgumentError("images", Shape(samples[made.index(None)]), IMAGES)
        sizes = [_size(sample) for sample in samples[: len(pictures)]]
        if len(samples) > MOST_IMAGES and not titles and not frames and _tiny(pictures):
            sheet = _sheet(pictures)
            if sheet is not None:
                pictures, titles = [sheet], (f"the first {len(pictures)} of {len(samples)} images, row by row",)
                sizes = [(sheet.shape[1], sheet.shape[0])]
            else:
                self._recorder.note("omission", "images", f"{no_vision()}: no sheet of many small images is made.")
        pictures = pictures[:MOST_IMAGES]
        shown = len(pictures)
        record = partial(
            Images, tag, captions=titles[:shown], total=len(samples), notes=notes.texts(), sizes=tuple(sizes[:shown]),
            boxes=frames[:shown],
        )  # fmt: skip
        stamp = self._recorder.stamp(step, tag)
        store = self._recorder.store

        def write(*pictures: Array) -> None:
            self._record(stamp, record, [store(*encode(picture)) for picture in pictures])

        self._encoding.hand_over("images", write, *pictures, owned=True)

    def figure(self, tag: str, fig: Any, step: int | None = None, at: float | None = None) -> None:
        """Store a matplotlib Figure, or a list of them, as PNG at twice their resolution; none is closed or changed."""
        if not self._recorder.owner:
            return
        _check_tag(tag)
        figures = fig if isinstance(fig, (list, tuple)) else [fig]
        if not figures or not all(_is_figure(one) for one in figures):
            raise InvalidArgumentError("fig", Shape(fig), "a matplotlib Figure, or a list of them")
        drawn = [_drawn(one) for one in figures]
        titles = tuple(_figure_title(one) for one in figures)
        sizes = tuple(_figure_size(one) for one in figures)
        captions = titles if any(titles) else ()
        record = partial(Images, tag, captions=captions, total=len(figures), sizes=sizes)
        stamp = self._recorder.stamp(step, tag, at)
        store = self._recorder.store

        def write(*drawn: Array) -> None:
            self._record(stamp, record, [store(_figure_png(one), "png") for one in drawn])

        self._encoding.hand_over("figure", write, *drawn, owned=True)

    def _record(self, stamp: Stamp, record: Callable[..., Images], names: Sequence[str]) -> None:
        self._recorder.record("images", record(stamp=stamp, media=tuple(names)), stamp)

    def text(
        self, tag: str, text: str, step: int | None = None, markdown: bool = False, at: float | None = None
    ) -> None:
        """Record a text of at most LONGEST_TEXT characters; a longer one is cut, and says so."""
        if not self._recorder.owner:
            return
        _check_tag(tag)
        if not isinstance(text, str):
            raise InvalidArgumentError("text", text, "a str")
        if len(text) > LONGEST_TEXT:
            text = f"{text[:LONGEST_TEXT]}\n… (cut: the text has {len(text):,} characters)"
        stamp = self._recorder.stamp(step, tag, at)
        self._recorder.record("text", TextRecord(tag, stamp, text, markdown), stamp)

    def table(self, tag: str, rows: object) -> None:
        """Record a table: a list of dicts or of lists, a dict of columns, a 2-D array, or a data frame."""
        if not self._recorder.owner:
            return
        _check_tag(tag)
        self._recorder.record("table", table_of(tag, rows))


def _check_tag(tag: object) -> None:
    if not isinstance(tag, str):
        raise InvalidArgumentError("tag", tag, "a str")


def _samples(images: object) -> list[Any]:
    """The single images of `images`, as arrays on the host or Pillow images."""
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, (list, tuple)) and images and not isinstance(images[0], (int, float, list, tuple)):
        samples = [sample for item in images[: max(SHEET, MOST_IMAGES)] for sample in _samples(item)]
        return samples + [None] * (len(images) - SHEET)  # places of those that are counted but not looked at
    values = as_values(images, "images")
    shape = tuple(values.shape)
    single = len(shape) == 2 or (len(shape) == 3 and layout(shape) != "")
    if single:
        return [to_array(values)] if layout(shape) else []
    if len(shape) not in (3, 4) or not layout(shape[1:]):
        return []
    # Only what may be shown leaves the device.
    return [*to_array(values[:SHEET]), *[None] * (shape[0] - SHEET)]


def _captions(captions: object, count: int) -> tuple[str, ...]:
    if captions is None:
        return ()
    if not isinstance(captions, (list, tuple)) or len(captions) != count:
        raise InvalidArgumentError("captions", Shape(captions), f"a list of {count} texts, one an image")
    return tuple(str(caption) for caption in captions)


def _tiny(pictures: list[Array]) -> bool:
    shapes = {picture.shape for picture in pictures}
    return len(shapes) == 1 and max(pictures[0].shape[:2]) <= SHEET_SIDE


def _sheet(pictures: list[Array]) -> Array | None:
    """Tiny pictures of one size side by side, by torchvision; None where it cannot be imported."""
    module = vision()
    if module is None:
        return None
    batch = np.stack(pictures)
    batch = batch[:, None] if batch.ndim == 3 else np.moveaxis(batch, -1, 1)
    columns = min(SHEET_COLUMNS, len(pictures))
    grid = module.utils.make_grid(torch.from_numpy(batch), nrow=columns, padding=SHEET_GAP, pad_value=128)
    sheet: Array = np.moveaxis(grid.numpy(), 0, -1)
    # make_grid repeats a grey channel three times.
    return np.ascontiguousarray(sheet[:, :, 0] if batch.shape[1] == 1 else sheet)


def _is_figure(figure: object) -> bool:
    return all(callable(getattr(figure, name, None)) for name in ("savefig", "get_size_inches"))


def _drawn(figure: Any) -> Array:
    """The bytes of a TIFF file of a figure, without compression: that takes longer than drawing."""
    dpi = min(FIGURE_SCALE * float(figure.dpi), FIGURE_PIXELS / float(max(figure.get_size_inches())))
    stale = figure.stale
    buffer = io.BytesIO()
    figure.savefig(buffer, format="tiff", dpi=dpi)  # which puts the figure's own canvas and resolution back
    figure.stale = stale
    return np.frombuffer(buffer.getbuffer(), np.uint8)


def _figure_png(drawn: Array) -> bytes:
    with Image.open(io.BytesIO(drawn.data)) as image:
        pixels = np.asarray(image)
    opaque = pixels.shape[2] == 4 and (pixels[:, :, 3] == 255).all()
    return png(np.ascontiguousarray(pixels[:, :, :3]) if opaque else pixels)


def _figure_size(figure: Any) -> tuple[int, int]:
    width, height = figure.get_size_inches() * float(figure.dpi)
    return int(width), int(height)


def _size(sample: Any) -> tuple[int, int]:
    """Width and height of an image as it was given."""
    if isinstance(sample, Image.Image):
        return sample.size
    shape = sample.shape
    height, width = shape[1:] if layout(shape) == "CHW" else shape[:2]
    return int(width), int(height)


def _figure_title(fig: Any) -> str:
    titles = [fig.get_suptitle(), *(axes.get_title() for axes in fig.axes)]
    return ", ".join(dict.fromkeys(title for title in titles if title))
