"""A traceback on a page: the user's own frames, and all of them in a fold below."""

from __future__ import annotations

from reportgen.blocks.page import Block
from reportgen.blocks.text import Code, Fold

ALL = "All of it (most recent call last):"


def raised(evidence: Block | None) -> Block | None:
    """The evidence of a finding; of a traceback that begins with the user's own frames the rest becomes a fold."""
    if not isinstance(evidence, Code):
        return evidence
    own, found, rest = evidence.text.partition(f"\n\n{ALL}\n")
    if not found:
        return evidence
    begun = Code(own, marked=tuple(line for line in evidence.marked if line <= own.count("\n")))
    return Fold(evidence.title, (begun, Fold(ALL.rstrip(":"), (Code(rest),))), open=True)
