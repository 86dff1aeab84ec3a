"""What goes into a model, what comes out of it, and its graph: shown in a report, and written as picture files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reportgen.collect.predictions.arrays import Shape, as_values, to_array
from reportgen.collect.predictions.vision import reason as no_vision
from reportgen.collect.predictions.vision import vision
from reportgen.collect.quiet import quiet
from reportgen.errors import InvalidArgumentError, OutputError, ReportgenError
from reportgen.pipeline import Result
from reportgen.report import Report

INPUTS = "inputs"
# Images of a tag that files are made of: what a batch has at most, as a rule.
MOST_IMAGES = 1024
PADDING = 2
ACCEPTED = "images (N, C, H, W) or (C, H, W) with 1 or 3 channels"


class Visualizer:
    """Shows the inputs, outputs, parameters and graph of a model in a report.

    inputs: a batch that the model is given; images (N, C, H, W) are shown, of other numbers the distribution, and they
    are what add_graph calls the model with. folder, title: as for Report. strict: raise errors of reportgen's own.

    As a context manager it builds on exit. A copy of the images is kept for write_images.
    """

    def __init__(
        self,
        inputs: Any = None,
        folder: str | os.PathLike[str] | None = None,
        title: str = "visualizer",
        *,
        strict: bool = False,
    ) -> None:
        self._report = Report(title, folder, strict=strict)
        with self._report._recorder.guard("report"):
            self._report._recorder.update_meta(recorder="Visualizer")
        self._inputs = inputs
        self._images: dict[str, Tensor] = {}
        if inputs is not None:
            with self._report._recorder.guard("inputs"):
                images = _images_in(inputs)
                if images is None:
                    self._report.histogram(INPUTS, inputs)
                else:
                    self.add_images(INPUTS, inputs)

    @property
    def folder(self) -> Path | None:
        """The run folder; None when nothing is recorded."""
        return self._report.folder

    def add_images(self, tag: str, images: Any, step: int | None = None) -> None:
        """Show images under `tag`: (N, C, H, W) or (C, H, W) with 1 or 3 channels; the last ones of a tag are those
        that write_images writes."""
        with self._report._recorder.guard("images"):
            kept = _images_in(images)
            if kept is None:
                raise InvalidArgumentError("images", Shape(images), ACCEPTED)
            self._images[str(tag)] = kept
        self._report.images(tag, images, step)

    def add_text(self, tag: str, text: Any, step: int | None = None) -> None:
        """Show a text under `tag`, as Markdown; anything but a str (a model, its parameters) by its repr."""
        markdown = isinstance(text, str)
        self._report.text(tag, text if markdown else repr(text), step, markdown=markdown)

    def add_graph(self, model: nn.Module, inputs: Any = None) -> None:
        """Show the graph of `model`, seen in one forward with `inputs`: a tuple for several arguments; by default those
        of the Visualizer. A forward that fails leaves the graph up to there, and a warning."""
        given = self._inputs if inputs is None else inputs
        arguments = given if isinstance(given, tuple) else () if given is None else (given,)
        self._report.graph(model, *arguments)

    def write_images(self, path: str | os.PathLike[str], nrow: int = 10) -> list[Path]:
        """Write PNG files: a grid with `nrow` images a row of each tag, the inputs among them; where they are.

        path: a folder, made when it is missing, in which files are called after their tags; or a file that ends in
        .png, for the inputs alone (without inputs, for the last images added). Values outside [0, 1] are shown from
        their minimum to their maximum. Raises InvalidArgumentError without an image and for nrow below 1, OutputError
        where a file cannot be written.
        """
        if isinstance(nrow, bool) or not isinstance(nrow, int) or nrow < 1:
            raise InvalidArgumentError("nrow", nrow, "how many images a row, 1 or more")
        if not self._images:
            raise InvalidArgumentError("inputs", Shape(self._inputs), f"{ACCEPTED}, or images added by add_images")
        place = Path(path)
        if place.suffix.lower() == ".png":
            tag = INPUTS if INPUTS in self._images else next(reversed(self._images))
            targets = {place: self._images[tag]}
        else:
            targets = {place / f"{name}.png": self._images[tag] for tag, name in _file_names(self._images).items()}
        for target, images in targets.items():
            _write(target, images, nrow)
        return list(targets)

    def build(self, path: str | os.PathLike[str] | None = None) -> Result | None:
        """Write the report (default: `report.html` in the run folder) and say where it is."""
        return self._report.build(path)

    def close(self) -> None:
        """Write what is pending. Without a `build()` before it the run "ended without build()"."""
        self._report.close()

    def __enter__(self) -> Visualizer:
        self._report.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        return self._report.__exit__(kind, error, traceback)


def _images_in(values: Any) -> Tensor | None:
    """A copy of the first MOST_IMAGES images on the host, (N, C, H, W) floats from 0 to 1; None for what is none."""
    with quiet():
        try:
            given = as_values(values, "images")
        except InvalidArgumentError:
            return None
        batch = torch.from_numpy(to_array(given[:MOST_IMAGES] if given.ndim == 4 else given).copy())
        batch = batch[None] if batch.dim() == 3 else batch
        if batch.dim() != 4 or batch.shape[1] not in (1, 3) or not batch.numel():
            return None
        if batch.dtype == torch.uint8:
            return batch / 255
        batch = batch.to(torch.float32).nan_to_num()
        low, high = batch.min(), batch.max()
        return batch if low >= 0 and high <= 1 else (batch - low) / (high - low).clamp_min(1e-12)


def _file_names(tags: dict[str, Tensor]) -> dict[str, str]:
    """A file name for each tag, legal everywhere and each another, also where case does not count."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for tag in tags:
        name = wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", tag).strip("-.")[:80] or "images"
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name.lower())
        names[tag] = name
    return names


def _write(target: Path, images: Tensor, nrow: int) -> None:
    module = vision()
    if module is None:
        raise ReportgenError(f"write_images needs torchvision: {no_vision()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with quiet():
            grid = module.utils.make_grid(images, nrow=nrow, padding=PADDING)
            module.utils.save_image(grid, str(target), format="png")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{target} cannot be written: {reason}; pass another path") from None
