"""What the rules of data look at: the rows of a split, as far as they were read."""

from __future__ import annotations

import math

from reportgen.diagnose.rule import NotApplicable, Unchecked
from reportgen.run.evidence import DataSplit
from reportgen.run.records import Run
from reportgen.run.tags import SPLITS

NO_TRAIN = Unchecked('The training data was not looked at: call report.data("train", train_set).')
NO_VAL = Unchecked('No held-out data was looked at: call report.data("val", val_set).')
NO_TARGETS = Unchecked('The targets of the training data are not known: call report.data("train", train_set).')
FEW_VALUES = NotApplicable("Rows have few different values, so equal ones come about by themselves.")
# Equal rows by chance are rare where a row could be any of so many times as many as there are rows. Wide, since values
# are never used evenly.
RARE = 1e5
# Of a feature that is measured rather than counted, at least so many of its values differ.
MEASURED = 0.5
# Different values are counted up to here.
MOST_DISTINCT = 1_000


def rows_of(run: Run, split: str) -> DataSplit | None:
    """What is known of the rows of a split, by the most complete source; None when none were read."""
    return next((one for one in run.evidence.splits(split) if one.rows), None)


def compared(run: Run, split: str) -> DataSplit | None:
    """The same of a source whose rows were compared with those of other splits, and among each other."""
    return next((one for one in run.evidence.splits(split) if one.rows and one.source != "inputs"), None)


def held_out(run: Run) -> list[str]:
    """The names of the splits held out of training of which rows were read, in order.

    Others ("train_eval", "unlabelled") may hold rows that are trained on, and are meant to.
    """
    names = dict.fromkeys(one.split for one in run.evidence.data if one.rows)
    return [name for name in names if SPLITS.get(name.lower()) in ("val", "test")]


def is_float(dtype: str) -> bool:
    """Whether a dtype holds measured numbers, not ids or bytes."""
    return dtype.startswith(("float", "bfloat"))


def width(split: DataSplit) -> int:
    """How many numbers one row has; 0 where that differs from row to row."""
    return math.prod(split.shape) if -1 not in split.shape else 0


def columns(split: DataSplit) -> int:
    """How many features are told apart: the channels of an image, else the numbers of a row."""
    return len(split.features) if split.inputs == "image" else width(split)


def few_values(split: DataSplit) -> bool:
    """Whether rows can hardly differ, so that equal ones come about by themselves: nothing follows from them."""
    if split.inputs == "tokens":
        return split.padding > 0.9 or 0 < width(split) <= 2
    if split.whole is not None and split.whole.maximum == split.whole.minimum:
        return True
    if split.inputs not in ("numbers", "image"):
        return False
    if split.inputs == "numbers" and split.features:
        counts = [feature.distinct for feature in split.features if feature.distinct]
        if any(each >= MEASURED * min(split.rows, MOST_DISTINCT) for each in counts):
            return False
        possible = sum(math.log(each) for each in counts)
    else:
        possible = math.log(max(split.whole.distinct if split.whole else 1, 1)) * width(split)
    return possible < math.log(RARE * max(split.rows, 1))


def place(split: DataSplit | str) -> str:
    """The name of a split's data as the place of a finding."""
    return f"{split if isinstance(split, str) else split.split} data"
