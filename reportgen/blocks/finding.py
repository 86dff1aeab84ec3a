"""A finding: what is wrong, where, why, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportgen.blocks.page import Block


@dataclass(frozen=True, slots=True)
class Where:
    """The place a finding is about; any part may be empty. step is the first step at which it held."""

    model: str = ""
    module: str = ""
    parameter: str = ""
    tag: str = ""
    step: int | None = None

    @property
    def name(self) -> str:
        """The most exact name of the place."""
        return self.parameter or self.module or self.tag or self.model


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    id: stable slug ("nan_loss"). tier: "fact", "statistics" or "style". severity: "error", "warning" or "info"; only
    facts may be errors. title: one sentence. value against limit: the measured number and the threshold, as text.
    since: the optimizer step at which it began (the step itself where optimizer steps are unknown), for telling causes
    from symptoms. share: of how much of the place it is (dead units: 0 to 1), None where that says nothing.
    why: what it means. fix: what to do; code: the line to change.
    also: titles of symptoms folded under this cause.
    source: where the rule or its threshold comes from. silence: the code that silences it, None where none can.
    """

    id: str
    tier: str
    severity: str
    title: str
    why: str
    fix: str
    where: Where = Where()
    value: str = ""
    limit: str = ""
    code: str = ""
    evidence: Block | None = None
    also: tuple[str, ...] = ()
    source: str = ""
    since: int = 0
    silence: str | None = None
    share: float | None = None
