"""The order in which rows are trained on.

Source: Bottou, Stochastic Gradient Descent Tricks (2012): shuffle; exact by the sampler and the labels of batches.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, number
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import rows_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.evidence import LoaderUse
from reportgen.run.records import Run

# Labels beyond the first in a batch, as share of what batches drawn at random would have.
FEW = 0.3
# With fewer of them expected in all batches of a pass together, so few may come about by chance (Poisson: 3e-4).
EXPECTED = 20
SOURCE = "Bottou, Stochastic Gradient Descent Tricks: shuffle the examples"
UNKNOWN = Unchecked("The order of the training batches is not known: call report.track(loader) around the loader.")
ONE_BATCH = Unchecked("A single batch of the training data was seen.")


def not_shuffled(run: Run) -> Judgement:
    """Batches hold far fewer labels than drawn ones would, or come in the same order in each pass."""
    uses = [use for use in run.evidence.loaders if use.split == "train" and use.batches]
    if not uses:
        return UNKNOWN
    if all(_batches(use) <= 1 for use in uses):
        # Of a pass that did not come to its end it is not known how many there are.
        return NotApplicable("Each pass is a single batch.") if any(use.passes > 1 for use in uses) else ONE_BATCH
    if not any(map(_told_order, uses)):
        return UNKNOWN
    return [finding for use in uses if (finding := _of(run, use)) is not None]


def _of(run: Run, use: LoaderUse) -> Finding | None:
    if use.shuffled or _batches(use) <= 1:
        return None
    # A sampler of the user's own that deals out classes together may well do so on purpose.
    chosen = use.shuffled is None and bool(use.sampler)
    if use.labels_in_batch is not None and use.labels_expected is not None:
        if use.ordered:
            return _by_label(use, "info" if chosen else "warning")
        if _few(use) and use.shuffled is False:
            came = outcome(run)
            return _by_label(use, "warning" if came.bad else "info", came.why if came.bad else "")
    elif use.ordered and not chosen and not _in_time(run):
        return _by_number(run, use)
    return _same(run, use) if use.same_order else None


def _told_order(use: LoaderUse) -> bool:
    """Whether anything tells in which order its rows come."""
    return bool(use.shuffled or use.ordered) or use.labels_in_batch is not None or use.same_order is not None


def _batches(use: LoaderUse) -> float:
    """How many batches a pass has, about."""
    return use.batches / max(use.passes, 1)


def _few(use: LoaderUse) -> bool:
    if use.labels_in_batch is None or use.labels_expected is None:
        return False
    expected = use.labels_expected - 1
    return use.labels_in_batch - 1 < FEW * expected and expected * _batches(use) >= EXPECTED


def _in_time(run: Run) -> bool:
    """Whether rows may stand in the order of time: each is a stretch of a series, or they are windows of one."""
    split = rows_of(run, "train")
    return split is not None and split.inputs in ("sequence", "tokens", "other", "")


def _by_label(use: LoaderUse, severity: str, came: str = "") -> Finding:
    seen, expected = use.labels_in_batch or 0.0, use.labels_expected or 0.0
    return Finding(
        id="not_shuffled",
        tier="fact" if use.ordered else "statistics",
        severity=severity,
        title=f"Training rows come {'sorted' if use.ordered else 'in blocks'} by label: {number(seen)} different "
        f"labels in a batch, where a random one has {number(expected)}",
        why="Each step then learns the labels of its batch and unlearns the others, and what came last is known best "
        f"at the end of a pass.{_told(use)}{' ' + came if came else ''}",
        fix="Let the loader draw the rows anew in each pass."
        if severity == "warning" or not use.sampler or use.shuffled is False
        else "If the sampler is not meant to deal out one class after another, let it draw the rows at random.",
        code=_code(use),
        where=Where(tag="train loader"),
        value=f"{number(seen)} labels a batch",
        limit=f"about {number(expected)}",
        evidence=_table(use),
        source=SOURCE,
    )


def _by_number(run: Run, use: LoaderUse) -> Finding:
    bad = outcome(run)
    return Finding(
        id="not_shuffled",
        tier="statistics",
        severity="warning" if bad.bad else "info",
        title="Training rows come sorted by their target",
        why="Neighbouring batches ask for nearly the same number, so each step pulls all outputs towards it, and what "
        f"came last is known best.{_told(use)}{' ' + bad.why if bad.bad else ''}",
        fix="Let the loader draw the rows anew in each pass. Rows in the order of time: each may still be a window of "
        "past values, and the windows be shuffled.",
        code=_code(use),
        where=Where(tag="train loader"),
        value="targets only rise or fall",
        limit="in no order",
        evidence=_table(use),
        source=SOURCE,
    )


def _same(run: Run, use: LoaderUse) -> Finding:
    mixed = use.labels_in_batch is not None and not _few(use)
    return Finding(
        id="not_shuffled",
        tier="style",
        severity="info",
        title="Training rows come in the same order in each pass",
        why=("Labels are well mixed, so this costs little: " if mixed else "")
        + "The same rows meet in a batch each time, which is one way less to average out their noise."
        + (
            " Where rows depend on those before, as with a state that is carried on, it is meant so."
            if _in_time(run)
            else ""
        ),
        fix="Let the loader draw the rows anew in each pass, unless their order matters.",
        code=_code(use),
        where=Where(tag="train loader"),
        value="the same order",
        limit="another one each pass",
        evidence=_table(use),
        source=SOURCE,
    )


def _told(use: LoaderUse) -> str:
    return f" The sampler is a {use.sampler}." if use.sampler else ""


def _code(use: LoaderUse) -> str:
    if use.type not in ("DataLoader", ""):
        return "+ order = torch.randperm(len(x_train))  # in each pass"
    size = f", batch_size={use.batch_size}" if use.batch_size else ""
    return f"- DataLoader(train_set{size})\n+ DataLoader(train_set{size}, shuffle=True)"


def _table(use: LoaderUse) -> Table:
    rows: list[tuple[str, str]] = [
        ("sampler", use.sampler or "none"),
        ("passes", count(use.passes)),
        ("batches", counted(use.batches, "batch", "batches")),
    ]
    if use.labels_in_batch is not None and use.labels_expected is not None:
        rows.append(("labels in a batch", number(use.labels_in_batch)))
        rows.append(("labels in a random batch", number(use.labels_expected)))
    if use.same_order is not None:
        rows.append(("same order in the second pass", "yes" if use.same_order else "no"))
    return Table(
        columns=(Column("of the training loader"), Column("seen")),
        rows=tuple(rows),
        caption="How rows were given.",
    )


RULES = (
    Rule(
        "not_shuffled",
        "Training rows come in a random order",
        "fact",
        not_shuffled,
        needs="report.track(loader)",
        worst="warning",
        checks="Labels come in one stretch each; or batches of a loader that does not shuffle hold less than 0.3 of "
        "the further labels that random ones have (a warning where little was learned).",
        source=SOURCE,
    ),
)
