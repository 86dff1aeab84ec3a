"""Symptoms under their cause: one card a problem, not one a trace of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from reportgen.blocks.finding import Finding

# Non-finite numbers spread through a step in this order: forward, loss, backward, update, evaluation.
SPREAD = ("nan_activation", "nan_loss", "nan_gradient", "nan_weight", "nan_metric")
# What training that broke down leads to.
OUTCOMES = ("worse_than_baseline",)


def folded(found: Sequence[Finding]) -> list[Finding]:
    """The findings without the symptoms of others, whose titles their cause carries in `also`.

    Of everything that is not finite the earliest (by `since`, then in the order in which it spreads within a step) is
    the cause; an error before a warning, since what recovered led to nothing. Predictions no better than chance are a
    symptom too, when the loss or the weights ceased to be finite.
    """
    family = [finding for finding in found if finding.id in SPREAD]
    serious = [finding for finding in family if finding.severity != "info"]
    causes: dict[int, list[Finding]] = {}
    if serious:
        cause = min(serious, key=lambda f: (f.severity != "error", f.since, SPREAD.index(f.id)))
        outcomes = [finding for finding in found if finding.id in OUTCOMES] if cause.severity == "error" else []
        causes[id(cause)] = [finding for finding in (*family, *outcomes) if finding is not cause]
    return _without(found, causes)


def _without(found: Sequence[Finding], causes: dict[int, list[Finding]]) -> list[Finding]:
    symptoms = {id(symptom) for symptoms in causes.values() for symptom in symptoms}
    kept = []
    for finding in found:
        if id(finding) in causes:
            titles = [title for symptom in causes[id(finding)] for title in (symptom.title, *symptom.also)]
            finding = dataclasses.replace(finding, also=(*finding.also, *titles))
        if id(finding) not in symptoms:
            kept.append(finding)
    return kept
