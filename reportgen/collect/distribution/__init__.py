"""Distributions of tensors: counted where they lie, exactly, in the bins of run/distribution.py."""

from reportgen.collect.distribution.reduction import Pending, distributions_of, finished, reduce_on_device, resolve

__all__ = ["Pending", "distributions_of", "finished", "reduce_on_device", "resolve"]
