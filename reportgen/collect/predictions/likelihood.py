"""From what a model gives to log-probabilities, in float64."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Booleans, Floats

# torch.nn.BCELoss clamps its logarithms at -100, so that a probability of exactly 0 gives a finite loss.
LOWEST_LOG = -100.0


def log_probabilities(rows: Array, outputs_are: str) -> tuple[Floats, Booleans]:
    """(n, C) log-probabilities, and which rows have them: not those with NaN or +inf, nor all -inf.

    Logits: x - logsumexp(x), shifted by the row's maximum. Probabilities: their logarithm, at least LOWEST_LOG.
    """
    values = rows.astype(np.float64)
    with np.errstate(all="ignore"):
        if outputs_are == "probabilities":
            logs = np.maximum(np.log(values), LOWEST_LOG)
            return logs, np.logical_and.reduce((values >= 0) & np.isfinite(values), axis=1)
        if outputs_are == "log-probabilities":
            return values, np.logical_and.reduce(~np.isnan(values) & ~np.isposinf(values), axis=1)
        top = values.max(axis=1, keepdims=True)
        sums = np.log(np.exp(values - top).sum(axis=1, keepdims=True)) + top
        return values - sums, np.isfinite(sums[:, 0])


def two_columns(values: Array, outputs_are: str) -> tuple[Floats, Booleans]:
    """(n, 2) log-probabilities of no and yes from (n,) answers, and which rows have them.

    Logits: -softplus(x) and -softplus(-x), the logarithms of sigmoid(-x) and sigmoid(x).
    """
    answers = values.astype(np.float64)
    with np.errstate(all="ignore"):
        if outputs_are == "logits":
            logs = np.stack([-np.logaddexp(0.0, answers), -np.logaddexp(0.0, -answers)], axis=1)
            return logs, ~np.isnan(answers)
        if outputs_are == "log-probabilities":
            answers = np.exp(answers)
        logs = np.maximum(np.stack([np.log1p(-answers), np.log(answers)], axis=1), LOWEST_LOG)
        return logs, (answers >= 0) & (answers <= 1)
