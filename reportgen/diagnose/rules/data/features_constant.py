"""Inputs that hold nothing: features, tokens or whole rows that are the same everywhere.

Sources: SageMaker Debugger (AllZero, NLPSequenceRatio); exact over the rows read.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed, number, percent
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import NO_TRAIN, columns, place, rows_of, width
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.evidence import DataSplit
from reportgen.run.records import Run

CONSTANT, PADDING = 0.5, 0.95
LEAST_ROWS = 32
ROWS = 8


def input_constant(run: Run) -> list[Finding] | Unchecked:
    """Features have one value in all rows, or nearly all tokens are the same one."""
    split = rows_of(run, "train")
    if split is None:
        return NO_TRAIN
    if split.rows < LEAST_ROWS:
        return Unchecked(f"{counted(split.rows, 'row')} of the training data were seen; {LEAST_ROWS} are needed.")
    whole = split.whole
    if whole is not None and whole.maximum == whole.minimum and width(split) > 1 and not whole.missing:
        return [_nothing(run, split, whole.minimum)]
    if split.inputs == "tokens" and split.padding > PADDING:
        return [_one_token(run, split)]
    total = columns(split)
    if not split.constant_total or not total:
        return []
    return [_constant(run, split, split.constant_total / total, total)]


def _told_apart(split: DataSplit) -> bool:
    """Whether targets vary, so that something was to be told from these inputs."""
    if split.class_counts:
        return sum(1 for amount in split.class_counts.values() if amount) > 1
    return split.target is not None and split.target.deviation > 0


def _nothing(run: Run, split: DataSplit, value: float) -> Finding:
    wanted = _told_apart(split)
    bad = outcome(run)
    return Finding(
        id="input_constant",
        tier="fact",
        severity="error" if wanted and bad.learned is not True else "warning" if bad.bad else "info",
        title=f"Every number of all {count(split.rows)} training rows looked at is {number(value)}",
        why="All rows are alike, so nothing can be told from them"
        + (", although their targets differ. The model can only learn how frequent each target is." if wanted else "."),
        fix="Print a row before and after each step that prepares it: an integer division, a cast before scaling, or "
        "a path that was not found are usual causes.",
        code="- x = x // 255\n+ x = x / 255" if value == 0 else "",
        where=Where(tag=place(split)),
        value="1 different value",
        limit="more than 1",
        source="exact: least and greatest number of the rows read",
    )


def _one_token(run: Run, split: DataSplit) -> Finding:
    bad = outcome(run)
    return Finding(
        id="input_constant",
        tier="statistics",
        severity="warning" if bad.bad else "info",
        title=f"{percent(split.padding)} of all tokens are the same one",
        why="Most often it is the token of unknown words, where vocabulary and texts do not belong together, or "
        "padding to a length that hardly a text has. Rows then differ in few places."
        + (f" {bad.why}" if bad.bad else ""),
        fix="Print some rows and what their tokens stand for. Unknown words: build the vocabulary with the tokenizer "
        "that the texts go through. Padding: pad each batch to its longest row.",
        code="+ print([vocabulary_words[token] for token in x_train[0].tolist()])",
        where=Where(tag=place(split)),
        value=percent(split.padding),
        limit=percent(PADDING),
        source="SageMaker Debugger, NLPSequenceRatio (there 50 %, which padding reaches)",
    )


def _constant(run: Run, split: DataSplit, share: float, total: int) -> Finding:
    bad = outcome(run)
    many = share > CONSTANT
    which = "channel" if split.inputs == "image" else "feature"
    names = [*split.constant]
    return Finding(
        id="input_constant",
        tier="statistics",
        severity="warning" if many and bad.bad else "info",
        title=f"{count(split.constant_total)} of {counted(total, f'input {which}')} "
        f"{'is' if split.constant_total == 1 else 'are'} the same in all {count(split.rows)} rows",
        why=f"Nothing can be learned from a {which} that does not vary. "
        + (
            f"More than half of them suggest that the data is not read as meant. {bad.why if bad.bad else ''}"
            if many
            else "A few are normal, such as pixels at the border of an image."
        ).rstrip(),
        fix="Look at where these come from: a column that was not filled, or a category that no row has."
        + ("" if many else " Dropping them makes the first layer smaller and changes nothing else."),
        where=Where(tag=place(split)),
        value=percent(share),
        limit=percent(CONSTANT),
        evidence=Table(
            columns=(Column(which),),
            rows=tuple((name,) for name in names[:ROWS]),
            total=split.constant_total,
            caption=f"Constant: {listed(names)}.",
        ),
        source="exact: deviation 0 over the rows read",
    )


RULES = (
    Rule(
        "input_constant",
        "Inputs vary from row to row",
        "fact",
        input_constant,
        needs='report.data("train", train_set)',
        worst="error",
        checks="All rows are alike; more than half of the features do not vary; one token is above 95 % of all.",
        source="SageMaker Debugger; exact over the rows read",
    ),
)
