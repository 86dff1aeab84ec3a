"""How well findings name faults: recall, precision, and healthy runs left in peace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.judged import ATTENTION, Judged

# Problems that are a remark (info), always or in some cases, in the table of problems that the rules follow.
REMARKS = frozenset(
    (
        "adam_l2",
        "bias_before_bn",
        "calibration_off",
        "dead_embedding_rows",
        "frozen_parameters",
        "label_noise",
        "log_softmax_before_ce",
        "low_gradient_snr",
        "missing_nonlinearity",
        "no_seed",
        "no_validation",
        "small_dataset",
        "val_better_than_train",
        "weight_decay_on_norm_bias",
        "weight_tying",
    )
)


@dataclass(frozen=True, slots=True)
class Score:
    """hits of faulty runs, `remarks` of them by a remark alone; right of firings (warnings and errors), whose place is
    not looked at; quiet of healthy runs that became good."""

    faulty: int
    hits: int
    remarks: int
    firings: int
    right: int
    healthy: int
    quiet: int

    @property
    def row(self) -> str:
        """As cells of a table."""
        cells = [
            f"{part}/{whole} = {part / whole:.1%}" if whole else "-"
            for part, whole in ((self.hits, self.faulty), (self.right, self.firings), (self.quiet, self.healthy))
        ]
        if self.remarks:
            cells[0] += f" ({self.remarks} by a remark)"
        return " | ".join(cells)


def is_hit(judged: Judged) -> bool:
    """Whether a finding that leads a card names an expected cause at an expected place, and is no mere remark."""
    return any(
        fired.id in judged.setup.expected
        and (fired.severity in ATTENTION or fired.id in REMARKS)
        and (not judged.setup.where or any(name in fired.place for name in judged.setup.where))
        for fired in judged.fired
    )


def firings(judged: Judged) -> list[str]:
    """The ids of warnings and errors."""
    return [fired.id for fired in judged.fired if fired.severity in ATTENTION]


def is_right(judged: Judged, finding: str) -> bool:
    """Whether a firing says what is so."""
    return finding in judged.setup.expected or finding in judged.setup.also


def score_of(all_of: Iterable[Judged]) -> Score:
    """The score of our own findings."""
    found = list(all_of)
    faulty = [one for one in found if not one.setup.healthy]
    healthy = [one for one in found if one.setup.healthy and not one.poor]
    fired = [(one, finding) for one in (*faulty, *healthy) for finding in firings(one)]
    return Score(
        faulty=len(faulty),
        hits=sum(map(is_hit, faulty)),
        remarks=sum(is_hit(one) and not set(firings(one)) & set(one.setup.expected) for one in faulty),
        firings=len(fired),
        right=sum(is_right(one, finding) for one, finding in fired),
        healthy=len(healthy),
        quiet=sum(all(is_right(one, finding) for finding in firings(one)) for one in healthy),
    )


def published_score(all_of: Iterable[Judged], rule_set: str) -> Score:
    """The score of a published rule set, by ids alone: it names no place."""
    found = list(all_of)
    faulty = [one for one in found if not one.setup.healthy]
    healthy = [one for one in found if one.setup.healthy and not one.poor]
    fired = {id(one): one.published.get(rule_set, []) for one in found}
    each = [(one, finding) for one in (*faulty, *healthy) for finding in fired[id(one)]]
    return Score(
        faulty=len(faulty),
        hits=sum(any(finding in one.setup.expected for finding in fired[id(one)]) for one in faulty),
        remarks=0,
        firings=len(each),
        right=sum(is_right(one, finding) for one, finding in each),
        healthy=len(healthy),
        quiet=sum(all(finding in one.setup.also for finding in fired[id(one)]) for one in healthy),
    )


def misses(all_of: Sequence[Judged]) -> list[str]:
    """A line for each faulty run whose cause is not named: what was said instead."""
    return [
        f"{one.setup.name} (seed {one.seed}): expected {' or '.join(one.setup.expected)}"
        f"{' at ' + ' or '.join(one.setup.where) if one.setup.where else ''}; "
        f"said {', '.join(firings(one)) or 'nothing'}{'; ' + one.crashed if one.crashed else ''}"
        for one in all_of
        if not one.setup.healthy and not is_hit(one)
    ]


def false_alarms(all_of: Sequence[Judged]) -> list[str]:
    """A line for each firing that is not right."""
    return [
        f"{one.setup.name} (seed {one.seed}, {'healthy' if one.setup.healthy else '/'.join(one.setup.expected)}): "
        + ", ".join(wrong)
        for one in all_of
        if not one.poor and (wrong := [finding for finding in firings(one) if not is_right(one, finding)])
    ]


def by_id(all_of: Sequence[Judged]) -> list[tuple[str, int, int]]:
    """(id, right firings, wrong firings), most wrong first."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for one in all_of:
        if not one.poor:
            for finding in firings(one):
                (right if is_right(one, finding) else wrong)[finding] += 1
    return sorted(((name, right[name], wrong[name]) for name in right | wrong), key=lambda row: (-row[2], row[0]))
