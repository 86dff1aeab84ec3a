"""What a user logs by hand: images, figures, texts and tables."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from reportgen.collect.predictions.arrays import Array, Shape, as_values, to_array
from reportgen.collect.predictions.images import encode, layout, picture_of
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.vision import reason as no_vision
from reportgen.collect.predictions.vision import vision
from reportgen.collect.quiet import quiet
from reportgen.collect.rows import table_of
from reportgen.errors import InvalidArgumentError
from reportgen.run.records import Images, TextRecord

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

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def images(self, tag: str, images: object, step: int | None = None, captions: object = None) -> None:
        """Store an image, a batch of them, or a list of arrays, tensors or Pillow images; at most MOST_IMAGES.

        More than that, all of one size up to SHEET_SIDE pixels, become one sheet of the first SHEET, row by row. Values
        are shown as `picture_of` says. captions: one text an image. Raises InvalidArgumentError for what is no image.
        """
        if not self._recorder.owner:
            return
        _check_tag(tag)
        with quiet():
            samples = _samples(images)
        if not samples:
            raise InvalidArgumentError("images", Shape(images), IMAGES)
        titles = _captions(captions, len(samples))
        notes = Notes()
        made = [picture_of(sample, IMAGE_SIDE, notes) for sample in samples[:SHEET]]
        pictures = [picture for picture in made if picture is not None]
        if len(pictures) < len(made):
            raise InvalidArgumentError("images", Shape(samples[made.index(None)]), IMAGES)
        if len(samples) > MOST_IMAGES and not titles and _tiny(pictures):
            sheet = _sheet(pictures)
            if sheet is not None:
                pictures, titles = [sheet], (f"the first {len(pictures)} of {len(samples)} images, row by row",)
            else:
                self._recorder.note("omission", "images", f"{no_vision()}: no sheet of many small images is made.")
        pictures = pictures[:MOST_IMAGES]
        names = tuple(self._recorder.store(*encode(picture)) for picture in pictures)
        stamp = self._recorder.stamp(step, tag)
        record = Images(tag, stamp, names, titles[: len(names)], len(samples), notes.texts())
        self._recorder.record("images", record, stamp)

    def figure(self, tag: str, fig: Any, step: int | None = None) -> None:
        """Store a matplotlib Figure as PNG at twice its resolution; it is neither closed nor changed."""
        if not self._recorder.owner:
            return
        _check_tag(tag)
        if not callable(getattr(fig, "savefig", None)) or not callable(getattr(fig, "get_size_inches", None)):
            raise InvalidArgumentError("fig", Shape(fig), "a matplotlib Figure")
        longest = float(max(fig.get_size_inches()))
        dpi = min(FIGURE_SCALE * float(fig.dpi), FIGURE_PIXELS / longest)
        stale = fig.stale
        buffer = io.BytesIO()
        # savefig puts the figure's own canvas and resolution back; without "Software" the bytes hold no version.
        fig.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        fig.stale = stale
        stamp = self._recorder.stamp(step, tag)
        title = _figure_title(fig)
        record = Images(tag, stamp, (self._recorder.store(buffer.getvalue(), "png"),), (title,) if title else (), 1)
        self._recorder.record("images", record, stamp)

    def text(self, tag: str, text: str, step: int | None = None) -> None:
        """Record a text of at most LONGEST_TEXT characters; a longer one is cut, and says so."""
        if not self._recorder.owner:
            return
        _check_tag(tag)
        if not isinstance(text, str):
            raise InvalidArgumentError("text", text, "a str")
        if len(text) > LONGEST_TEXT:
            text = f"{text[:LONGEST_TEXT]}\n… (cut: the text has {len(text):,} characters)"
        stamp = self._recorder.stamp(step, tag)
        self._recorder.record("text", TextRecord(tag, stamp, text), stamp)

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


def _figure_title(fig: Any) -> str:
    titles = [fig.get_suptitle(), *(axes.get_title() for axes in fig.axes)]
    return ", ".join(dict.fromkeys(title for title in titles if title))
