"""How well the findings name what is wrong: faulty and healthy set-ups, beside published thresholds.

Every set-up of tests/faults is trained and judged with each seed. A hit: a warning or an error (a remark, where the
problem is never more) names an expected cause, at an expected place. Precision: warnings and errors that say what is
so, of all. Quiet: healthy runs without a warning or an error that is not so, of those that became good. The rules were
made with the known part and the seeds 0 and 1; the blind part and the second one were written from the list of ids
alone, each opened only after it had been scored.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.judged import Judged, judged
from tests.faults.published import PUBLISHED
from tests.faults.scoring import by_id, false_alarms, misses, published_score, score_of
from tests.faults.setup import PARTS, setups

TUNED, FRESH = (0, 1), (100, 101)


def main() -> None:
    """Print a table of scores, then every miss and every false alarm."""
    jobs = [(setup, seed) for setup in setups(*PARTS).values() for seed in (*TUNED, *FRESH)]
    found: list[Judged] = []
    for one in judged(jobs):
        found.append(one)
        print(f"{len(found)} of {len(jobs)}", end="\r", file=sys.stderr, flush=True)
    found.sort(key=lambda one: (one.setup.name, one.seed))
    parts = {
        f"known, seeds {_listed(TUNED)}": [one for one in found if one.setup.part == "known" and one.seed in TUNED],
        f"known, fresh seeds {_listed(FRESH)}": [
            one for one in found if one.setup.part == "known" and one.seed in FRESH
        ],
    }
    for part in PARTS[1:]:
        parts[f"{part}, seeds {_listed((*TUNED, *FRESH))}"] = [one for one in found if one.setup.part == part]
    for part, chosen in parts.items():
        _say(part, chosen)
    print()
    print(
        f"{sum(one.seconds for one in found) / max(len(found), 1):.2f} s for a set-up, trained and judged, on one core"
    )
    for name, right, wrong in by_id(found):
        if wrong:
            print(f"{name}: right {right} times, wrong {wrong} times")


def _say(part: str, chosen: Sequence[Judged]) -> None:
    faulty = len({one.setup.name for one in chosen if not one.setup.healthy})
    healthy = len({one.setup.name for one in chosen if one.setup.healthy})
    print(f"\n{part}: {faulty} faulty and {healthy} healthy set-ups, {len(chosen)} runs\n")
    print("| rule set | faults found | warnings and errors that are right | healthy runs left in peace |")
    print("|---|---|---|---|")
    print(f"| **reportgen** | {score_of(chosen).row} |")
    for rule_set in PUBLISHED:
        print(f"| {rule_set} | {published_score(chosen, rule_set).row} |")
    print()
    for title, lines in (("missed", misses(chosen)), ("false", false_alarms(chosen))):
        for line in lines:
            print(f"{title}: {line}")
    for one in chosen:
        if one.poor:
            print(f"not counted, since it did not become good: {one.setup.name} (seed {one.seed}, score {one.score})")


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


if __name__ == "__main__":
    main()
