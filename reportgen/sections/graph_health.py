"""How the modules of a graph are: by the findings about them, and by the measures of their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reportgen.blocks.finding import Finding
from reportgen.blocks.model import Health
from reportgen.blocks.wording import percent
from reportgen.diagnose import Diagnosis
from reportgen.diagnose.places import module_of
from reportgen.run.records import Run
from reportgen.sections.layer_list import Layer
from reportgen.sections.layer_table import DEAD, SATURATED

# A share below this is not worth a word in a box.
TOLD = 0.01
_LEVELS = ("error", "warning")


def health_of(run: Run, diagnosis: Diagnosis, layers: Sequence[Layer]) -> dict[str, Health]:
    """Layer's path -> how it is: what a finding says, else its share of dead or saturated units; "ok" where the layer
    was watched and nothing is to be said; not listed where it was not watched."""
    found: dict[str, Health] = {}
    for layer in layers:
        worst = min(
            _about(diagnosis.findings, layer), key=lambda finding: _LEVELS.index(finding.severity), default=None
        )
        if worst is not None:
            found[layer.path] = Health(worst.severity, worst.id.replace("_", " "))
        elif (share := _share(run, layer)) is not None:
            found[layer.path] = share
        elif _watched(run, layer):
            found[layer.path] = Health("ok")
    return found


def _about(findings: Sequence[Finding], layer: Layer) -> Iterator[Finding]:
    """The errors and warnings about a layer or a parameter of its own."""
    for finding in findings:
        name = finding.where.module or module_of(finding.where.parameter)
        named = finding.where.module or finding.where.parameter
        if finding.severity in _LEVELS and named and name == layer.name:
            yield finding


def _share(run: Run, layer: Layer) -> Health | None:
    """The share of dead or of saturated units, that past its threshold before the other."""
    found: list[Health] = []
    for quantity, word, limit in (("dead_share", "dead", DEAD), ("saturated_share", "saturated", SATURATED)):
        series = run.measures.get(quantity, {}).get(layer.name)
        if series is not None and len(series) and series.last >= TOLD:
            found.append(Health("high" if series.last > limit else "ok", f"{word} {percent(series.last)}"))
    return min(found, key=lambda health: health.level == "ok", default=None)


def _watched(run: Run, layer: Layer) -> bool:
    names = {layer.name, *(name for name, _ in layer.parameters)}
    return any(not names.isdisjoint(series) for series in (*run.measures.values(), *run.distributions.values()))
