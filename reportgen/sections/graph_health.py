"""How the modules of a graph are: by the findings about them, and by the measures of their outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportgen.blocks.finding import Finding
from reportgen.blocks.model import Health
from reportgen.blocks.wording import percent
from reportgen.diagnose import Diagnosis
from reportgen.diagnose.reading.places import module_of
from reportgen.run.distribution import DistributionSeries
from reportgen.run.records import Run
from reportgen.sections.layer_list import Layer
from reportgen.sections.layer_table import DEAD, SATURATED

# A share below this is not worth a word in a box.
TOLD = 0.01
_LEVELS = ("error", "warning")
# Findings that numbers are not finite begin so.
_NON_FINITE = ("nan_", "non_finite")


def health_of(run: Run, diagnosis: Diagnosis, layers: Sequence[Layer]) -> dict[str, Health]:
    """Module's path -> how it is: what the worst finding about it says, else what of it is not finite, else its share
    of dead or saturated units; "ok" where the layer was watched and nothing is to be said; not listed where it was not
    watched. layers: those of one model. Modules that are no layer are listed where a finding is about them."""
    known = {layer.path: layer for layer in layers}
    about: dict[str, list[Finding]] = {}
    for finding in diagnosis.attention:
        path = _path(run, finding, layers)
        if path is not None:
            about.setdefault(path, []).append(finding)
    found = {path: _said(findings) for path, findings in about.items() if path not in known}
    for path, layer in known.items():
        said = _said(about[path]) if path in about else None
        broken = _non_finite(run, diagnosis, layer)
        if said is not None and not (broken is not None and broken.level == "error" != said.level):
            found[path] = said
        elif broken is not None:
            found[path] = broken
        elif (share := _share(run, layer)) is not None:
            found[path] = share
        elif _watched(run, layer):
            found[path] = Health("ok")
    return found


def _said(findings: Sequence[Finding]) -> Health:
    worst = min(findings, key=lambda finding: _LEVELS.index(finding.severity))
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return Health(worst.severity, f"{worst.id.replace('_', ' ')}{more}")


def _path(run: Run, finding: Finding, layers: Sequence[Layer]) -> str | None:
    """The path of the module of this model that a finding is about; "" for the model itself, None for another's."""
    where = finding.where
    model = layers[0].model if layers else ""
    named = where.module or where.parameter
    module = where.module or module_of(where.parameter)
    if not named:
        # A finding that names nothing but the model is about all of it.
        return "" if where.model and where.model == model and not where.tag else None
    if len(run.models) < 2 and len(run.graphs) < 2:
        return module
    if named.startswith(f"{model}/"):
        return module.removeprefix(f"{model}/") if "/" in module else ""
    return module if where.model == model else None


def _non_finite(run: Run, diagnosis: Diagnosis, layer: Layer) -> Health | None:
    """What of a layer held NaN or infinity at some look; as bad as the worst that is found about such numbers."""
    own = [name for name, _ in layer.parameters]
    begun = [one for one in run.evidence.non_finite if one.model == layer.model]
    words = ""
    if any(one.module and one.module in (layer.name, layer.path) for one in begun):
        words = "NaN begins here"
    elif _bad(run, "weight", own) or any(set(own) & set(one.parameters) for one in begun):
        words = "NaN in its weights"
    elif _bad(run, "activation", [layer.name]):
        words = "NaN in its output"
    elif _bad(run, "gradient", own):
        words = "NaN in its gradient"
    if not words:
        return None
    told = [one.severity for one in diagnosis.attention if one.id.startswith(_NON_FINITE)]
    return Health(min(told, key=_LEVELS.index, default="high"), words)


def _bad(run: Run, kind: str, names: Iterable[str]) -> bool:
    series = (run.distributions.get(kind, {}).get(name) for name in names)
    return any(one is not None and _odd(one) for one in series)


def _odd(series: DistributionSeries) -> bool:
    return any(
        snapshot.nans or snapshot.positive_infinities or snapshot.negative_infinities for snapshot in series.snapshots
    )


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
