"""Runs as a healthy one but for something: what rules are tested with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from reportgen.blocks import Finding
from reportgen.diagnose import NotApplicable, Unchecked
from reportgen.diagnose.rule import Judgement
from reportgen.run.evidence import Evidence, LossUse, TensorFacts
from reportgen.run.graph import GraphEdge
from reportgen.run.records import Run
from reportgen.testing import fake_run
from reportgen.testing.run import series_of


def the_one(judgement: Judgement) -> Finding:
    """The one finding of a rule."""
    assert not isinstance(judgement, (Unchecked, NotApplicable)), judgement.why
    (finding,) = judgement
    return finding


def passed(judgement: Judgement) -> bool:
    """Whether the rule looked at something and found nothing."""
    return not isinstance(judgement, (Unchecked, NotApplicable)) and list(judgement) == []


def unfound(judgement: Judgement) -> bool:
    """Whether the rule found nothing, since all is well or since it is not about this run."""
    return isinstance(judgement, NotApplicable) or passed(judgement)


def not_about(judgement: Judgement) -> str:
    """Why a rule does not apply."""
    assert isinstance(judgement, NotApplicable), judgement
    return judgement.why


def with_evidence(run: Run, **fields: object) -> Run:
    return dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, **fields))


def unseen(run: Run) -> Run:
    return dataclasses.replace(run, evidence=Evidence())


def with_model(run: Run, **fields: object) -> Run:
    return dataclasses.replace(run, models=(dataclasses.replace(run.models[0], **fields),))


def with_use(run: Run, **fields: object) -> Run:
    """How the model was used, changed."""
    return with_evidence(run, models=(dataclasses.replace(run.evidence.models[0], **fields),))


def with_loss(run: Run, facts: TensorFacts | None = None, **fields: object) -> Run:
    """How the loss was computed, changed; `facts` of what it was given, and so of the model's output."""
    use: LossUse = dataclasses.replace(run.evidence.losses[0], **fields)
    if facts is not None:
        use = dataclasses.replace(use, input=facts)
        run = with_use(run, outputs=(facts,))
    return with_evidence(run, losses=(use,))


def with_measure(
    run: Run, quantity: str, values: dict[str, Sequence[float]], steps: Sequence[int] | None = None
) -> Run:
    """A measure instead of what it was; () for none of that name."""
    made = {name: series_of(list(each), steps) for name, each in values.items() if len(each)}
    return dataclasses.replace(run, measures={**run.measures, quantity: made})


def ending_in(run: Run, *operations: str) -> Run:
    """The graph's output comes out of these operations, one after another."""
    graph = run.graphs[0]
    edges = (*graph.edges[:-1], dataclasses.replace(graph.edges[-1], via=operations))
    return dataclasses.replace(run, graphs=(dataclasses.replace(graph, edges=edges),))


def rewired(run: Run, edges: Sequence[GraphEdge], **nodes: dict[str, object]) -> Run:
    """Other edges, and nodes changed by their path."""
    graph = run.graphs[0]
    changed = tuple(dataclasses.replace(node, **nodes.get(node.path, {})) for node in graph.nodes)
    return dataclasses.replace(run, graphs=(dataclasses.replace(graph, edges=tuple(edges), nodes=changed),))


def rated(rates: Sequence[float], losses: Sequence[float] | None = None, **fields: object) -> Run:
    """A run of 200 steps with these learning rates, which learns nothing unless told otherwise."""
    run = fake_run(
        steps=200,
        scalars={"train/loss": [2.3 + 0.05 * math.sin(7 * k) for k in range(200)] if losses is None else losses},
        predictions=(),
        **fields,
    )
    return with_measure(run, "learning_rate", {"group 0": rates})
