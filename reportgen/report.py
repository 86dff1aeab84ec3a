"""The facade a training script holds: it collects while the run goes on and builds the page when asked."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from reportgen import __version__
from reportgen.collect import uncaught
from reportgen.collect.by_hand import ByHand, whole_step
from reportgen.collect.data import DataSets
from reportgen.collect.ended import failed
from reportgen.collect.environment import environment
from reportgen.collect.logged_losses import LoggedLosses
from reportgen.collect.predictions import Predictions
from reportgen.collect.recorder import Recorder
from reportgen.collect.track import Track
from reportgen.collect.values import flatten
from reportgen.collect.watch import Watcher
from reportgen.diagnose.own.own_rules import given_ids, given_rules
from reportgen.errors import InvalidArgumentError, shown
from reportgen.pipeline import Result, build
from reportgen.run.folder import RunFolder, create_folder
from reportgen.run.records import Meta
from reportgen.run.redact import redact_config

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from reportgen.diagnose.rule import Rule

Batch = TypeVar("Batch")

FINISHED = "finished"
FAILED = "failed"
STOPPED = "stopped by the user"
ABANDONED = "ended without build()"
RUNNING = "running"


class Report(ByHand):
    """Records one training run and builds its report.

    title: what the page is headed; folder: where the run is recorded (default `runs/<title>-<time>`). config: settings
    to show, nested as you like; keys that look secret are hidden. direction: metric name -> "lower" or "higher" where
    the built-in table does not know what is better. resume: go on in a folder that already holds a run. strict: raise
    our own errors instead of turning them into one warning and a note on the page (for tests). rules: your own, asked
    beside ours (docs/own-rules.md). silence: ids of rules or findings not to be told of but in one folded line.

    Nothing here changes the training or raises into it. As a context manager it builds on exit; an exception raised
    inside is recorded, shown on the page and goes on to the caller. So is one that ends the script, or the thread that
    trains, without a `with`: the report is then built after Python has printed it.
    """

    _rules: tuple[object, ...]

    def __init__(
        self,
        title: str = "run",
        folder: str | os.PathLike[str] | None = None,
        config: Mapping[str, Any] | object | None = None,
        direction: Mapping[str, Literal["lower", "higher"]] | None = None,
        *,
        resume: bool = False,
        strict: bool = False,
        rules: Sequence[Rule] = (),
        silence: Sequence[str] = (),
    ) -> None:
        self._assemble(_open_recorder(_text(title, "run"), folder, resume, strict), RUNNING)
        # Apart from each other, so that a setting that cannot be used costs only itself.
        with self._recorder.guard("report"):
            self._recorder.update_meta(environment=environment())
        with self._recorder.guard("report"):
            self._recorder.update_meta(config=redact_config(config))
        with self._recorder.guard("report"):
            self._recorder.update_meta(direction=_directions(direction))
        with self._recorder.guard("report"):
            self._rules = given_rules(rules)
        with self._recorder.guard("report"):
            self._recorder.update_meta(silenced=given_ids(silence))
        self._attend()

    def _assemble(self, recorder: Recorder, status: str) -> None:
        super().__init__(recorder)
        self._watcher = Watcher(recorder)
        self._predictions = Predictions(recorder)
        self._status = status
        self._ended = False
        self._within = False
        self._tracks = 0
        self._losses = LoggedLosses(recorder, self._watcher)
        self._threads: set[int] = set()
        self._rules = ()

    # -- recording ------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The run folder; None when nothing is recorded (it could not be made, or this is not rank 0)."""
        return self._recorder.path

    def watch(
        self,
        model: nn.Module,
        optimizer: Optimizer | Iterable[Optimizer] | None = None,
        criterion: object = None,
        *,
        name: str | None = None,
        scaler: object = None,
        scheduler: object = None,
    ) -> None:
        """Observe a model while it trains: its graph, distributions of weights, gradients and activations, updates.

        Once a model; `optimizer` may be several. The first optimizer watched gives the step. `name` tells several
        models apart. Observing stops at `close()`. It adds no hook to the model itself.
        """
        with self._recorder.guard("watch"):
            self._watcher.watch(model, optimizer, criterion, name=name, scaler=scaler, scheduler=scheduler)
            self._losses.watching = True

    def track(self, loader: Iterable[Batch], split: str = "train", *, progress: bool = True) -> Track[Batch]:
        """Iterate over `loader` unchanged while its waiting time and its passes are recorded.

        A pass over the "train" split that runs to its end counts as an epoch. On a terminal a progress bar is shown
        unless `progress` is False.
        """
        return Track(loader, _text(split, "train"), self._recorder, self._tracking, sys.stderr if progress else None)

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Record numbers by tag: `{"train/loss": loss, "val/acc": acc}`.

        Values: Python and numpy numbers, tensors of one element on any device (not synchronised with), torchmetrics
        objects, and mappings of these (keys joined by "/"). `step` defaults to the optimizer steps done.
        """
        recorder = self._recorder
        with recorder.guard("log"):
            self._threads.add(threading.get_ident())
            if self._ended:
                self._run_again()
            watching = self._losses.watching
            if watching and self._watcher.observing:
                self._watcher.settle()
            numbers, given = flatten(values, "values", recorder.reject), whole_step(step)
            if watching:
                numbers = self._losses.seen(numbers)
            recorder.log(numbers, given)

    def predictions(
        self,
        inputs: Any,
        outputs: Any,
        targets: Any,
        classes: Iterable[str] | Mapping[int, str] | None = None,
        task: str = "auto",
        split: str = "val",
        step: int | None = None,
        *,
        outputs_are: str | None = None,
    ) -> None:
        """Record what the model said (`outputs`, first dimension N) of `inputs` against `targets`.

        Batches of one split and step add up; metrics cover every sample, a few are kept to look at. inputs may be None,
        images (N,C,H,W) or anything of length N. task: "auto", "classification", "binary", "multilabel", "regression",
        "segmentation" or "detection". outputs_are: "logits", "probabilities" or "log-probabilities" when it should not
        be told from the numbers.
        """
        with self._recorder.guard("predictions"):
            self._losses.predicted(str(split))
            self._predictions.add(
                inputs, outputs, targets, classes, task, str(split), whole_step(step), outputs_are=outputs_are
            )

    def data(self, split: str, dataset: Any) -> None:
        """Look at the rows of a split: duplicates, labels, ranges, what it shares with other splits.

        dataset: a map-style Dataset (rows are (input, target), a dict or an input alone), or a tuple (inputs, targets)
        of tensors, arrays or lists, or a tensor or array of rows. At most 20,000 rows are read, for about two seconds;
        evenly spread ones of more. Call it once a split, before training. Augmentation that a Dataset does draws no
        number from your streams; a row that raises is left out, and noted.
        """
        with self._recorder.guard("data"):
            DataSets.of(self._recorder).look(_text(split, "train"), dataset)

    def snapshot(self, step: int | None = None) -> None:
        """Record the distributions of weights and gradients of all watched models now."""
        with self._recorder.guard("snapshot"):
            self._watcher.snapshot(whole_step(step))

    def graph(self, model: nn.Module, /, *args: Any, **kwargs: Any) -> None:
        """Record the computation graph of `model` by one forward with `args` and `kwargs`: all of them are its own.

        For any torch.nn.Module, watched or not. The forward runs without gradients, with copies of the tensors in the
        arguments. Afterwards the model's flags, weights, gradients, buffers, attributes and random number generators
        are as before, and so are the streams of random numbers and the lists, dicts and sets that modules hold; other
        objects that the forward changes inside are not put back. A model with lazy modules is not run; its modules
        are listed. The graph never replaces that of a whole training forward of a watched model.

        If the forward raises, the graph shows how far it came, and a warning says why; so it is for a `model` that is
        no module (InvalidArgumentError). With strict=True the error is raised.
        """
        with self._recorder.guard("graph"):
            self._watcher.graph(model, args, kwargs)

    def histogram(self, tag: str, values: Any, step: int | None = None) -> None:
        """Record the distribution of `values` (a tensor, array or sequence of numbers, any shape) under `tag`."""
        with self._recorder.guard("histogram"):
            self._watcher.histogram(str(tag), values, whole_step(step))

    # -- building and ending --------------------------------------------------------------------------------------

    def build(
        self,
        path: str | os.PathLike[str] | None = None,
        embed: Literal["thin", "full"] = "thin",
        final: bool = True,
    ) -> Result | None:
        """Write the report (default: `report.html` in the run folder) and say where it is.

        May be called at any time and any number of times. `final=False` leaves the run marked as running. embed="full"
        puts every point of every series into the page's data, without a promise of size. Returns None where nothing is
        recorded (a rank other than 0, a DataLoader worker) or when building failed, which is then a warning.
        """
        if not self._recorder.owner or self.folder is None:
            return None
        with self._recorder.guard("build"):
            if final and not self._within and not self._tracks:
                # What failed and did not go on stays failed: the thread that trained may have died, not this one.
                self._end(self._status if self._ended and self._status in (FAILED, STOPPED) else FINISHED)
            else:
                self._watcher.late_graphs()
                self._flush()
            return self._build(self.folder, path, embed)
        return None

    def close(self) -> None:
        """Stop observing and write what is pending. Without a `build()` before it the run "ended without build()"."""
        with self._recorder.guard("close"):
            self._watcher.close()
            self._end(ABANDONED if self._status == RUNNING else self._status)
            self._recorder.close()
        atexit.unregister(self._process_ends)
        uncaught.forget(self._uncaught)

    def __enter__(self) -> Report:
        self._within = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self._within = False
        self._tracks = 0
        if error is None:
            self.build()
        else:
            self._record_failure(error)
            self._build_failed()
        self.close()
        return False

    def __deepcopy__(self, memo: dict[int, object]) -> Report:
        """A report is one recording: a copied trainer or model that holds it goes on with the same one."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled (a saved model that holds it, a spawned worker's data set) it becomes one that records nothing."""
        return (silent, ())

    def __repr__(self) -> str:
        return f"<reportgen.Report {str(self.folder)!r}, {self._status}>"

    # -- inside ---------------------------------------------------------------------------------------------------

    def _tracking(self, change: int) -> None:
        self._threads.add(threading.get_ident())
        self._tracks = max(0, self._tracks + change)

    def _flush(self) -> None:
        self._predictions.flush()
        self._recorder.flush()

    def _end(self, status: str) -> None:
        # What is held back goes before the end: a record after it would mean that the run went on.
        self._watcher.late_graphs()
        if status == FINISHED:
            self._watcher.final()
        self._flush()
        self._status = status
        self._ended = True
        self._recorder.end(status)

    def _reopen(self) -> None:
        """Go on after `close()`: what is recorded from now on belongs to the same attempt of the run."""
        self._attend()
        if self._ended:
            self._run_again()

    def _run_again(self) -> None:
        self._ended = False
        self._status = RUNNING
        self._recorder.update_meta(status=RUNNING, ended=None)

    def _attend(self) -> None:
        """Be told of the end of the process, and of an exception that nobody catches."""
        atexit.unregister(self._process_ends)
        atexit.register(self._process_ends)
        uncaught.listen(self._uncaught)

    def _record_failure(self, error: BaseException) -> None:
        with self._recorder.guard("failure"):
            self._watcher.settle()
            if isinstance(error, SystemExit) and error.code in (None, 0):
                self._end(FINISHED)
            elif isinstance(error, KeyboardInterrupt):
                self._end(STOPPED)
            else:
                failure = failed(error, self._recorder, self._watcher)
                self._recorder.record("failure", failure, failure.stamp)
                self._end(FAILED)

    def _build(
        self, folder: Path, path: str | os.PathLike[str] | None = None, embed: Literal["thin", "full"] = "thin"
    ) -> Result:
        """The page; what the user's own rules say goes into the folder as well."""
        recorder = self._recorder
        result = build(folder, path, embed=embed, notes=recorder.notes, rules=self._rules, record=recorder.record)
        recorder.flush()
        return result

    def _build_failed(self) -> Result | None:
        with self._recorder.guard("build"):
            if self._recorder.owner and self.folder is not None:
                return self._build(self.folder)
        return None

    def _uncaught(self, error: BaseException, thread: bool) -> Callable[[], None] | None:
        """Nobody caught `error`. A thread that dies of it ended the run if it is one that trained."""
        if self._status != RUNNING or self._ended or not self._recorder.owner:
            return None
        if thread and threading.get_ident() not in self._threads and not self._watcher.current_module(error):
            return None
        self._record_failure(error)
        return self._tell_failed

    def _tell_failed(self) -> None:
        result = self._build_failed()
        if result is not None and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # closed
                sys.stderr.write(f"reportgen: what failed is told in {result.path}\n")

    def _process_ends(self) -> None:
        if self._status == RUNNING and not self._ended and self._recorder.owner:
            error = uncaught.missed()
            if error is not None:
                self._record_failure(error)
                self._build_failed()
        self.close()


def _open_recorder(title: str, folder: str | os.PathLike[str] | None, resume: bool, strict: bool) -> Recorder:
    meta = Meta(title=title, status=RUNNING, started=time.time(), reportgen=__version__)
    try:
        place: RunFolder | None = create_folder(title, folder, resume=resume)
    except Exception as error:
        if strict:
            raise
        recorder = Recorder(None, meta, strict)
        recorder.note("failure", "folder", f"{error}; nothing is recorded")
        return recorder
    return Recorder(place, meta, strict)


def _directions(direction: Mapping[str, str] | None) -> dict[str, str]:
    for metric, better in (direction or {}).items():
        if better not in ("lower", "higher"):
            raise InvalidArgumentError(f"direction[{shown(metric)}]", better, '"lower" or "higher"')
    return {str(metric): better for metric, better in (direction or {}).items()}


def _text(value: object, otherwise: str) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a name that cannot be shown must not end a training
        return otherwise


def silent() -> Report:
    """A report that records nothing."""
    report = Report.__new__(Report)
    report._assemble(Recorder(None, Meta(title="", status=FINISHED, started=0.0), strict=False), FINISHED)
    return report
