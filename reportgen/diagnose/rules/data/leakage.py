"""Held-out rows that were trained on, and single features that give the target away.

Sources: deepchecks (samples shared by train and test: none; predictive power of one feature); Kapoor and Narayanan,
Leakage and the reproducibility crisis (Patterns, 2023).
"""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, cut, number, percent
from reportgen.diagnose.reading.splits import (
    FEW_VALUES,
    NO_TARGETS,
    NO_TRAIN,
    NO_VAL,
    compared,
    few_values,
    held_out,
    place,
    rows_of,
    width,
)
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.evidence import DataSplit, Leak
from reportgen.run.records import Run

SHARED = 0.01
# A pair or two of equal rows that a random split parted is a trait of the data.
FEW = 3
LEAK = 0.98
# What rounds to 1: the feature decides the target.
EXACT = 0.9995
# The best of the others has to be off so many times as far, or the task is simply easy.
APART = 4.0
ERRORS = 3.0
FEWEST_FEATURES = 4
ROWS = 8


def train_val_leakage(run: Run) -> Judgement:
    """Rows of a held-out split are among those trained on."""
    train = compared(run, "train")
    if train is None:
        return NO_TRAIN
    splits = [split for name in held_out(run) if (split := compared(run, name)) is not None]
    if not splits:
        return NO_VAL
    if few_values(train) or all(map(few_values, splits)):
        return FEW_VALUES
    return [finding for split in splits if (finding := _shared(train, split)) is not None]


def _shared(train: DataSplit, split: DataSplit) -> Finding | None:
    shared = split.shared.get("train", 0)
    if not shared or few_values(split) or few_values(train):
        return None
    share = shared / split.rows
    # Copies that were there before the split: a pair of them leaves one copy on each side about as often as it leaves
    # two in train, as each copy in train has its twin with that probability.
    copies = 2 * train.duplicates / train.rows
    many = share >= SHARED and shared >= FEW
    beyond = shared > 2 * copies * split.rows + FEW
    severity = "error" if many and beyond else "warning" if many or shared > FEW else "info"
    pairs = split.shared_pairs.get("train", ())
    origin = (
        ""
        if beyond
        else f" Of the training rows {percent(train.duplicates / train.rows)} are copies of each other as well: rows "
        "were there more than once before the split."
    )
    parted = train.total is not None and train.total > train.rows
    return Finding(
        id="train_val_leakage",
        tier="fact",
        severity=severity,
        title=f"{'At least ' if parted else ''}{count(shared)} of {counted(split.rows, f'{split.split} row')} "
        f"({percent(share)}) {'is' if shared == 1 else 'are'} in the training data, too",
        why=f"What the model is told about these rows in training it is asked again here, so {split.split} scores are "
        f"too good by an unknown amount, and overfitting does not show.{origin}",
        fix="Drop copies first and split then; split by person, document or recording where rows belong together, and "
        "oversample or augment only what is trained on.",
        code=_overlap(pairs, _is_table(split)),
        where=Where(tag=place(split)),
        value=percent(share),
        limit="0 %",
        evidence=_pictures(split, shared) or _pairs(split, shared),
        source="deepchecks, Train Test Samples Mix; exact by hashes of the rows",
    )


def _pictures(split: DataSplit, shared: int) -> ImageGrid | None:
    shown = split.shared_rows
    if not shown:
        return None
    return ImageGrid(
        tuple(
            ImageItem(
                row.image,
                f"{split.split} row {row.row}, which equals train row {row.there}",
                title=f"{split.split} row {count(row.row)}",
                lines=(f"= train row {count(row.there)}",),
            )
            for row in shown
        ),
        caption=f"{count(len(shown))} of {counted(shared, 'row')} that both hold, by their places from 0.",
    )


def _pairs(split: DataSplit, shared: int) -> Table | None:
    pairs = split.shared_pairs.get("train", ())
    if not pairs:
        return None
    return Table(
        columns=(Column(f"{split.split} row", "count"), Column("train row", "count")),
        rows=tuple(pairs[:ROWS]),
        total=shared,
        caption="Equal rows by their places from 0.",
    )


def _is_table(split: DataSplit) -> bool:
    """Whether its columns have names, as those of a data frame do; those of a tensor have numbers."""
    return split.inputs == "numbers" and any(not feature.name.isdecimal() for feature in split.features)


def _overlap(pairs: tuple[tuple[int, int], ...], table: bool) -> str:
    """Slices of one table that overlap show by a fixed distance between the places. table: its columns have names."""
    distances = {there - here for here, there in pairs}
    if len(pairs) >= 4 and len(distances) == 1 and (start := distances.pop()) > 0:
        return f"- val = data[{start}:]\n+ val = data[len(train):]"
    if table:
        return "+ data = data.drop_duplicates()\n  train, val = train_test_split(data)"
    return "+ train, val = torch.utils.data.random_split(dataset, [0.8, 0.2])  # once, before copies and augmentation"


def feature_label_leakage(run: Run) -> Judgement:
    """One feature alone tells the target: exactly (0.9995), or with an AUC or |correlation| above 0.98 by 3 errors."""
    split = rows_of(run, "train")
    if split is None:
        return NO_TRAIN
    if split.inputs != "numbers" or width(split) < 2:
        return NotApplicable("Inputs are no table of several numbers.")
    if not split.targets:
        return NO_TARGETS
    telling = [leak for leak in split.leaks if leak.score > LEAK]
    if not telling:
        return []
    first, others = telling[0], [leak for leak in split.leaks if leak.score <= LEAK]
    # Where many features do nearly as well, the task is easy; so it is where there are hardly any others.
    alone = (
        width(split) >= FEWEST_FEATURES
        and len(telling) <= max(1, width(split) // 10)
        and all(1 - leak.score >= APART * (1 - first.score) for leak in others)
    )
    sure = _at_least(split, first) > LEAK
    if not sure:
        return []
    return [_telling(split, first, alone, alone and first.score >= EXACT)]


def _at_least(split: DataSplit, leak: Leak) -> float:
    """The score less three standard errors: of a rare class some feature is nearly perfect by chance.

    Of an AUC A over n rows of the rarest class sqrt(A (1 - A) / n) is an upper limit of its error (Hanley and McNeil
    1982); of a correlation Fisher's transformation has an error of 1 / sqrt(n - 3).
    """
    if leak.measure == "AUC":
        rarest = min((rows for rows in split.class_counts.values() if rows), default=leak.rows)
        return leak.score - ERRORS * math.sqrt(max(leak.score * (1 - leak.score), 0.0) / max(rarest, 1))
    if leak.score >= 1:
        return 1.0
    return math.tanh(math.atanh(leak.score) - ERRORS / math.sqrt(max(leak.rows - 3, 1)))


def _telling(split: DataSplit, leak: Leak, alone: bool, exact: bool) -> Finding:
    name = cut(leak.feature, 60)
    asked = f"input {name}" if name.isdecimal() else name
    what = "an AUC" if leak.measure == "AUC" else "a correlation"
    return Finding(
        id="feature_label_leakage",
        tier="fact" if exact else "statistics",
        severity="warning" if exact else "info",
        title=f"Input {name} alone tells the target, with {what} of {number(leak.score, 4)}",
        why=(
            f"No other of the {count(width(split))} inputs comes near. Such a column is often written after the "
            "outcome is known, or made from it; where the model is used it is not there yet. "
            if alone
            else "Others do nearly as well, or there are few: the task may simply be easy. "
        )
        + "It may be legitimate: a measurement may just be that good.",
        fix=f"Find out when {asked} is known. If that is after the target, drop "
        "it; otherwise a rule on this one column does what the model does.",
        code=f"+ table = table.drop(columns=[{name!r}])"
        if not name.isdecimal()
        else f"+ x = torch.cat([x[:, :{name}], x[:, {int(name) + 1}:]], dim=1)",
        where=Where(tag=place(split)),
        value=f"{leak.measure} {number(leak.score, 4)}",
        limit=number(LEAK),
        evidence=Table(
            columns=(Column("input"), Column(leak.measure, "number")),
            rows=tuple((each.feature, each.score) for each in split.leaks[:ROWS]),
            caption=f"Inputs that tell the target by themselves, over {counted(leak.rows, 'row')}.",
        ),
        source="deepchecks, Feature Label Correlation; Kapoor and Narayanan 2023",
    )


RULES = (
    Rule(
        "train_val_leakage",
        "No held-out row was trained on",
        "fact",
        train_val_leakage,
        needs='report.data("train", train_set) and report.data("val", val_set)',
        worst="error",
        checks="Rows of a held-out split equal rows trained on; an error from 1 % on, unless train holds like copies.",
        source="deepchecks, Train Test Samples Mix",
    ),
    Rule(
        "feature_label_leakage",
        "No single feature gives the target away",
        "fact",
        feature_label_leakage,
        needs='report.data("train", train_set)',
        worst="warning",
        checks="One feature has an AUC or |correlation| with the target of 0.9995 or more, and no other comes near; "
        "above 0.98 by three standard errors it is a remark.",
        source="deepchecks, Feature Label Correlation",
    ),
)
