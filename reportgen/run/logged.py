"""What a run logs to look at or to listen to: records of one moment each, beside the images, texts and tables.

Large arrays (a matrix of embeddings, the vertices of a mesh, a tensor) are files in the run's media, in NumPy's .npy
format, C order, little endian; a record names them. A page's Run holds what is drawn of them instead.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.distribution import Distribution
from reportgen.run.series import Stamp

# A value as it stands in a configuration once it is plain: JSON's types.
Plain = str | int | float | bool | None


def _floats() -> array[float]:
    return array("f")


def _doubles() -> array[float]:
    return array("d")


def _integers() -> array[int]:
    return array("q")


@dataclass(frozen=True, slots=True)
class Box:
    """A box on an image, corners in pixels of the image as it was given. score: 0 to 1, None when there is none."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound logged under a tag at a step.

    media: a WAV file (16 bit), "" where a page does not keep it. rate: samples a second. frames: samples of a channel.
    low, high: least and greatest value (-1 to 1, all channels) of equal stretches, the waveform as it is drawn.
    """

    tag: str
    stamp: Stamp
    media: str
    rate: int
    channels: int = 1
    frames: int = 0
    low: array[float] = field(default_factory=_floats)
    high: array[float] = field(default_factory=_floats)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Video:
    """Frames logged under a tag at a step.

    media: an animated picture (WebP, GIF or APNG), "" where a page does not keep it. frames: how many were given, each
    width x height pixels, `fps` of them a second. strip: pictures of some frames in order, `shown` their indices.
    """

    tag: str
    stamp: Stamp
    media: str
    frames: int
    fps: float
    width: int = 0
    height: int = 0
    strip: tuple[str, ...] = ()
    shown: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PRCurve:
    """A precision-recall curve at a step: parallel columns, one entry a threshold.

    thresholds: as given or, where only the counts were, evenly spaced from 0 to 1. Counts may be weighted.
    """

    tag: str
    stamp: Stamp
    thresholds: array[float] = field(default_factory=_doubles)
    true_positives: array[float] = field(default_factory=_doubles)
    false_positives: array[float] = field(default_factory=_doubles)
    true_negatives: array[float] = field(default_factory=_doubles)
    false_negatives: array[float] = field(default_factory=_doubles)
    precision: array[float] = field(default_factory=_doubles)
    recall: array[float] = field(default_factory=_doubles)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """Rows of an embedding in two dimensions. method: "PCA", "t-SNE" or "UMAP". detail: such as the variance kept.

    rows: which rows of the embedding the points are, ascending.
    """

    method: str
    rows: array[int] = field(default_factory=_integers)
    x: array[float] = field(default_factory=_floats)
    y: array[float] = field(default_factory=_floats)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Points in many dimensions, (N, D), logged under a tag at a step.

    matrix: an .npy file, "" where a page does not keep it. header: names of the columns of `metadata`, which has N rows
    (or as many as a page keeps, those of `kept`), () without. sprite: one picture with a thumbnail of each row, row by
    row from the top left in `sprite_columns` columns, each sprite_width x sprite_height pixels; "" without.
    projections: filled in when a page is made, as are thumbs: pictures of single rows, those of `thumb_rows`.
    """

    tag: str
    stamp: Stamp
    matrix: str
    rows: int
    dimensions: int
    header: tuple[str, ...] = ()
    metadata: tuple[tuple[str, ...], ...] = ()
    sprite: str = ""
    sprite_columns: int = 0
    sprite_width: int = 0
    sprite_height: int = 0
    kept: array[int] = field(default_factory=_integers)
    projections: tuple[Projection, ...] = ()
    thumbs: tuple[str, ...] = ()
    thumb_rows: array[int] = field(default_factory=_integers)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mesh:
    """A point cloud or a mesh of triangles, logged under a tag at a step; `index` counts those of one batch.

    vertices: .npy (N, 3) float; colors: .npy (N, 3) uint8; faces: .npy (F, 3) int; "" without, or where a page does not
    keep them. points (x, y, z in turn), shades (r, g, b in turn) and triangles (indices into points) are what a page
    draws of them.
    """

    tag: str
    stamp: Stamp
    vertices: str
    vertex_count: int
    face_count: int = 0
    colors: str = ""
    faces: str = ""
    index: int = 0
    of: int = 1
    points: array[float] = field(default_factory=_floats)
    shades: array[int] = field(default_factory=_integers)
    triangles: array[int] = field(default_factory=_integers)
    config: Mapping[str, Plain] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor logged under a tag at a step. media: .npy, "" where a page does not keep it.

    dtype: torch's name without "torch." ("bfloat16" is stored as float32). first: its first values, in C order; complex
    ones are text, and so are "nan", "inf" and "-inf", which JSON has not as numbers.
    """

    tag: str
    stamp: Stamp
    media: str
    shape: tuple[int, ...]
    dtype: str
    distribution: Distribution | None = None
    first: tuple[Plain, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HParams:
    """Hyperparameters with the metrics they led to. name: of the session ("" for the run itself).

    domains: the values a parameter may take, where that was said.
    """

    stamp: Stamp
    params: Mapping[str, Plain] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    domains: Mapping[str, tuple[Plain, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayoutChart:
    """One chart of a custom layout. kind: "multiline" (tags are regular expressions) or "margin" (value, lower, upper).

    For "margin", tags come in threes, one three a line.
    """

    category: str
    title: str
    kind: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Charts as the user arranged them: in their order, the categories in the order first met."""

    stamp: Stamp
    charts: tuple[LayoutChart, ...] = ()


@dataclass(frozen=True, slots=True)
class TagGroup:
    """Tags that belong on one chart (add_scalars): `tags` are `tag` with a key each, joined by "/"."""

    tag: str
    tags: tuple[str, ...]
