"""The rows of the splits a run trains and validates on: hashed, summed up and compared, for rules to judge."""

from reportgen.collect.data.datasets import DataSets

__all__ = ["DataSets"]
