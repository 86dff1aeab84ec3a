"""Predicted against true values."""

from __future__ import annotations

import math

from reportgen.blocks.charts import ScatterChart
from reportgen.blocks.page import Block
from reportgen.blocks.wording import counted, number
from reportgen.run.predictions import PredictionSet


def regression(each: PredictionSet) -> list[Block]:
    """A scatter of the kept sample with the line on which predictions are right; nothing without points."""
    points = [(t, p) for t, p in each.points if math.isfinite(t) and math.isfinite(p)]
    if not points:
        return []
    errors = sorted(p - t for t, p in points)
    middle = errors[len(errors) // 2]
    lost = len(each.points) - len(points)
    told = (
        f"{counted(len(points), 'sample')}; on the line the prediction is right. Half of the errors are above "
        f"{number(middle)}; they reach from {number(errors[0])} to {number(errors[-1])}."
    )
    if lost:
        told += f" {counted(lost, 'pair')} with a value that is not finite cannot be drawn."
    return [ScatterChart("Prediction against truth", tuple(points), told, "truth", "prediction", diagonal=True)]
