"""Whether confidence means what it says: 80 % sure should be right 80 % of the time."""

from __future__ import annotations

from reportgen.blocks.charts import ScatterChart
from reportgen.blocks.page import Block
from reportgen.blocks.table import Bar, Column, Table
from reportgen.blocks.wording import count, number
from reportgen.run.predictions import PredictionSet

# Recorded bins are shown as they are (15 of them); only of twice as many or more are neighbours taken together.
BINS = 10
# Fewer say nothing of a share: 80 % of 10 samples may well be 50 or 100 %.
FEWEST = 100


def calibration(each: PredictionSet) -> list[Block]:
    """Share of right predictions against confidence, bin by bin, and the expected calibration error.

    The error is sum(n_b / N * |right_b - confidence_b|) (Guo et al. 2017), as it was recorded; where it was not, the
    middle of a recorded bin stands for the confidences in it, as it does in the chart.
    """
    amounts, correct = each.confidence, each.correct
    total = sum(amounts)
    if total < FEWEST or len(correct) != len(amounts):
        return []
    width = max(1, len(amounts) // BINS)  # recorded bins in one that is shown
    groups: dict[int, list[float]] = {}
    for place, (amount, right) in enumerate(zip(amounts, correct, strict=True)):
        if amount:
            middle = (place + 0.5) / len(amounts)
            sums = groups.setdefault(place // width, [0.0, 0.0, 0.0])
            sums[0] += amount
            sums[1] += right
            sums[2] += amount * middle
    bins = {k: (amount, right / amount, said / amount) for k, (amount, right, said) in sorted(groups.items())}
    error = sum(amount / total * abs(right - said) for amount, right, said in bins.values())
    error = each.metrics.get("calibration error", error)
    lean = sum(amount / total * (said - right) for amount, right, said in bins.values())
    told = "On the line, confidence is the share of right predictions; below it the model is too sure."
    side = "too sure" if lean > 0 else "not sure enough"
    return [
        ScatterChart(
            title="Calibration",
            points=tuple((round(said, 4), round(right, 4)) for _, right, said in bins.values()),
            caption=f"{told} On the whole it is {side} by {number(abs(lean), 2)}; expected calibration error "
            f"{number(error, 2)}.",
            x_label="confidence",
            y_label="share that is right",
            diagonal=True,
            y_format="percent",
        ),
        Table(
            (Column("confidence"), Column("samples", "count"), Column("right", "percent")),
            tuple(
                (_range(k * width / len(amounts), min(1.0, (k + 1) * width / len(amounts))), round(amount), Bar(right))
                for k, (amount, right, _) in bins.items()
            ),
            title="Numbers of the calibration",
            caption=f"{count(total)} samples.",
            folded=True,
        ),
    ]


def _range(low: float, high: float) -> str:
    return f"{low * 100:.0f} to {high * 100:.0f} %"
