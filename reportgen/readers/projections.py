"""Many dimensions in two: PCA by NumPy; t-SNE and UMAP by the packages that have them, where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from array import array

import numpy as np

from reportgen.blocks.wording import percent
from reportgen.readers.stored_array import Floats, coarse
from reportgen.run.logged import Projection
from reportgen.run.thin_series import even_choice

# Numbers that lie nearer to each other than this, of a largest one of 1, are one point for t-SNE, whose compiled code
# ends the process when all of its points are one.
LEAST_SPREAD = 1e-6
# Points of t-SNE and UMAP: more would take longer than the rest of a page, fewer than the second say little.
MOST_POINTS, LEAST_POINTS = 500, 10
FAILED = (ValueError, TypeError, ImportError, RuntimeError, MemoryError, FloatingPointError, AttributeError)


def pca(matrix: Floats, rows: list[int]) -> Projection:
    """The two directions in which `matrix` (N, D), its rows finite, varies most; always with the same signs."""
    scale = float(np.abs(matrix).max()) or 1.0
    centred = matrix / scale
    centred -= centred.mean(axis=0)
    count, dimensions = centred.shape
    points = np.zeros((count, 2))
    shares = [0.0, 0.0]
    total = float((centred * centred).sum())
    if total > 0:
        # Eigenvectors of the smaller of the two products: D x D, or N x N for long vectors.
        if dimensions <= count:
            values, vectors = np.linalg.eigh(centred.T @ centred)
            directions = vectors[:, ::-1][:, :2]
            found = centred @ directions
        else:
            values, vectors = np.linalg.eigh(centred @ centred.T)
            found = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
        for axis in range(found.shape[1]):
            column = found[:, axis]
            # The first row that is far out is on the positive side: rounding decides that less than the farthest.
            far = int(np.argmax(np.abs(column) > np.abs(column).max() / 2))
            points[:, axis] = column if column[far] >= 0 else -column
            shares[axis] = max(0.0, float(values[::-1][axis])) / total
    detail = f"the two axes hold {percent(round(shares[0], 3))} and {percent(round(shares[1], 3))} of the variance"
    return _projection("PCA", rows, points * scale, detail)


def tsne(matrix: Floats, rows: list[int]) -> Projection | None:
    """t-SNE of at most MOST_POINTS rows by scikit-learn; None where it is not installed, or too few rows differ."""
    matrix, rows = _fewer(matrix, rows)
    if _too_alike(matrix) or importlib.util.find_spec("sklearn") is None:
        return None
    try:
        learned = importlib.import_module("sklearn.manifold")
        threads = importlib.import_module("threadpoolctl")
        perplexity = min(30.0, (len(matrix) - 1) / 3)
        # One thread: the order of sums, and with it the picture, is then the same each time.
        with warnings.catch_warnings(), threads.threadpool_limits(1):
            warnings.simplefilter("ignore")
            method = learned.TSNE(perplexity=perplexity, init="pca", random_state=0, n_jobs=1)
            points = method.fit_transform(_scaled(matrix))
    except FAILED:
        return None
    return _checked("t-SNE", rows, points, f"perplexity {perplexity:.3g}; distances between far groups mean little")


def umap(matrix: Floats, rows: list[int]) -> Projection | None:
    """UMAP of at most MOST_POINTS rows by umap-learn; None where it is not installed, or rows are few or all alike."""
    matrix, rows = _fewer(matrix, rows)
    if _too_alike(matrix) or importlib.util.find_spec("umap") is None:
        return None
    neighbours = min(15, len(matrix) - 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learned = importlib.import_module("umap")
            points = learned.UMAP(n_neighbors=neighbours, random_state=0, n_jobs=1).fit_transform(_scaled(matrix))
    except FAILED:
        return None
    return _checked("UMAP", rows, points, f"{neighbours} neighbours; distances between far groups mean little")


def _fewer(matrix: Floats, rows: list[int]) -> tuple[Floats, list[int]]:
    places = even_choice(len(rows), MOST_POINTS)
    return matrix[places], [rows[place] for place in places]


def _too_alike(matrix: Floats) -> bool:
    """Whether there are fewer than LEAST_POINTS rows, or these are the same but for rounding."""
    return len(matrix) < LEAST_POINTS or float(np.ptp(_scaled(matrix), axis=0).max(initial=0.0)) < LEAST_SPREAD


def _scaled(matrix: Floats) -> Floats:
    """Within float32, which both packages compute in."""
    return np.asarray(matrix / (float(np.abs(matrix).max()) or 1.0))


def _checked(method: str, rows: list[int], points: object, detail: str) -> Projection | None:
    found = np.asarray(points, np.float64)
    if found.shape != (len(rows), 2) or not np.isfinite(found).all():
        return None
    return _projection(method, rows, found, detail)


def _projection(method: str, rows: list[int], points: Floats, detail: str) -> Projection:
    return Projection(method, array("q", rows), coarse(points[:, 0]), coarse(points[:, 1]), detail)
