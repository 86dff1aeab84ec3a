"""Batch norms whose batches are too small to have a mean and a deviation.

Source: Wu and He, Group Normalization, ECCV 2018; exact for the batches seen.
"""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.diagnose.reading.lacking import NO_BATCH_NORM, NO_MODEL, TOLD, no_batch_norm
from reportgen.diagnose.reading.modules import batch_norms, model_of
from reportgen.diagnose.rule import Judgement, Rule, Unchecked
from reportgen.run.evidence import LoaderUse
from reportgen.run.graph import GraphNode
from reportgen.run.records import Run

ROWS = 8
# Rows of a batch, and numbers of a channel in it, below which their mean and deviation are noise.
SMALL_BATCH = 4
SMALL_CHANNEL = 16


def bn_small_batch(run: Run) -> Judgement:
    """Batch norm takes mean and deviation of a few numbers."""
    lacking = no_batch_norm(run)
    if lacking is not None:
        return lacking
    found = []
    for graph in run.graphs:
        trains = {name for use in run.evidence.modes if use.phase == "train" for name in use.training}
        small = []
        for node in graph.nodes:
            if node.kind != "module" or "BatchNorm" not in node.type or not node.inputs or not node.training:
                continue
            shape = node.inputs[0].shape
            numbers = math.prod(shape) // shape[1] if len(shape) > 1 and shape[1] else 0
            named = {node.path, f"{graph.model}/{node.path}"}
            if 1 < numbers < SMALL_CHANNEL and shape[0] < SMALL_BATCH and (named & trains or not trains):
                small.append((node, shape[0], numbers))
        if small and _usual(run, graph.model, small[0][1]):
            found.append(_small(graph.model, small))
    return found


def _usual(run: Run, model: str, batch: int) -> bool:
    """Whether the first batch, of which the graph is, was as small as others."""
    use = run.evidence.model(model)
    sizes = [facts.shape[0] for facts in use.inputs if facts.shape] if use is not None else []
    loaders = [one.batch_size for one in run.evidence.loaders if one.split.startswith("train") and one.batch_size]
    return all(size < SMALL_BATCH for size in (*sizes[:1], *loaders)) and batch < SMALL_BATCH


def _small(model: str, small: list[tuple[GraphNode, int, int]]) -> Finding:
    names = [node.path for node, _, _ in small]
    _, batch, numbers = min(small, key=lambda each: each[2])
    return Finding(
        id="bn_small_batch",
        tier="fact",
        severity="warning",
        title=f"{listed(names)} of {model} {'normalises' if len(names) == 1 else 'normalise'} over {count(numbers)} "
        f"numbers: batches have {counted(batch, 'row')}",
        why="Mean and deviation of so few numbers are noise: what a sample becomes depends mostly on which others are "
        "in its batch, and in eval mode it becomes something else than in training.",
        fix="Use larger batches, or GroupNorm or LayerNorm, which do not look at other samples.",
        code=f"- nn.{small[0][0].type}(channels)\n+ nn.GroupNorm(1, channels)",
        where=Where(model=model, module=names[0]),
        value=counted(numbers, "number"),
        limit=f"at least {SMALL_CHANNEL}",
        evidence=Table(
            columns=(Column("module", "code"), Column("rows", "count"), Column("numbers a channel", "count")),
            rows=tuple((node.path, rows, amount) for node, rows, amount in small[:ROWS]),
            total=len(small),
        ),
        source="Wu and He, Group Normalization, ECCV 2018 (batches of 2 and 4)",
    )


def last_batch_of_one(run: Run) -> Judgement:
    """A pass over the training data ends with a batch of one row, and the model has batch norms."""
    loaders = [one for one in run.evidence.loaders if one.split.startswith("train")]
    if not run.models:
        return NO_MODEL
    norms = [(model, batch_norms(model)) for model in run.models]
    if not any(names for _, names in norms):
        return NO_BATCH_NORM
    if not loaders:
        return Unchecked("No loader is known: iterate over report.track(loader).")
    told = cause_of(run)
    if told is not None and told.id == "last_batch_size_1":
        return TOLD
    trains = {name for use in run.evidence.modes if use.phase == "train" for name in use.training}
    for loader in loaders:
        if not _leaves_one(loader):
            continue
        for model, names in norms:
            used = [name for name in names if {name, f"{model.name}/{name}"} & trains]
            if used:
                return [_one_row(run, model.name, used, loader)]
    return []


def _leaves_one(loader: LoaderUse) -> bool:
    if loader.batch_size is not None and loader.batch_size <= 1:
        return False
    if loader.last_batch is not None:
        return loader.last_batch == 1
    known = loader.rows is not None and loader.batch_size is not None and loader.drop_last is False
    return known and (loader.rows or 0) % (loader.batch_size or 1) == 1


def _one_row(run: Run, model: str, names: list[str], loader: LoaderUse) -> Finding:
    known = model_of(run, model)
    kind = known.modules.get(names[0].removeprefix(f"{model}/"), "BatchNorm") if known is not None else "BatchNorm"
    size = f" in batches of {count(loader.batch_size)}" if loader.batch_size else ""
    rows = f"{counted(loader.rows, 'row')}{size}" if loader.rows is not None else f"The rows{size}"
    return Finding(
        id="last_batch_size_1",
        tier="fact",
        severity="warning",
        title=f"Each pass of {loader.split} ends with a batch of 1 row, over which {listed(names)} normalises",
        why=f"{rows} leave one over. The mean and deviation of a single sample tell nothing of the others: its "
        "features become noise for that step, and running statistics move towards it. Where a channel has one "
        f"number, {kind} raises.",
        fix="Leave the last batch out, or take a batch size that leaves more over.",
        code="- DataLoader(train_set, batch_size="
        f"{loader.batch_size or 32})\n+ DataLoader(train_set, batch_size={loader.batch_size or 32}, drop_last=True)",
        where=Where(model=model, module=names[0], tag=loader.split),
        value=counted(1, "row"),
        limit="at least 2",
        source="torch: BatchNorm expects more than 1 value per channel when training",
    )


RULES = (
    Rule("bn_small_batch", "Batch norms see enough numbers", "fact", bn_small_batch),
    Rule(
        "last_batch_of_one",
        "No batch of one row meets a batch norm",
        "fact",
        last_batch_of_one,
        ids=("last_batch_size_1",),
    ),
)
