"""What a section is to the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reportgen.blocks.page import SectionView
from reportgen.diagnose import Diagnosis
from reportgen.run.records import Run


@dataclass(frozen=True, slots=True)
class Section:
    """A builder of one section. name: what it shows, in a sentence ("predictions"); call: what to call to fill it.

    build is pure and gives None when the run has nothing for it; a section without a `call` is then left unmentioned.
    """

    id: str
    name: str
    call: str
    build: Callable[[Run, Diagnosis], SectionView | None]
