"""What the model says of a batch against the truth: metrics over all samples, and a few samples to look at."""

from reportgen.collect.predictions.collector import Predictions

__all__ = ["Predictions"]
