"""Features that are distributed otherwise in a held-out split than in training.

Source: the two-sample Kolmogorov-Smirnov test; deepchecks takes 0.15 of such a distance as drift. A shift alone is no
fault (augmentation makes one): it is a warning only where the held-out split comes out badly.
"""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, cut, number
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import NO_TRAIN, NO_VAL, columns, compared, held_out, place, rows_of
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.evidence import DataSplit, Shift
from reportgen.run.records import Run
from reportgen.run.tags import parse_tag

STATISTIC, STRONG = 0.2, 0.5
SEVERAL = 2
# Probability of a false alarm over all features of a split.
CHANCE = 0.001
COMPARED = 256
WORSE = 1.3
ROWS = 8
# Kinds of inputs (run.evidence.DataSplit.inputs) that have no features to be compared one by one.
NOT_COMPARED = {
    "sequence": "Inputs are sequences, whose features are not compared.",
    "tokens": "Inputs are ids of tokens, whose sizes mean nothing.",
}


def distribution_shift(run: Run) -> Judgement:
    """Several features, or one strongly, differ between a held-out split and train by a KS statistic above 0.2."""
    if rows_of(run, "train") is None:
        return NO_TRAIN
    splits = [split for name in held_out(run) if (split := compared(run, name)) is not None]
    if not splits:
        return NO_VAL
    if not any(split.shifts or split.inputs in ("numbers", "image") for split in splits):
        return NotApplicable(NOT_COMPARED.get(splits[0].inputs, "Inputs are neither rows of numbers nor images."))
    return [finding for split in splits if (finding := _of(run, split)) is not None]


def _of(run: Run, split: DataSplit) -> Finding | None:
    looked = max(1, min(columns(split), COMPARED))
    # Each was held against chance alone: of many features some exceed that by luck (Bonferroni).
    stricter = math.sqrt(math.log(2 * looked / CHANCE) / math.log(2 / CHANCE))
    found = [
        shift
        for shift in split.shifts
        if shift.other == "train" and shift.statistic > max(STATISTIC, shift.chance * stricter)
    ]
    if len(found) < SEVERAL and not any(shift.statistic > STRONG for shift in found):
        return None
    bad = outcome(run)
    # A loss that is some higher on held-out rows is normal of a run that came out well on these.
    worse = _worse(run, split.split) if not bad.good or bad.quantity == "loss" else ""
    first = found[0]
    return Finding(
        id="distribution_shift",
        tier="statistics",
        severity="warning" if worse or bad.bad else "info",
        title=f"Input {cut(first.feature, 60)} is distributed otherwise in {split.split} than in train"
        + (f", and so {'is' if len(found) == 2 else 'are'} {_more(found)}" if len(found) > 1 else ""),
        why=f"The distributions lie {number(first.statistic)} apart, where chance gives {number(first.chance)}. Of "
        "values that were not trained on, the model can only guess"
        + (f": {worse}" if worse else f". {bad.why}" if bad.bad else ", though nothing recorded shows it."),
        fix="Shuffle before you split, unless the split is meant to be by time, place or source. Then judge by it, and "
        "train on data that covers it.",
        code="- train, val = table[:cut], table[cut:]\n+ train, val = train_test_split(table, shuffle=True)",
        where=Where(tag=place(split)),
        value=number(first.statistic),
        limit=number(max(STATISTIC, first.chance * stricter)),
        evidence=_table(run, split, found),
        source="two-sample Kolmogorov-Smirnov statistic, Bonferroni at 0.001; deepchecks, Feature Drift",
    )


def _more(found: list[Shift]) -> str:
    return counted(len(found) - 1, "other") + ("" if len(found) < 5 else " or more")


def _worse(run: Run, split: str) -> str:
    """A sentence's end where the split's loss ended clearly above that of train, "" otherwise."""
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        if parsed.split != split or not is_loss(parsed.metric):
            continue
        for other, trained in run.scalars.items():
            known = parse_tag(other)
            if known.split != "train" or known.metric != parsed.metric:
                continue
            theirs, ours = trend(values_of(series), 1), trend(values_of(trained), 1)
            # Of what is nearly 0 a multiple says nothing.
            if theirs and ours and ours.last > 0.02 * abs(ours.first) and theirs.last > WORSE * ours.last:
                return f"{tag} ended at {number(theirs.last)}, {other} at {number(ours.last)}."
    return ""


def _table(run: Run, split: DataSplit, found: list[Shift]) -> Table:
    train = rows_of(run, "train")
    theirs = {feature.name: feature for feature in train.features} if train is not None else {}
    ours = {feature.name: feature for feature in split.features}
    rows = []
    for shift in found[:ROWS]:
        mine, other = ours.get(shift.feature), theirs.get(shift.feature)
        rows.append((shift.feature, shift.statistic, other.mean if other else None, mine.mean if mine else None))
    return Table(
        columns=(
            Column("input"),
            Column("distance", "number", "Kolmogorov-Smirnov statistic, 0 to 1"),
            Column("mean in train", "number"),
            Column(f"mean in {split.split}", "number"),
        ),
        rows=tuple(rows),
        caption=f"The features that differ most, of {count(split.rows)} rows.",
    )


RULES = (
    Rule(
        "distribution_shift",
        "Held-out rows are distributed as those trained on",
        "statistics",
        distribution_shift,
        needs='report.data("train", train_set) and report.data("val", val_set)',
        worst="warning",
        checks="Several features, or one strongly, differ by a Kolmogorov-Smirnov statistic above 0.2 and chance; a "
        "warning if the held-out split came out badly.",
        source="two-sample Kolmogorov-Smirnov test; deepchecks, Feature Drift",
    ),
)
