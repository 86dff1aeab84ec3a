"""Where the attempts of a resumed run begin within its series."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from reportgen.run.series import Series
from reportgen.sections.curves import Curve


def starts(series: Series) -> list[int]:
    """The positions at which resumed attempts begin, ascending, the position 0 left out.

    Steps may go back there: then that is the place. Else it is where the resumed step is first reached, or met again.
    """
    steps, left = series.steps, list(series.restarts)
    back = [at for at, (before, step) in enumerate(itertools.pairwise(steps), 1) if step < before]
    if len(back) > len(left):  # steps go back within attempts too
        back = [at for at in back if steps[at] in series.restarts][: len(left)]
    found = set(back)
    for at in back:
        # A page keeps fewer points, so that the step itself may be missing.
        possible = [restart for restart in left if restart <= steps[at]]
        if possible:
            left.remove(max(possible))
    for restart in left:
        reached = [at for at in range(1, len(steps)) if steps[at - 1] < restart <= steps[at]]
        begin = next((at for at in reached if steps[at] == restart), next(iter(reached), None))
        if begin is not None:
            found.add(begin + 1 if steps[begin : begin + 2].count(restart) == 2 else begin)
    return sorted(found)


def numbered(series: Series) -> list[int]:
    """For each point, how many attempts that recorded the series began before it."""
    places = starts(series) if series.restarts else []
    if not places:
        return [0] * len(series)
    return [bisect.bisect_right(places, at) for at in range(len(series))]


def overlapping(curves: Sequence[Curve]) -> list[list[int]]:
    """For each point of each curve the attempt it is of, as far as attempts must be told apart.

    All are 0 unless one attempt holds steps that another holds too. A curve that some attempt did not record has fewer
    restarts than the others, so the times at which attempts began decide where they are known.
    """
    own = [numbered(curve.series) for curve in curves]
    if not any(_twice(curve.series, numbers) for curve, numbers in zip(curves, own, strict=True)):
        return [[0] * len(numbers) for numbers in own]
    most = max(range(len(curves)), key=lambda at: max(own[at], default=0))
    series = curves[most].series
    began = [series.times[at] for at in starts(series)] if len(series.times) == len(series) else []
    if not began or any(a > b for a, b in itertools.pairwise(began)):
        return own
    return [
        [bisect.bisect_right(began, time) for time in curve.series.times]
        if len(curve.series.times) == len(curve.series)
        else numbers
        for curve, numbers in zip(curves, own, strict=True)
    ]


def _twice(series: Series, numbers: list[int]) -> bool:
    """Whether a step of one attempt is not above the steps of the attempt before it."""
    if not any(numbers):
        return False
    pairs = itertools.pairwise(zip(numbers, series.steps, strict=True))
    return any(after > before and step <= last for (before, last), (after, step) in pairs)
