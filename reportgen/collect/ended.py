"""How an exception ended a run: where in the model, with what, and what it came of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportgen.collect.failure import chain, failure_of
from reportgen.collect.graph.calls import call_of, unwatched_fault

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder
    from reportgen.collect.watch import Watcher
    from reportgen.run.graph import Fault
    from reportgen.run.records import Failure


def failed(error: BaseException, recorder: Recorder, watcher: Watcher) -> Failure:
    """The record of `error`, with the module, of a watched model if there is one, in whose call it was raised.

    If `error` went through no module, those that it came of are asked. What cannot be told is left out.
    """
    module, fault, call = "", None, None
    for one in chain(error):
        with recorder.guard("failure"):
            module, fault = _place(one, watcher)
        with recorder.guard("failure"):
            call = call_of(one)
        if module or fault or call:
            break
    return failure_of(error, recorder.stamp(), module, fault, call)


def _place(error: BaseException, watcher: Watcher) -> tuple[str, Fault | None]:
    module, fault = watcher.current_module(error), watcher.fault(error)
    if fault is None and not module:
        fault = unwatched_fault(error)
        module = fault.module if fault is not None else ""
    return module, fault
