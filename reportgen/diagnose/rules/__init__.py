"""The rules, in the order in which findings of equal severity are shown. A new rule: one function, one line here."""

from __future__ import annotations

from reportgen.diagnose.rule import Rule
from reportgen.diagnose.rules import (
    baseline,
    ending,
    gradients,
    non_finite,
    non_finite_tensors,
    optimizer,
    own,
    softmax,
)

RULES: tuple[Rule, ...] = (
    *ending.RULES,
    *non_finite.RULES,
    *non_finite_tensors.RULES,
    *optimizer.RULES,
    *gradients.RULES,
    *softmax.RULES,
    *baseline.RULES,
    *own.RULES,
)
