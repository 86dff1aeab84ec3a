"""Records of what is logged by hand: validated, made small records and files, stamped, and given to the recorder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from reportgen.collect.encoding import Encoding
from reportgen.collect.later import Later
from reportgen.collect.logged import audio as sounds
from reportgen.collect.logged import embedding as embeddings
from reportgen.collect.logged import mesh as meshes
from reportgen.collect.logged import pr_curve as curves
from reportgen.collect.logged import tensors
from reportgen.collect.logged.arrays import NPY, evenly, npy, numbers_in
from reportgen.collect.logged.pictures import check_pictures, eight_bits, picture_in, png
from reportgen.collect.logged.video import MOST_FRAMES, animation_of, grid_of
from reportgen.collect.numbers import reason_against, tensor_of
from reportgen.collect.predictions.arrays import Array, Shape
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.quiet import capturing
from reportgen.errors import InvalidArgumentError
from reportgen.run.distribution import Distribution
from reportgen.run.logged import (
    Audio,
    Box,
    Embedding,
    HParams,
    Layout,
    LayoutChart,
    Mesh,
    TagGroup,
    TensorRecord,
    Video,
)
from reportgen.run.records import Images
from reportgen.run.series import Stamp

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


class Logged:
    """Records under a tag at a step; `at` is the time to stamp with (seconds since the Unix epoch), None for now.

    Each method raises InvalidArgumentError for what cannot be recorded, before anything is, and keeps no reference to
    what it is given: files are made of copies, by `encoding`. In a process that does not record, nothing happens.
    """

    def __init__(self, recorder: Recorder, encoding: Encoding) -> None:
        self._recorder = recorder
        self._encoding = encoding
        self._later = Later()
        recorder.before_flush.append(lambda: self._later.deliver(recorder.asked))
        self._groups: dict[str, dict[str, None]] = {}

    def audio(self, tag: str, audio: object, step: int | None, rate: float, at: float | None = None) -> None:
        """Record sound: (L,), (channels, L) or (L, channels); floats in [-1, 1], or PCM samples. rate: frames/s."""
        if not self._recorder.owner:
            return
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 1 <= rate <= 2**31:
            raise InvalidArgumentError("rate", rate, "samples a second, 1 or more")
        sound = sounds.frames_of(numbers_in(audio, "audio"))
        stamp = self._recorder.stamp(step, tag, at)

        def write(sound: Array) -> None:
            notes = Notes()
            samples = sounds.sixteen_bits(sound, notes)
            name = self._recorder.store(sounds.wav(samples, round(rate)), "wav")
            low, high = sounds.waveform(samples)
            frames, channels = samples.shape
            record = Audio(tag, stamp, name, round(rate), channels, frames, low, high, notes.texts())
            self._recorder.record("audio", record, stamp)

        self._encoding.hand_over("audio", write, sound)

    def video(self, tag: str, video: object, step: int | None, fps: float, at: float | None = None) -> None:
        """Record (T, C, H, W) or (N, T, C, H, W), the N beside each other; uint8, or floats in [0, 1]."""
        if not self._recorder.owner:
            return
        if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps < math.inf:
            raise InvalidArgumentError("fps", fps, "frames a second, more than 0")
        values = numbers_in(video, "video")
        values = values[None] if values.ndim == 4 else values
        if values.ndim != 5 or not values.size:
            raise InvalidArgumentError("video", Shape(video), "frames (T, C, H, W) or (N, T, C, H, W), at least one")
        count, channels = values.shape[1:3]
        check_pictures(values.shape[3:], channels)
        kept = evenly(count, MOST_FRAMES)
        stamp = self._recorder.stamp(step, tag, at)

        def write(frames: Array) -> None:
            notes = Notes()
            made = animation_of(grid_of(frames), kept, count, float(fps), notes)
            store = self._recorder.store
            record = Video(
                tag, stamp, store(made.data, made.suffix), count, float(fps), made.width, made.height,
                tuple(store(*one) for one in made.strip), made.shown, notes.texts(),
            )  # fmt: skip
            self._recorder.record("video", record, stamp)

        self._encoding.hand_over("video", write, values[:, kept], owned=True)

    def pr_curve(
        self,
        tag: str,
        labels: object,
        scores: object,
        step: int | None,
        thresholds: int,
        weights: object = None,
        at: float | None = None,
    ) -> None:
        """Record precision and recall of scores in [0, 1] against labels 0 and 1 of the same shape."""
        if not self._recorder.owner:
            return
        if isinstance(thresholds, bool) or not isinstance(thresholds, int) or thresholds < 1:
            raise InvalidArgumentError("thresholds", thresholds, "how many thresholds, 1 or more")
        weight = 1.0 if weights is None else numbers_in(weights, "weights")
        truth, given = numbers_in(labels, "labels"), numbers_in(scores, "predictions")
        count = min(thresholds, curves.MOST_THRESHOLDS)
        stamp = self._recorder.stamp(step, tag, at)
        self._recorder.record("pr_curve", curves.counted(tag, stamp, truth, given, count, weight), stamp)

    def pr_curve_counts(
        self, tag: str, columns: Sequence[object], step: int | None, notes: Sequence[str] = (), at: float | None = None
    ) -> None:
        """Record true and false positives, true and false negatives, precision and recall, one each a threshold."""
        if not self._recorder.owner:
            return
        arrays = [numbers_in(column, "columns") for column in columns]
        if len({column.shape for column in arrays}) > 1 or arrays[0].ndim != 1:
            raise InvalidArgumentError("columns", [column.shape for column in arrays], "six of one length")
        stamp = self._recorder.stamp(step, tag, at)
        self._recorder.record("pr_curve", curves.given_curve(tag, stamp, arrays, notes), stamp)

    def embedding(
        self,
        tag: str,
        matrix: object,
        step: int | None,
        metadata: Sequence[object] | None = None,
        header: Sequence[str] | None = None,
        images: object = None,
        at: float | None = None,
    ) -> None:
        """Record points (N, D) with a label or a row of labels each, and a picture (N, C, H, W) each."""
        if not self._recorder.owner:
            return
        values = numbers_in(matrix, "matrix")
        if values.ndim != 2:
            raise InvalidArgumentError("matrix", Shape(matrix), "points (N, D), one a row")
        if values.dtype.kind != "f" or values.dtype.itemsize < 4:
            values = values.astype(np.float32)
        rows = len(values)
        table = embeddings.table_of(metadata, header) if metadata is not None else ()
        if metadata is not None and len(table) != rows:
            raise InvalidArgumentError("metadata", f"{len(table)} labels", f"one for each of {rows} points")
        pictures: tuple[Array, ...] = ()
        if images is not None:
            pictures = (numbers_in(images, "images"),)
            if pictures[0].ndim != 4 or len(pictures[0]) != rows:
                raise InvalidArgumentError("images", Shape(images), f"pictures (N, C, H, W) of {rows} points")
            if rows:
                check_pictures(pictures[0].shape[2:], pictures[0].shape[1])
        names = tuple(map(str, header)) if header and table else ()
        stamp = self._recorder.stamp(step, tag, at)

        def write(values: Array, *pictures: Array) -> None:
            notes = Notes()
            sprite = embeddings.sprite_of(pictures[0], notes) if pictures and rows else None
            store = self._recorder.store
            record = Embedding(
                tag, stamp, store(npy(values), NPY), rows, values.shape[1], header=names, metadata=table,
                notes=notes.texts(),
            )  # fmt: skip
            if sprite is not None:
                record = replace(
                    record, sprite=store(sprite.data, sprite.suffix), sprite_columns=sprite.columns,
                    sprite_width=sprite.width, sprite_height=sprite.height,
                )  # fmt: skip
            self._recorder.record("embedding", record, stamp)

        self._encoding.hand_over("embedding", write, values, *pictures)

    def mesh(
        self,
        tag: str,
        vertices: object,
        step: int | None,
        colors: object = None,
        faces: object = None,
        config: object = None,
        at: float | None = None,
    ) -> None:
        """Record meshes or point clouds: vertices, colors (B, N, 3) or (N, 3), and faces (B, F, 3) or (F, 3).

        Colors and faces that do not fit the vertices are left out, which is noted.
        """
        if not self._recorder.owner:
            return
        points = meshes.vertices_in(numbers_in(vertices, "vertices"))
        notes: list[str] = []
        shades = self._fitting(colors, "colors", points, meshes.colours_in, notes)
        triangles = self._fitting(faces, "faces", points, meshes.faces_in, notes)
        settings = {} if config is None else meshes.config_in(config)
        stamp = self._recorder.stamp(step, tag, at)
        for index in range(len(points)):
            record = Mesh(
                tag, stamp, self._array(points[index]), points.shape[1],
                face_count=0 if triangles is None else triangles.shape[1],
                colors="" if shades is None else self._array(shades[index]),
                faces="" if triangles is None else self._array(triangles[index]),
                index=index, of=len(points), config=settings, notes=tuple(notes),
            )  # fmt: skip
            self._recorder.record("mesh", record, stamp)

    def tensor(self, tag: str, tensor: Tensor, step: int | None, at: float | None = None) -> None:
        """Record a whole tensor of any dtype, layout and device, with its distribution."""
        if not self._recorder.owner:
            return
        values, notes = tensors.dense(tensor)
        shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        stamp = self._recorder.stamp(step, tag, at)

        def write(values: Array) -> None:
            record = TensorRecord(
                tag, stamp, self._array(values), shape, dtype, tensors.distribution_in(values),
                tensors.first_values(values), notes,
            )  # fmt: skip
            self._recorder.record("tensor", record, stamp)

        self._encoding.hand_over("tensor", write, values)

    def pictures(
        self,
        tag: str,
        batch: Array,
        step: int | None,
        total: int | None = None,
        boxes: Sequence[tuple[Box, ...]] = (),
        notes: Notes | None = None,
        at: float | None = None,
        arrange: Callable[[Array, Notes], Array] = eight_bits,
    ) -> None:
        """Record (N, H, W, C) with 1 to 4 channels as PNG files of full size; `total` is how many there were.

        uint8, truth values, other whole numbers or floats: see `eight_bits`. boxes: those of each. arrange: what makes
        the pictures, uint8 (N, H, W, C), of a copy of the batch.
        """
        if not self._recorder.owner:
            return
        if len(batch):
            check_pictures(batch.shape[1:3], batch.shape[3])
        notes = notes or Notes()
        stamp = self._recorder.stamp(step, tag, at)

        def write(batch: Array) -> None:
            made = [picture_in(pixels) for pixels in arrange(batch, notes)]
            if not made:
                notes.fact("The batch was empty.")
            given = len(made) if total is None else total
            if given > len(made):
                notes.fact(f"The first {len(made)} of {given:,} images are kept.")
            names = tuple(self._recorder.store(png(picture), "png") for picture in made)
            sizes = tuple((picture.shape[1], picture.shape[0]) for picture in made)
            record = Images(tag, stamp, names, (), given, notes.texts(), sizes, tuple(boxes))
            self._recorder.record("images", record, stamp)

        self._encoding.hand_over("images", write, batch)

    def histogram(self, tag: str, values: object, step: int | None, at: float | None = None) -> None:
        """Record the distribution of a tensor, an array or nested lists of numbers; on a device nothing waits."""
        if not self._recorder.owner:
            return
        tensor = tensor_of(values)
        reason = reason_against(tensor)
        if reason:
            raise InvalidArgumentError(
                "values", "a tensor without numbers to read", f"a tensor that has some: {reason}"
            )
        if tensor.is_cuda and capturing():
            what = "a tensor of a CUDA graph that is being captured"
            raise InvalidArgumentError("values", what, "one that has its numbers: add it after replay()")
        stamp = self._recorder.stamp(step, tag, at)
        self._later.distributions([tensor], None, lambda made: self._distribution(tag, made[0], stamp))

    def distribution(self, tag: str, made: Distribution, step: int | None, at: float | None = None) -> None:
        """Record a distribution that was counted elsewhere."""
        if self._recorder.owner:
            self._distribution(tag, made, self._recorder.stamp(step, tag, at))

    def hparams(self, record: Callable[[Stamp], HParams], step: int | None, at: float | None = None) -> None:
        """Record hyperparameters as `record` makes them of a stamp."""
        stamp = self._recorder.stamp(step, None, at)
        self._recorder.record("hparams", record(stamp), stamp)

    def layout(self, charts: Iterable[LayoutChart]) -> None:
        """Record charts as the user arranged them."""
        stamp = self._recorder.stamp()
        self._recorder.record("layout", Layout(stamp, tuple(charts)), stamp)

    def group(self, tag: str, keys: Iterable[str]) -> None:
        """Record that the tags `tag/key` belong on one chart, when that is new."""
        known = self._groups.setdefault(tag, {})
        tags = [f"{tag}/{key}" for key in keys]
        if any(one not in known for one in tags):
            known.update(dict.fromkeys(tags))
            self._recorder.record("group", TagGroup(tag, tuple(known)))

    def _fitting(
        self, given: object, argument: str, points: Array, part: Callable[[Array, Array], Array], notes: list[str]
    ) -> Array | None:
        """A part of a mesh, None when there is none or it does not fit the vertices."""
        if given is None:
            return None
        try:
            return part(numbers_in(given, argument), points)
        except InvalidArgumentError as error:
            self._recorder.reject(error)
            notes.append(f"{argument} were left out: {error}.")
            return None

    def _distribution(self, tag: str, made: Distribution, stamp: Stamp) -> None:
        self._recorder.distributions({"histogram": {tag: made}}, stamp)

    def _array(self, values: Array) -> str:
        return self._recorder.store(npy(values), NPY)
