"""A writer on a fresh folder, and what it recorded, without building a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reportgen import Run, SummaryWriter, load


class Written:
    """A writer and its folder. `run()` reads back what was recorded so far."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder = folder
        self.writer = SummaryWriter(folder, **options)  # type: ignore[arg-type]

    def run(self) -> Run:
        self.writer.flush()
        return load(self.folder)

    def end(self) -> None:
        """End the recording without a page, which takes seconds."""
        end(self.writer)


def end(writer: SummaryWriter) -> None:
    """Close without a page."""
    writer.file_writer = None
    writer._recording.open.discard(writer)
    writer._report.close()


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """Strict: what would be a warning raises."""
    made = Written(tmp_path / "run", strict=True)
    yield made
    made.end()


@pytest.fixture
def lenient(tmp_path: Path) -> Iterator[Written]:
    """As users have it: what reportgen cannot use is a warning."""
    made = Written(tmp_path / "lenient")
    yield made
    made.end()
