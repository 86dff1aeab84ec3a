"""Which logged numbers are losses."""

from __future__ import annotations

import re

LOSS = re.compile(r"loss|nll|cross.?entropy|(^|[/_. -])(ce|bce|mse)($|[/_. -])", re.IGNORECASE)


def is_loss(metric: str) -> bool:
    """Whether a metric (a tag without its split) is called a loss."""
    return bool(LOSS.search(metric))
