"""Rows whose label differs from the one their nearest neighbours agree on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats

NEIGHBOURS, AGREE, MOST = 10, 8, 16
# Rows compared with each other, and multiplications that takes: about half a second of one core.
ROWS, PRODUCTS, LEAST_ROWS = 2_000, 6e9, 50


@dataclass(frozen=True, slots=True)
class Found:
    """row: its place in what was given; label, neighbours: the labels; agree: how many neighbours have theirs."""

    row: int
    label: object
    neighbours: object
    agree: int
    distance: float


def doubts(values: Array, labels: Array, standardise: bool) -> list[Found]:
    """The rows (n, numbers) of which AGREE of NEIGHBOURS nearest ones agree on another label; at most MOST.

    Those come first of which more agree, and then those that are nearer to theirs. standardise: give each column the
    same weight; pictures are compared as they are.
    """
    most = min(ROWS, int(math.sqrt(PRODUCTS / max(values.shape[1], 1))))
    rows = np.linspace(0, len(values) - 1, min(len(values), most)).astype(np.int64)
    classes, of = np.unique(labels[rows], return_inverse=True)
    if len(rows) < LEAST_ROWS or not 2 <= len(classes) <= len(rows) / 4:
        return []
    points = _points(values[rows], standardise)
    if points is None:
        return []
    norms = np.einsum("ij,ij->i", points, points)
    apart = norms[:, None] + norms[None, :] - 2 * (points @ points.T)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.zeros((len(rows), len(classes)), np.int64)
    for place in range(NEIGHBOURS):
        votes[np.arange(len(rows)), of[nearest[:, place]]] += 1
    winner, agree = votes.argmax(axis=1), votes.max(axis=1)
    distance = np.take_along_axis(apart, nearest, axis=1).mean(axis=1)
    found = np.flatnonzero((agree >= AGREE) & (winner != of))
    order = sorted(found.tolist(), key=lambda row: (-int(agree[row]), float(distance[row]), row))
    return [
        Found(int(rows[row]), classes[of[row]], classes[winner[row]], int(agree[row]), float(distance[row]))
        for row in order[:MOST]
    ]


def _points(values: Array, standardise: bool) -> Floats | None:
    with np.errstate(all="ignore"):
        points = np.asarray(values, np.float32 if not standardise else np.float64)
        points = np.where(np.isfinite(points), points, 0)
        points = points - points.mean(axis=0)
        if standardise:
            deviation = points.std(axis=0)
            points = points[:, deviation > 0] / deviation[deviation > 0]
    found: Floats = points.astype(np.float32)  # halves the time; order is all that counts
    return found if found.shape[1] and np.isfinite(found).all() else None
