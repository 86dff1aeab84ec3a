"""What scripts ask of `writer.file_writer`: whether it is open, where it writes, and to write now."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class FileWriter:
    """Stands for the open journal of a SummaryWriter; None takes its place once that is closed."""

    def __init__(self, log_dir: str | os.PathLike[str], flush: Callable[[], None], close: Callable[[], None]) -> None:
        self._log_dir = log_dir
        self.flush = flush
        self.close = close

    def get_logdir(self) -> str:
        """The run folder, as it was given."""
        return str(self._log_dir)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"file_writer.{name}: reportgen writes a journal, no event files; accepted: get_logdir, flush, close, or "
            "an add_* method of the writer itself"
        )

    def __repr__(self) -> str:
        return f"<reportgen journal in {str(Path(self._log_dir))!r}>"
