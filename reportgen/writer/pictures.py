"""The add_* methods that take something to look at or to listen to."""

from __future__ import annotations

import sys
import wave
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reportgen.collect.logged.audio import MOST_CHANNELS
from reportgen.collect.logged.boxes import image_boxes
from reportgen.collect.logged.mesh import config_in
from reportgen.collect.logged.pictures import eight_bits, picture_in, tiled
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.notes import Notes
from reportgen.errors import shown
from reportgen.writer.arguments import array_of, length_of, number_of, shaped, text_of
from reportgen.writer.formats import batch_of, check_format
from reportgen.writer.writing import Writing

# As torch's writer lays out a batch in one picture.
GRID_COLUMNS = 8
VIDEO = "NTCHW"


class AddPictures(Writing):
    """See SummaryWriter."""

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Record an image of 1 to 4 channels, or a batch with dataformats of four letters, without loss at full size.

        uint8 as it is; other whole numbers too, unless all are 0 or 1; floats in [0, 1], clipped otherwise, and the
        page says so. The image of a device tensor is copied to the host now. Raises NotImplementedError for what is no
        tensor or array, AssertionError for a repeated letter or another number of them than dimensions, TypeError for
        other channels.
        """
        self._images(tag, img_tensor, global_step, walltime, dataformats, batch=False)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Record a batch of images of 1 to 4 channels, each one by itself; of more than 100 the first 100.

        Values as in add_image. An empty batch is recorded as one. Raises as add_image, and AssertionError for other
        channels.
        """
        self._images(tag, img_tensor, global_step, walltime, dataformats, batch=True)

    def _images(self, tag: str, images: Any, global_step: Any, walltime: Any, dataformats: str, batch: bool) -> None:
        name, step, at = self._when(tag, global_step, walltime)
        letters = check_format(shaped(images, "img_tensor"), dataformats, batch)
        given = array_of(images, "img_tensor")
        with self._adding("images"):
            if self._recorder.owner:
                pixels, total = batch_of(given, letters)
                self._report._logged.pictures(name, pixels, step, total, at=at)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Sequence[str] | str | None = None,
        *,
        scores: Any = None,
    ) -> None:
        """Record an image with boxes (N, 4) over it: corners x0, y0, x1, y1 in pixels, a label and a score each.

        Boxes are kept beside the image, which stays as it is. rescale: size of what is kept against what was given;
        boxes are scaled alike. A batch becomes one picture of at most 8 columns, as in torch's writer. Labels or scores
        that are not as many as boxes are left out, and the page says so. Raises as add_image, IndexError for boxes
        without 4 columns, ValueError for a rescale that leaves no pixel.
        """
        name, step, at = self._when(tag, global_step, walltime)
        letters = check_format(shaped(img_tensor, "img_tensor"), dataformats, batch=False)
        given = array_of(img_tensor, "img_tensor")
        if labels is not None and not hasattr(box_tensor, "shape"):
            raise AttributeError(f"box_tensor is {shown(box_tensor)}; accepted: a tensor or an array (N, 4)")
        corners = array_of(box_tensor, "box_tensor")
        count = int(corners.shape[0])
        if count and (corners.ndim != 2 or corners.shape[1] < 4):
            raise IndexError(f"box_tensor has shape {tuple(corners.shape)}; accepted: (N, 4), corners x0, y0, x1, y1")
        scale = _scale(rescale, given, letters)
        notes = Notes()
        names = _one_each([labels] if isinstance(labels, str) else labels, "labels", count, notes)
        numbers = _one_each(scores, "scores", count, notes)
        with self._adding("images"):
            if self._recorder.owner:
                pixels, _ = batch_of(given, letters)
                boxes = image_boxes(corners, names, numbers, scale)
                grid = partial(_grid, scale=scale)
                self._report._logged.pictures(name, pixels, step, 1, [boxes], notes, at, grid)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Record a matplotlib figure, or each of a list, of any sizes; `close` closes it in pyplot afterwards.

        Raises AttributeError for what is no figure, ValueError for an empty list.
        """
        name, step, at = self._when(tag, global_step, walltime)
        figures = list(figure) if isinstance(figure, list) else [figure]
        if not figures:
            raise ValueError("figure is an empty list; accepted: a matplotlib Figure, or a list of them")
        for one in figures:
            if not callable(getattr(one, "savefig", None)):
                raise AttributeError(f"figure is {shown(one)}; accepted: a matplotlib Figure, or a list of them")
        with self._adding("figure"):
            self._report._media.figure(name, figures, step, at)
        pyplot = sys.modules.get("matplotlib.pyplot")
        if close and pyplot is not None:
            for one in figures:
                pyplot.close(one)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: int | None = None,
        fps: float = 4,
        walltime: float | None = None,
        *,
        dataformats: str = VIDEO,
    ) -> None:
        """Record frames (N, T, C, H, W), the N videos beside each other; nothing else needs to be installed.

        Kept as an animated picture of at most 240 frames and 480 pixels a side with a strip of 8 frames. Values as in
        add_image. dataformats: the order of the five letters. Raises NotImplementedError for what is no tensor or
        array, ValueError for other than five dimensions, TypeError for an empty batch.
        """
        name, step, at = self._when(tag, global_step, walltime)
        given = array_of(vid_tensor, "vid_tensor")
        letters = str(dataformats).upper()
        if set(letters) != set(VIDEO) or len(letters) != len(VIDEO):
            raise AssertionError(f"dataformats is {shown(dataformats)}; accepted: N, T, C, H and W in any order")
        shape = tuple(given.shape)
        if len(shape) != len(VIDEO):
            raise ValueError(f"vid_tensor has shape {shape}; accepted: five dimensions (N, T, C, H, W)")
        if 0 in shape:
            raise TypeError(f"vid_tensor has shape {shape} and no pixel; accepted: at least one frame")
        with self._adding("video"):
            order = [letters.index(letter) for letter in VIDEO]
            ordered = given.permute(order) if isinstance(given, Tensor) else given.transpose(order)
            self._report._logged.video(name, ordered, step, fps, at)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: int | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Record sound (1, L), (L,), or of several channels (C, L) or (L, C), as 16-bit WAV.

        Floats are in [-1, 1], clipped otherwise, and the page says so; whole numbers are PCM samples of their dtype.
        Raises NotImplementedError for what is no tensor or array, AssertionError for other shapes, ValueError without a
        sample, wave.Error for a rate that is none.
        """
        name, step, at = self._when(tag, global_step, walltime)
        given = array_of(snd_tensor, "snd_tensor")
        shape = tuple(given.shape)
        if 0 in shape:
            raise ValueError(f"snd_tensor has shape {shape} and no sample; accepted: sound of at least two samples")
        sides = [size for size in shape if size != 1]
        if not 1 <= len(sides) <= 2 or (len(sides) == 2 and min(sides) > MOST_CHANNELS):
            raise AssertionError(f"snd_tensor has shape {shape}; accepted: (L,), (channels, L) or (L, channels)")
        try:
            rate = round(number_of(sample_rate, "sample_rate"))
        except (TypeError, ValueError, OverflowError):
            rate = 0
        if rate < 1:
            raise wave.Error(f"sample_rate is {shown(sample_rate)}; accepted: samples a second, 1 or more")
        with self._adding("audio"):
            self._report._logged.audio(name, given, step, rate, at)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Record a text, shown as Markdown, tables included. Raises AttributeError for what is no str."""
        name, step, at = self._when(tag, global_step, walltime)
        text = text_of(text_string, "text_string")
        text.encode("utf-8")  # a lone surrogate is refused as torch's writer does
        with self._adding("text"):
            self._report._media.text(name, text, step, markdown=True, at=at)

    def add_tensor(
        self, tag: str, tensor: Tensor, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Record a whole tensor of any dtype and layout, less than 2 GiB.

        Raises AttributeError for what is no tensor, ValueError for one of 2 GiB or more.
        """
        name, step, at = self._when(tag, global_step, walltime)
        if not isinstance(tensor, Tensor):
            raise AttributeError(f"tensor is {shown(tensor)}; accepted: a torch.Tensor")
        if tensor.numel() * tensor.element_size() >= 1 << 31:
            size = tensor.numel() * tensor.element_size()
            raise ValueError(f"tensor has {size:,} bytes; accepted: less than 2 GiB (log a part of it, or a histogram)")
        with self._adding("tensor"):
            self._report._logged.tensor(name, tensor, step, at)

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: int | None = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Record points (N, D) with labels, and pictures (N, C, H, W) of which thumbnails are kept.

        metadata: a label for each point, or with metadata_header a list of labels for each. Raises NotImplementedError
        for what is no tensor or array, AssertionError for other than two dimensions and for another number of labels,
        pictures or columns, AttributeError for label_img that is neither tensor nor array.
        """
        points = array_of(mat, "mat")
        name, step, at = self._when(text_of(tag, "tag"), global_step, None)
        count = int(points.shape[0]) if len(points.shape) else 0
        if metadata is not None:
            labels = length_of(metadata, "metadata")
            if labels != count:
                raise AssertionError(f"metadata has {labels} labels for {count} points; accepted: one for each")
            if metadata_header and count and len(metadata_header) != length_of(metadata[0], "metadata[0]"):
                what = (
                    f"metadata_header has {len(metadata_header)} names and a row of metadata {len(metadata[0])} labels"
                )
                raise AssertionError(f"{what}; accepted: a name for each column")
        if label_img is not None:
            _check_thumbnails(label_img, count)
        if len(points.shape) != 2:
            raise AssertionError(f"mat has shape {tuple(points.shape)}; accepted: (N, D), a row for each point")
        with self._adding("embedding"):
            self._report._logged.embedding(name, points, step, metadata, metadata_header, label_img, at)

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: Mapping[str, Any] | None = None,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Record point clouds or meshes: vertices and colors (B, N, 3), faces (B, F, 3) of indices.

        colors: whole numbers 0 to 255, or floats 0 to 1. config_dict: settings of three.js, shown beside it. Colors or
        faces that do not fit the vertices are left out, and the page says so. Raises ValueError for other than three
        dimensions, TypeError for what is no tensor and for a config_dict that JSON cannot hold.
        """
        name, step, at = self._when(tag, global_step, walltime)
        parts = {"vertices": vertices, "colors": colors, "faces": faces}
        given = {part: torch.as_tensor(value) for part, value in parts.items() if value is not None}
        for part, tensor in given.items():
            if tensor.dim() != 3:
                raise ValueError(f"{part} has shape {tuple(tensor.shape)}; accepted: (B, N, 3)")
        config = None if config_dict is None else config_in(config_dict)
        with self._adding("mesh"):
            logged = self._report._logged
            logged.mesh(name, given.get("vertices"), step, given.get("colors"), given.get("faces"), config, at)


def _scale(rescale: Any, given: Any, letters: str) -> float:
    """`rescale` as a number; ValueError when it is none, or leaves no pixel."""
    height, width = (given.shape[letters.index(letter)] for letter in "HW")
    try:
        scale = float(rescale)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rescale is {shown(rescale)}; accepted: a number") from error
    if not min(height, width) * scale >= 1 or scale == float("inf"):
        raise ValueError(f"rescale is {shown(rescale)}; accepted: a number that leaves a pixel of {width}x{height}")
    return scale


def _grid(batch: Array, notes: Notes, scale: float) -> Array:
    """A batch (N, H, W, C) as a single picture of at most GRID_COLUMNS columns, in `scale`: uint8 (1, H, W, C)."""
    pixels = eight_bits(tiled(batch, GRID_COLUMNS), notes)
    if scale == 1:
        return pixels[None]
    image = Image.fromarray(picture_in(pixels))
    size = (int(image.width * scale), int(image.height * scale))
    made = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return made[None] if made.ndim == 3 else made[None, :, :, None]


def _one_each(values: Any, argument: str, count: int, notes: Notes) -> Any:
    """The values when there is one for each box; None, and noted, when there is not."""
    if values is None:
        return None
    given = length_of(values, argument)
    if given == count:
        return values
    notes.fact(f"{argument} were left out: {given} of them for {count} boxes.")
    return None


def _check_thumbnails(images: Any, count: int) -> None:
    if not isinstance(images, (Tensor, np.ndarray)):
        raise AttributeError(f"label_img is {shown(images)}; accepted: a tensor or an array (N, C, H, W)")
    shape = tuple(images.shape)
    if not shape or shape[0] != count:
        raise AssertionError(f"label_img has shape {shape} for {count} points; accepted: an image for each")
    if len(shape) != 4 or not 1 <= shape[1] <= 4:
        raise AssertionError(f"label_img has shape {shape}; accepted: (N, C, H, W) with 1 to 4 channels")
