"""What differs between two Runs of the same script, as sentences: "where: what the one says, what the other says"."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.writer.examples.comparing import arrays, media, numbers
from tests.writer.examples.comparing.sides import Sides

__all__ = ["Sides", "differences"]

# The most sentences about one kind.
MOST = 5

KINDS: dict[str, Callable[[Sides], Iterator[str]]] = {
    "scalars": numbers.scalars,
    "histograms": numbers.histograms,
    "images": media.images,
    "texts": media.texts,
    "audio": media.audio,
    "videos": media.videos,
    "PR curves": numbers.pr_curves,
    "embeddings": arrays.embeddings,
    "meshes": arrays.meshes,
    "tensors": arrays.tensors,
    "hyperparameters": numbers.hparams,
    "layouts": numbers.layouts,
    "groups": numbers.groups,
    "graphs": arrays.graphs,
}


def differences(sides: Sides) -> list[str]:
    """All that differs, kind by kind; nothing when the two hold the same."""
    found: list[str] = []
    for kind, compare in KINDS.items():
        told = list(compare(sides))
        found += [f"{kind} {one}" for one in told[:MOST]]
        if len(told) > MOST:
            found.append(f"{kind}: {len(told) - MOST} more differences")
    return found
