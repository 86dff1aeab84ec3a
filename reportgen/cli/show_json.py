"""The verdict of runs in JSON's types: a schema that programs may rely on (docs/show.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import reportgen
from reportgen.blocks.finding import Finding
from reportgen.cli.judged import Judged
from reportgen.diagnose.needs import needed
from reportgen.diagnose.rule import Check
from reportgen.sections.calls import as_called, finding_as_called
from reportgen.sections.verdict import verdict

# Counts up when a field changes its meaning or goes; new fields may come without.
SCHEMA = 1


def plain(runs: Sequence[Judged], unread: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """All of it. Raises nothing: every value is a text, an integer, a finite number, true, false or null."""
    return {
        "schema": SCHEMA,
        "reportgen": reportgen.__version__,
        "runs": [_run(one) for one in runs],
        "unread": [{"name": name, "reason": reason} for name, reason in unread],
    }


def _run(judged: Judged) -> dict[str, Any]:
    meta, diagnosis = judged.run.meta, judged.diagnosis
    return {
        "name": judged.name,
        "title": meta.title,
        "status": meta.status,
        "started": _moment(meta.started),
        "ended": _moment(meta.ended),
        "verdict": "".join(part.text for part in verdict(judged.run, diagnosis)),
        "counts": {
            "errors": judged.errors,
            "warnings": judged.warnings,
            "remarks": judged.remarks,
            "passed": judged.passed,
            "unchecked": len(diagnosis.unchecked),
            "not_applicable": len(diagnosis.not_applicable),
            "silenced": len(diagnosis.silenced),
        },
        "whole": judged.whole,
        "findings": [_finding(one, meta.recorder) for one in diagnosis.findings],
        "silenced": [_finding(one, meta.recorder) for one in diagnosis.silenced],
        "unknown_silenced": list(diagnosis.unknown),
        "passed": [{"id": one.id, "title": one.title} for one in diagnosis.passed],
        "unchecked": [_unchecked(one, meta.recorder) for one in diagnosis.unchecked],
        "not_applicable": [{"id": one.id, "title": one.title, "why": one.why} for one in diagnosis.not_applicable],
    }


def _moment(seconds: float | None) -> float | None:
    """JSON has no NaN, which a damaged run.json may hold for a time."""
    return seconds if seconds is not None and math.isfinite(seconds) else None


def _unchecked(check: Check, recorder: str) -> dict[str, Any]:
    call = "" if recorder else needed(check.why)
    return {"id": check.id, "title": check.title, "why": as_called(check.why, recorder), "call": call}


def _finding(given: Finding, recorder: str) -> dict[str, Any]:
    finding, where = finding_as_called(given, recorder), given.where
    return {
        "id": finding.id,
        "tier": finding.tier,
        "severity": finding.severity,
        "title": finding.title,
        "where": {
            "model": where.model,
            "module": where.module,
            "parameter": where.parameter,
            "tag": where.tag,
            "step": where.step,
        },
        "value": finding.value,
        "limit": finding.limit,
        "why": finding.why,
        "fix": finding.fix,
        "code": finding.code,
        "also": list(finding.also),
        "source": finding.source,
        "since": finding.since,
        "share": finding.share,
    }
