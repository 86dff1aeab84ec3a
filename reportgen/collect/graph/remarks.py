"""What must be known to read a graph right, as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from reportgen.collect.origins import MOST_STEPS

# Modules named in the sentence on numbers that were read.
NAMED = 5


def remarks(
    hooks_only: str, reads: Mapping[str, str], strangers: int, missed: int, dropped: int, kept: int
) -> tuple[str, ...]:
    """hooks_only: why there are no operations, "" when there are. reads: module -> how it read a number of a tensor.

    strangers: called modules with parameters that the model does not hold, not even when its forward is over. missed:
    tensors of unknown origin. dropped: calls beyond the first `kept`.
    """
    found: list[str] = []
    if hooks_only:
        found.append(
            f"Operations between modules are missing, since {hooks_only}. Where autograd knows them they are named on "
            "the edges; their FLOPs are not counted."
        )
    if reads:
        modules = list(reads)
        more = f" and {len(modules) - NAMED:,} more" if len(modules) > NAMED else ""
        shown = ", ".join(f"{path} ({reads[path]})" for path in modules[:NAMED])
        found.append(
            f"Numbers were read out of tensors in {shown}{more}: what is called may depend on the data, and the branch "
            "taken in this forward is shown."
        )
    if strangers:
        one = strangers == 1
        held = "A module is" if one else f"{strangers:,} modules are"
        found.append(
            f"{held} called but not registered in the model (kept in a plain list?) and named by class; "
            f"model.parameters() does not hold {'its' if one else 'their'} parameters, so an optimizer made from "
            "model.parameters() does not train them."
        )
    if missed:
        why = "no operation that torch shows made them"
        if hooks_only:
            why = f"they carry no gradient, or more than {MOST_STEPS} operations lie before them"
        found.append(f"{missed:,} tensors that modules took have no edge, since {why}.")
    if dropped:
        found.append(f"{dropped:,} further calls are left out (the first {kept:,} are kept).")
    return tuple(found)
