"""Scalars, distributions, curves, hyperparameters, and how they are arranged."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from reportgen.run.distribution import Distribution, bin_range
from tests.writer.examples.comparing.sides import Sides, moments, paired, same, shortened, single

# A bucket of torch's reaches 1.1 times as far as it begins, a bin of ours 2 ** (1 / 8) times: where a value lies is
# known to both factors together.
REACH = 1.1 * 2 ** (1 / 8) + 1e-9
NEARLY_ZERO = 1.1e-12


def scalars(sides: Sides) -> Iterator[str]:
    theirs, ours = sides.theirs.scalars, sides.ours.scalars
    yield from paired("", theirs, ours)
    for tag in theirs.keys() & ours.keys():
        one, two = theirs[tag], ours[tag]
        if list(one.steps) != list(two.steps):
            yield f"{tag!r}: steps {shortened(one.steps)} in torch's, {shortened(two.steps)} in ours"
            continue
        if one.restarts != two.restarts:
            yield f"{tag!r}: restarts {one.restarts} in torch's, {two.restarts} in ours"
        for step, there, here in zip(one.steps, one.values, two.values, strict=True):
            if not same(there, here) and not same(there, single(here)):
                yield f"{tag!r} at step {step}: {there!r} in torch's, {here!r} in ours"
        for step, there, here in zip(one.steps, one.times, two.times, strict=True):
            if min(there, here) < sides.given and there != here:
                yield f"{tag!r} at step {step}: time {there!r} in torch's, {here!r} in ours"


def histograms(sides: Sides) -> Iterator[str]:
    theirs, ours = (run.distributions.get("histogram", {}) for run in (sides.theirs, sides.ours))
    yield from paired("", theirs, ours)
    for tag in theirs.keys() & ours.keys():
        one, two = theirs[tag], ours[tag]
        if list(one.steps) != list(two.steps):
            yield f"{tag!r}: steps {shortened(one.steps)} in torch's, {shortened(two.steps)} in ours"
            continue
        for step, there, here in zip(one.steps, one.snapshots, two.snapshots, strict=True):
            for what in distribution(there, here):
                yield f"{tag!r} at step {step}: {what}"


def distribution(there: Distribution, here: Distribution) -> Iterator[str]:
    """Counts and extremes are equal, sums to the digits of a float32, and no value lies in another place."""
    for name in ("count", "nans", "positive_infinities", "negative_infinities", "zeros"):
        if getattr(there, name) != getattr(here, name):
            yield f"{name} {getattr(there, name)} in torch's, {getattr(here, name)} in ours"
    # The sum of numbers of both signs is small against what was summed up.
    scale = math.sqrt(max(there.squares, 0.0) * max(there.count, 1))
    for name, absolute in (("minimum", 0.0), ("maximum", 0.0), ("squares", 0.0), ("total", 1e-6 * scale)):
        if not same(getattr(there, name), getattr(here, name), 1e-6, absolute):
            yield f"{name} {getattr(there, name)!r} in torch's, {getattr(here, name)!r} in ours"
    if sum(there.counts) != sum(here.counts):
        yield f"{sum(there.counts)} values in bins of torch's, {sum(here.counts)} in ours"
        return
    for low, high, names in ((there, here, "torch's"), (here, there, "ours")):
        for edge, below in zip(upper_edges(low), accumulate(low.counts), strict=True):
            if below > below_edge(high, reached(edge)):
                yield f"{below} values up to {edge:.4g} in {names}, fewer in the other even up to {reached(edge):.4g}"
                break


def upper_edges(one: Distribution) -> list[float]:
    return [bin_range(index)[1] for index in one.bins]


def below_edge(one: Distribution, edge: float) -> int:
    """How many values are in the bins that begin below or at `edge`."""
    place = bisect_right([bin_range(index)[0] for index in one.bins], edge)
    return sum(one.counts[:place])


def reached(edge: float) -> float:
    """The edge moved up by as much as the two ways to count may disagree."""
    return max(edge * REACH, NEARLY_ZERO) if edge > -NEARLY_ZERO else edge / REACH


CURVES = (
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
    "precision",
    "recall",
)


def pr_curves(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.pr_curves)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            if not np.allclose(one.thresholds, two.thresholds, rtol=0, atol=1e-12):
                yield f"{where}: thresholds {shortened(one.thresholds)} in torch's, {shortened(two.thresholds)} in ours"
            for name in CURVES:
                there, here = list(getattr(one, name)), [single(value) for value in getattr(two, name)]
                if there != here:
                    yield f"{where}: {name} {shortened(there)} in torch's, {shortened(here)} in ours"


def hparams(sides: Sides) -> Iterator[str]:
    theirs = {session(record.name): record for record in sides.theirs.hparams}
    ours = {session(record.name): record for record in sides.ours.hparams}
    yield from paired("session ", theirs, ours)
    for name in theirs.keys() & ours.keys():
        one, two = theirs[name], ours[name]
        for what in ("params", "domains"):
            if typed(getattr(one, what)) != typed(getattr(two, what)):
                yield f"{name!r}: {what} {dict(getattr(one, what))} in torch's, {dict(getattr(two, what))} in ours"
        there, here = dict(one.metrics), {key: single(value) for key, value in two.metrics.items()}
        if there != here:
            yield f"{name!r}: metrics {there} in torch's, {here} in ours"


def session(name: str) -> str:
    """torch names a session that was given no name after the time, in seconds."""
    return "" if re.fullmatch(r"[0-9]+\.[0-9]+", name) else name


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: (type(value), value) for key, value in values.items()}


def layouts(sides: Sides) -> Iterator[str]:
    theirs, ours = ([layout.charts for layout in run.layouts] for run in (sides.theirs, sides.ours))
    if theirs != ours:
        yield f": {theirs} in torch's, {ours} in ours"


def groups(sides: Sides) -> Iterator[str]:
    theirs, ours = ({group.tag: sorted(group.tags) for group in run.groups} for run in (sides.theirs, sides.ours))
    yield from paired("", theirs, ours)
    for tag in theirs.keys() & ours.keys():
        if theirs[tag] != ours[tag]:
            yield f"{tag!r}: {theirs[tag]} in torch's, {ours[tag]} in ours"
