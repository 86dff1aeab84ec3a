"""torch.utils.tensorboard's SummaryWriter on a run of reportgen. Needs no tensorboard."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from reportgen.readers.load import load
from reportgen.run.codec import plain_number
from reportgen.writer.bins import default_bins
from reportgen.writer.graphs import AddGraphs
from reportgen.writer.numbers import AddNumbers
from reportgen.writer.pictures import AddPictures
from reportgen.writer.writing import Writing


class SummaryWriter(AddNumbers, AddPictures, AddGraphs, Writing):
    """Takes what torch.utils.tensorboard.SummaryWriter takes and makes one report.html of it.

    log_dir: the run folder; by default `runs/<time><comment>`. A run that it holds goes on as a new attempt, which
    hides what was recorded before from its first step on; purge_step: from this step on. max_queue, flush_secs: data is
    on disk within two seconds anyway; smaller numbers than 10 and 2 are kept to. filename_suffix names no file here, as
    the page says. logdir (tensorboardX's name for log_dir), write_to_disk (False: check arguments, record nothing),
    strict (raise errors of reportgen's own, for tests).

    close(), or leaving the `with` block, builds the report. So does an exception that ends the script, which the page
    shows. Any other end of the process builds nothing, but keeps the data for `reportgen build`. Wrong arguments raise
    the type of exception that torch's writer raises, before anything is recorded; failures of reportgen's own, such as
    a full disk, are warnings and stand on the page. Threads may add at once. In a forked worker, and on another rank
    than 0, nothing is recorded. Pictures, sounds and arrays are copied by the call and made files of in a thread; the
    call does that itself while over 32 MB of copies wait.

    Where global_step is None a counter stands in, which goes up when a tag repeats; torch's writer stores 0.
    """

    @property
    def default_bins(self) -> list[float]:
        """The edges that torch's writer has under this name, for `add_histogram(bins=...)`, in a new list."""
        return default_bins()

    @contextlib.contextmanager
    def use_metadata(self, *, global_step: int | None = None, walltime: float | None = None) -> Iterator[SummaryWriter]:
        """Give all calls inside that name none this step and this time (as in tensorboardX)."""
        before = (self._default_step, self._default_time)
        self._default_step, self._default_time = self._step(global_step), self._time(walltime)
        try:
            yield self
        finally:
            self._default_step, self._default_time = before

    def export_scalars_to_json(self, path: str | os.PathLike[str]) -> None:
        """Write all scalars recorded so far to a JSON file: tag -> [[wall time, step, value] ...] (as in tensorboardX).

        Numbers that JSON lacks are "nan", "inf" and "-inf". Raises OSError where the file cannot be written, and
        RuntimeError when nothing is recorded.
        """
        self.flush()
        folder = self._report.folder
        if folder is None:
            raise RuntimeError(
                "export_scalars_to_json: this writer records nothing, so that there is nothing to export"
            )
        found = {
            tag: [
                [time, step, plain_number(value)]
                for time, step, value in zip(series.times, series.steps, series.values, strict=True)
            ]
            for tag, series in load(folder).scalars.items()
        }
        Path(path).write_text(json.dumps(found, allow_nan=False), encoding="utf-8")
