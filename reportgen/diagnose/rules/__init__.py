"""The rules, in the order in which findings of equal severity are shown. A new rule: one function, one line here."""

from __future__ import annotations

from reportgen.diagnose.rule import Rule
from reportgen.diagnose.rules.data import (
    features,
    features_constant,
    labels,
    labels_doubted,
    labels_scale,
    leakage,
    leakage_shift,
    loader,
)
from reportgen.diagnose.rules.dynamics import (
    baseline,
    decay,
    divergence,
    dynamics_gradients,
    dynamics_signals,
    evaluation,
    generalisation,
    learning,
    rates,
    units,
    units_alike,
)
from reportgen.diagnose.rules.ending import endings, exceptions, recording
from reportgen.diagnose.rules.loss import criterion, criterion_sign, outputs, softmax, softmax_dim
from reportgen.diagnose.rules.numbers import non_finite, non_finite_input, non_finite_tensors
from reportgen.diagnose.rules.style import pace, static, static_layers, static_norms, structure
from reportgen.diagnose.rules.wiring import (
    clearing,
    clipping,
    detached,
    gradients,
    init,
    memory,
    modes,
    optimizer,
    schedule,
)

RULES: tuple[Rule, ...] = (
    *endings.RULES,
    *exceptions.RULES,
    *non_finite_input.RULES,
    *non_finite.RULES,
    *non_finite_tensors.RULES,
    *optimizer.RULES,
    *gradients.RULES,
    *softmax.RULES,
    *softmax_dim.RULES,
    *criterion.RULES,
    *criterion_sign.RULES,
    *outputs.RULES,
    *modes.RULES,
    *clearing.RULES,
    *detached.RULES,
    *init.RULES,
    *schedule.RULES,
    *clipping.RULES,
    *memory.RULES,
    *static_layers.RULES,
    *static_norms.RULES,
    *static.RULES,
    *leakage.RULES,
    *loader.RULES,
    *features.RULES,
    *features_constant.RULES,
    *labels_scale.RULES,
    *labels.RULES,
    *labels_doubted.RULES,
    *leakage_shift.RULES,
    *decay.RULES,
    *dynamics_signals.RULES,
    *rates.RULES,
    *dynamics_gradients.RULES,
    *units.RULES,
    *units_alike.RULES,
    *divergence.RULES,
    *generalisation.RULES,
    *learning.RULES,
    *baseline.RULES,
    *evaluation.RULES,
    *structure.RULES,
    *pace.RULES,
    *recording.RULES,
)
