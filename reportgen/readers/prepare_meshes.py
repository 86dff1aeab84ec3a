"""Meshes and point clouds as a page carries them: as many points as it draws."""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reportgen.blocks.wording import counted
from reportgen.readers.shelf import Shelf
from reportgen.readers.stored_array import Floats, coarse, stored_array
from reportgen.run.logged import Mesh
from reportgen.run.thin_series import even_choice

# Points of one mesh, each drawn from three sides, and of those of all last steps and of all earlier ones together.
POINTS, LAST, EARLIER, LEAST = 660, 1400, 900, 60
# A page draws 4 shades of each channel: with more, hardly two points would share a path.
SHADE = 85
TRIANGLES = 1200

Marks = npt.NDArray[np.bool_]


def prepared_meshes(records: tuple[Mesh, ...], shelf: Shelf) -> tuple[Mesh, ...]:
    """`records` with the points, colours and triangles that are drawn, instead of files."""
    newest: dict[str, int] = {}
    for record in records:
        newest[record.tag] = max(record.stamp.step, newest.get(record.tag, record.stamp.step))
    last = sum(record.stamp.step == newest[record.tag] for record in records)
    limits = {True: LAST // max(1, last), False: EARLIER // max(1, len(records) - last)}
    found = []
    for record in records:
        limit = max(LEAST, min(POINTS, limits[record.stamp.step == newest[record.tag]]))
        found.append(_prepared(record, shelf, limit) if _has_files(record) else record)
    return tuple(found)


def _has_files(record: Mesh) -> bool:
    return bool(record.vertices or record.colors or record.faces)


def _prepared(record: Mesh, shelf: Shelf, limit: int) -> Mesh:
    vertices = stored_array(shelf.get(record.vertices), 3)
    colors = stored_array(shelf.get(record.colors), 3) if record.colors else None
    faces = stored_array(shelf.get(record.faces), 3) if record.faces else None
    bare = replace(record, vertices="", colors="", faces="")
    if vertices is None:
        return replace(bare, notes=(*record.notes, "Its vertices are missing or cannot be read, so nothing is drawn."))
    points: Floats = vertices.astype(np.float64)
    finite: Marks = np.asarray(np.isfinite(points).all(axis=1))
    notes = list(record.notes)
    if not finite.all():
        notes.append(
            f"{counted(int((~finite).sum()), 'vertex', 'vertices')} with NaN or infinite places cannot be drawn."
        )
    whole = faces is not None and 0 < len(faces) <= min(TRIANGLES, 2 * limit) and len(points) <= limit
    if faces is not None and whole:
        known: Marks = np.asarray((faces >= 0).all(axis=1) & (faces < len(points)).all(axis=1))
        known[known] = finite[faces[known].astype(np.int64)].all(axis=1)
        if not known.all():
            notes.append(f"{counted(int((~known).sum()), 'triangle')} without three known vertices cannot be drawn.")
        drawn, triangles = np.arange(len(points)), faces[known].astype(np.int64)
    else:
        known_points = np.flatnonzero(finite)
        drawn = known_points[even_choice(len(known_points), limit)] if len(known_points) else known_points
        triangles = np.zeros((0, 3), np.int64)
    shown = np.where(finite[drawn, None], points[drawn], 0.0)
    return replace(
        bare,
        points=coarse(shown),
        shades=array("q", _shades(colors, len(points), drawn)),
        triangles=array("q", triangles.ravel().tolist()),
        notes=tuple(notes),
    )


def _shades(colors: object, count: int, drawn: npt.NDArray[np.int64]) -> list[int]:
    """Colours of the drawn vertices, in the shades in which they are drawn."""
    if not isinstance(colors, np.ndarray) or len(colors) != count:
        return []
    channels = np.clip(np.nan_to_num(colors[drawn].astype(np.float64)), 0, 255)
    return [int(value) for value in (np.rint(channels / SHADE) * SHADE).ravel()]
