"""Judge set-ups while rules are made: misses and false alarms.

    python -m tests.faults.tune [--seeds 0,1] [--part known] [names or parts of names ...]

Never run it with a part that is sealed (CONTRIBUTING.md): no rule may follow from that. `make bench` scores all.
"""

from __future__ import annotations

import argparse

from tests.faults.judged import judged
from tests.faults.scoring import by_id, false_alarms, is_hit, misses, score_of
from tests.faults.setup import PARTS, setups


def main() -> None:
    """Print what was found of each set-up, then the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--part", default="known", choices=PARTS)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    known = [
        setup
        for setup in setups(chosen.part).values()
        if not chosen.names or any(name in setup.name for name in chosen.names)
    ]
    found = []
    for one in judged([(setup, seed) for setup in known for seed in seeds]):
        found.append(one)
        says = ", ".join(
            f"{each.id}{'' if each.severity != 'info' else '(info)'}{'@' + each.place if each.place else ''}"
            for each in one.fired
        )
        verdict = "poor" if one.poor else "" if one.setup.healthy else "hit" if is_hit(one) else "MISS"
        expected = "/".join(one.setup.expected) or "healthy"
        print(
            f"{verdict:4} {one.setup.name:40} {one.seed:4} {one.seconds:4.1f}s {expected}: {says} {one.crashed}",
            flush=True,
        )
    found.sort(key=lambda one: (one.setup.name, one.seed))
    print("\nmisses:", *misses(found), sep="\n  ")
    print("false alarms:", *false_alarms(found), sep="\n  ")
    print("by id (right, wrong):", *(f"{name} {right} {wrong}" for name, right, wrong in by_id(found)), sep="\n  ")
    print(score_of(found).row)


if __name__ == "__main__":
    main()
