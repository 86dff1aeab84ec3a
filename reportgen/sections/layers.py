"""Layers: what each one holds, how far training moves it, and its distributions over time."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.text import Text
from reportgen.blocks.wording import count, counted, percent
from reportgen.diagnose import Diagnosis
from reportgen.run.records import Run
from reportgen.sections.layer_details import details
from reportgen.sections.layer_list import Layer, layers_of
from reportgen.sections.layer_table import layer_table
from reportgen.sections.section import Section

KINDS = ("weight", "gradient", "activation")
QUANTITIES = ("update_ratio", "gradient_norm", "dead_share", "saturated_share")


def is_watched(run: Run) -> bool:
    """Whether there is more to say of layers than their shapes."""
    return any(run.distributions.get(kind) for kind in KINDS) or any(run.measures.get(name) for name in QUANTITIES)


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no layer was watched while it trained."""
    if not is_watched(run):
        return None
    layers = layers_of(run)
    blocks: list[Block] = [layer_table(run, layers)] if layers else []
    frozen = _frozen(layers)
    if frozen:
        blocks.append(Text(frozen, muted=True))
    folds = details(run, layers)
    if folds:
        blocks.append(
            Text(
                "One ridge a snapshot, the oldest at the back; all ridges of a picture share axis and scale.",
                muted=True,
                title="Distributions over time",
            )
        )
        blocks.extend(folds)
    return SectionView(
        "layers",
        "Layers",
        "Weights now, gradient norm over time, and how far one step moves the weights (usually 0.001 to 0.01 of their "
        "size, less as the learning rate falls).",
        tuple(blocks),
    )


def _frozen(layers: list[Layer]) -> str:
    held = [p for layer in layers for _, p in layer.parameters if not p.tied_to]
    still = [p for p in held if not p.trainable]
    if not still:
        return ""
    share = sum(p.numel for p in still) / max(1, sum(p.numel for p in held))
    return (
        f"{count(len(still))} of {counted(len(held), 'parameter')} ({percent(share)} of the numbers) "
        f"{'is' if len(still) == 1 else 'are'} frozen: requires_grad is False."
    )


SECTION = Section(
    "layers", "weights, gradients and activations by layer", "report.watch(model, optimizer, criterion)", build
)
