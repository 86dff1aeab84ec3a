"""What each of TensorBoard's plugins writes, one a file: `draft` takes a value when its event is read, `make` makes
records of the drafts of a log."""

from __future__ import annotations

from collections.abc import Callable

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.log import Drafter
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.plugins import (
    audio,
    graphs,
    histograms,
    hparams,
    images,
    layouts,
    meshes,
    pr_curves,
    tensors,
    texts,
)

DRAFTERS: dict[str, Drafter] = {
    "images": images.draft,
    "audio": audio.draft,
    "text": texts.draft,
    "histograms": histograms.draft,
    "pr_curves": pr_curves.draft,
    "custom_scalars": layouts.draft,
    "hparams": hparams.draft,
    "mesh": meshes.draft,
    "tensor": tensors.draft,
    "": tensors.draft,
}
MAKERS: dict[str, Callable[[list[Entry], Builder], None]] = {
    "images": images.make,
    "audio": audio.make,
    "text": texts.make,
    "histograms": histograms.make,
    "pr_curves": pr_curves.make,
    "custom_scalars": layouts.make,
    "hparams": hparams.make,
    "mesh": meshes.make,
    "tensor": tensors.make,
    "": tensors.make,
    "graphs": graphs.make,
}
