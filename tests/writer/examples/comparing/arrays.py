"""What is kept as arrays: embeddings, meshes, tensors. And graphs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from reportgen.run.logged import Embedding, Mesh
from reportgen.run.records import Run
from tests.writer.examples.comparing.media import alike, picture
from tests.writer.examples.comparing.numbers import distribution
from tests.writer.examples.comparing.sides import Sides, moments, paired


def array(run: Run, name: str) -> np.ndarray[Any, Any] | None:
    return np.load(io.BytesIO(run.media[name]), allow_pickle=False) if name else None


def embeddings(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.embeddings)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            yield from (f"{where}: {what}" for what in of_embedding(sides, one, two))


def of_embedding(sides: Sides, one: Embedding, two: Embedding) -> Iterator[str]:
    for name in ("rows", "dimensions", "header", "metadata", "sprite_width", "sprite_height"):
        if getattr(one, name) != getattr(two, name):
            yield f"{name} {str(getattr(one, name))[:80]} in torch's, {str(getattr(two, name))[:80]} in ours"
    there, here = array(sides.theirs, one.matrix), array(sides.ours, two.matrix)
    if there is None or here is None or there.shape != here.shape:
        yield "a matrix is missing or of another shape"
    elif not np.allclose(there, here, rtol=1e-6, atol=0):
        yield "the matrix differs"
    if bool(one.sprite) != bool(two.sprite):
        yield f"sprite {one.sprite!r} in torch's, {two.sprite!r} in ours"
    elif one.sprite:
        sheets = picture(sides.theirs.media[one.sprite]), picture(sides.ours.media[two.sprite])
        for row in range(one.rows):
            if not alike(thumbnail(sheets[0], one, row), thumbnail(sheets[1], two, row)):
                yield f"thumbnail {row} shows something else"
                break


def thumbnail(sheet: np.ndarray[Any, Any], one: Embedding, row: int) -> np.ndarray[Any, Any]:
    down, across = divmod(row, one.sprite_columns)
    top, left = down * one.sprite_height, across * one.sprite_width
    return sheet[top : top + one.sprite_height, left : left + one.sprite_width]


def meshes(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.meshes)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            yield from (f"{where}: {what}" for what in of_mesh(sides, one, two))


def of_mesh(sides: Sides, one: Mesh, two: Mesh) -> Iterator[str]:
    for name in ("vertex_count", "face_count", "index", "of", "config"):
        if getattr(one, name) != getattr(two, name):
            yield f"{name} {getattr(one, name)!r} in torch's, {getattr(two, name)!r} in ours"
    for name in ("vertices", "colors", "faces"):
        there, here = array(sides.theirs, getattr(one, name)), array(sides.ours, getattr(two, name))
        if (there is None) != (here is None):
            yield f"{name} on one side only"
        elif there is not None and here is not None and (there.shape != here.shape or not np.array_equal(there, here)):
            yield f"{name} differ"


def tensors(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.tensors)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            for name in ("shape", "dtype", "first"):
                if getattr(one, name) != getattr(two, name):
                    yield f"{where}: {name} {getattr(one, name)} in torch's, {getattr(two, name)} in ours"
            there, here = array(sides.theirs, one.media), array(sides.ours, two.media)
            if there is None or here is None or not np.array_equal(there, here):
                yield f"{where}: values differ"
            if one.distribution is None or two.distribution is None:
                yield f"{where}: no distribution"
            else:
                yield from (f"{where}: {what}" for what in distribution(one.distribution, two.distribution))


def graphs(sides: Sides) -> Iterator[str]:
    if len(sides.theirs.graphs) != len(sides.ours.graphs):
        yield f": {len(sides.theirs.graphs)} in torch's, {len(sides.ours.graphs)} in ours"
        return
    for one, two in zip(sides.theirs.graphs, sides.ours.graphs, strict=True):
        theirs, ours = ({node.path: node for node in graph.nodes if node.kind == "module"} for graph in (one, two))
        yield from paired("module ", theirs, ours)
        for path in theirs.keys() & ours.keys():
            if theirs[path].type != ours[path].type:
                yield f"module {path!r}: {theirs[path].type} in torch's, {ours[path].type} in ours"
