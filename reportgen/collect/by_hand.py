"""What a report is given to look at or to listen to: images, texts, tables, sound, curves and the like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reportgen.collect.encoding import Encoding
from reportgen.collect.evidence.torch_warnings import TorchWarnings
from reportgen.collect.logged.logged import Logged
from reportgen.collect.media import Media
from reportgen.collect.recorder import Recorder
from reportgen.errors import InvalidArgumentError


class ByHand:
    """The methods of a Report that take what a user logs by hand. None of them raises into the training loop."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        encoding = Encoding(recorder)
        self._media = Media(recorder, encoding)
        self._logged = Logged(recorder, encoding)
        self._warnings = TorchWarnings(recorder)

    def images(
        self,
        tag: str,
        images: Any,
        step: int | None = None,
        *,
        captions: Iterable[str] | None = None,
        boxes: Any = None,
        labels: Any = None,
        scores: Any = None,
    ) -> None:
        """Record images under `tag`: (C,H,W), (N,C,H,W) or a list; uint8, or floats (0 to 1, else rescaled).

        captions: one text an image. boxes: (n, 4) of a single image, else a list of one such for each image, the
        corners x0, y0, x1, y1 in its pixels; labels and scores (0 to 1) in the same form, one a box.
        """
        with self._recorder.guard("images"):
            texts = None if captions is None else list(captions)
            self._media.images(str(tag), images, whole_step(step), texts, boxes, labels, scores)

    def figure(self, tag: str, figure: Any, step: int | None = None) -> None:
        """Record a matplotlib Figure, or a list of them, under `tag`. No figure is changed or closed."""
        with self._recorder.guard("figure"):
            self._media.figure(str(tag), figure, whole_step(step))

    def text(self, tag: str, text: str, step: int | None = None, *, markdown: bool = False) -> None:
        """Record a text under `tag`; with `markdown` it is shown as Markdown, else as it stands."""
        with self._recorder.guard("text"):
            self._media.text(str(tag), text, whole_step(step), markdown)

    def audio(self, tag: str, audio: Any, step: int | None = None, rate: int = 44100) -> None:
        """Record sound under `tag`: (L,), (channels, L) or (L, channels), `rate` frames a second; kept as 16-bit WAV.

        Floats are in [-1, 1] and clipped otherwise, which is said; whole numbers are PCM samples of their dtype.
        """
        with self._recorder.guard("audio"):
            self._logged.audio(str(tag), audio, whole_step(step), rate)

    def video(self, tag: str, video: Any, step: int | None = None, fps: float = 4) -> None:
        """Record frames (T,C,H,W), or (N,T,C,H,W) with the N beside each other; uint8, or floats in [0, 1].

        Kept as an animated picture of at most 240 frames and 480 pixels a side, and a strip of 8 of them.
        """
        with self._recorder.guard("video"):
            self._logged.video(str(tag), video, whole_step(step), fps)

    def pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        step: int | None = None,
        thresholds: int = 127,
        weights: Any = None,
    ) -> None:
        """Record precision and recall of `predictions` (0 to 1) against `labels` (0 or 1), of the same shape.

        thresholds: how many, evenly spaced from 0 to 1, at most 1,000. weights: one a sample.
        """
        with self._recorder.guard("pr_curve"):
            self._logged.pr_curve(str(tag), labels, predictions, whole_step(step), thresholds, weights)

    def embedding(
        self,
        tag: str,
        matrix: Any,
        step: int | None = None,
        *,
        metadata: Sequence[Any] | None = None,
        header: Sequence[str] | None = None,
        images: Any = None,
    ) -> None:
        """Record points in many dimensions, `matrix` (N,D). The page shows them in two.

        metadata: a label for each point, or with `header` (names of columns) a list of labels for each. images: a
        picture (N,C,H,W) for each, of which thumbnails are kept.
        """
        with self._recorder.guard("embedding"):
            self._logged.embedding(str(tag), matrix, whole_step(step), metadata, header, images)

    def mesh(
        self,
        tag: str,
        vertices: Any,
        step: int | None = None,
        *,
        colors: Any = None,
        faces: Any = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Record meshes or point clouds: `vertices` and `colors` (N,3) or (B,N,3), `faces` (F,3) or (B,F,3) of indices.

        colors: whole numbers 0 to 255, or floats 0 to 1. config: settings to show beside it.
        """
        with self._recorder.guard("mesh"):
            self._logged.mesh(str(tag), vertices, whole_step(step), colors, faces, config)

    def tensor(self, tag: str, tensor: Any, step: int | None = None) -> None:
        """Record a whole tensor of any dtype and shape; the page shows its distribution and its first values."""
        with self._recorder.guard("tensor"):
            self._logged.tensor(str(tag), tensor, whole_step(step))

    def table(self, tag: str, rows: Any) -> None:
        """Record a table under `tag`: a list of dicts, a list of lists, or a dict of columns."""
        with self._recorder.guard("table"):
            self._media.table(str(tag), rows)


def whole_step(step: Any) -> int | None:
    """The step as an integer; None for the optimizer steps done. Raises InvalidArgumentError for what is neither."""
    if step is None or type(step) is int:
        return step
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != step:
        raise InvalidArgumentError("step", step, "an integer, or None for the optimizer steps done")
    return whole
