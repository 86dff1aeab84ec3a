"""When to look: by step number only, so that every process and every repetition of a run looks at the same steps."""

from __future__ import annotations

from bisect import bisect_left

# The first steps, in which most goes wrong, are all seen.
DENSE = 8
# From there on 5 snapshots for each 4-fold number of steps: 17 in 100 steps, 25 in 1,000, 34 in 10,000, 50 in 10**6.
RATIO = 4 ** (1 / 5)
# Numbers that cost little are taken at every step up to here, and later in bursts of consecutive steps.
DENSE_MEASURES = 32
BURST = 4
# The share of the run's time, and the seconds a step, that collecting may take before it is stretched. It is measured
# over so many steps, since of a burst alone each step is looked at.
LIMIT = 0.05
FREE = 10e-6
WINDOW = 8
# The share, and the seconds in all, that it may take up to step 32 before that start is thinned.
START_LIMIT = 0.5
START_FREE = 0.5


class Schedule:
    """Which steps (from 0) are looked at.

    snapshots: distributions. Steps 0 to 7, then 8, 11, 14, 18, 24, 32 ... each 4 ** (1/5) times the one before.
    activations: the same up to 32, then every second of them, since they cost most.
    measures: norms and update ratios. Steps 0 to 31, then bursts of 4 steps at each doubling, and every snapshot; norms
    of weights at the first step of a burst only.
    `stretch` > 1 keeps only every stretch-th of the snapshots and bursts from step 32 on, `thinning` > 1 only every
    thinning-th of the snapshots and steps before.
    """

    def __init__(self) -> None:
        self.stretch = 1
        self.thinning = 1
        self._idle = range(0)  # steps at which nothing is due: most are, and each is asked about several times
        self._points = list(range(DENSE))
        self._exact = float(DENSE)

    def snapshot(self, step: int) -> bool:
        """Whether the distributions of weights and gradients are taken at `step`."""
        number = self._number(step)
        return number is not None and number % (self.thinning if step < DENSE_MEASURES else self.stretch) == 0

    def activations(self, step: int) -> bool:
        """Whether the outputs of modules are looked at in the forward of `step`."""
        if step in self._idle:
            return False
        number = self._number(step)
        return number is not None and number % (self.thinning if step < DENSE_MEASURES else 2 * self.stretch) == 0

    def measures(self, step: int) -> bool:
        """Whether norms and update ratios are taken at `step`."""
        if step in self._idle:
            return False
        if step < DENSE_MEASURES:
            return step % self.thinning == 0 or self.snapshot(step)
        octave = step.bit_length() - 1
        if (step - (1 << octave) < BURST and octave % self.stretch == 0) or self.snapshot(step):
            return True
        # Snapshots are a part of the measures: nothing is due until the next of their points, or the next octave.
        self._idle = range(step, min(self._points[bisect_left(self._points, step)], 2 << octave))
        return False

    def weight_norms(self, step: int) -> bool:
        """Whether the norms of weights are taken at `step`: of a burst once, since its steps hardly move them."""
        first = step < DENSE_MEASURES or not step & (step - 1) or self.snapshot(step)
        return first and self.measures(step)

    def any(self, step: int) -> bool:
        """Whether anything is due at `step`."""
        return self.measures(step)  # the others are part of it

    def review(self, step: int, seconds: float, elapsed: float, steps: int) -> bool:
        """Look less often if looking took too much: `seconds` of `elapsed`, over `steps` steps. Whether it did."""
        if step < DENSE_MEASURES:
            dear = seconds > START_LIMIT * elapsed and seconds > START_FREE
            self.thinning *= 1 + dear
        else:
            dear = steps >= WINDOW and seconds > LIMIT * elapsed and seconds > FREE * steps
            self.stretch *= 1 + dear
        return dear

    def _number(self, step: int) -> int | None:
        """The how manyeth snapshot `step` is, None if it is none."""
        while self._points[-1] < step:
            self._points.append(max(round(self._exact), self._points[-1] + 1))
            self._exact *= RATIO
        place = bisect_left(self._points, step)
        return place if self._points[place] == step else None
