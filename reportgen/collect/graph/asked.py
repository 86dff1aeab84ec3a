"""The graph of a model that is not trained: one forward of ours, of which nothing stays behind."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as modules
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.model_state import as_it_was
from reportgen.collect.graph.observer import Observer
from reportgen.collect.graph.safety import why_hooks_only
from reportgen.collect.graph.settings import is_callable, paths_of
from reportgen.collect.graph.undo import Undo
from reportgen.collect.guard import of_a_signal
from reportgen.collect.model_record import is_compiled, unwrapped
from reportgen.run.graph import Graph

ASKED = "a forward that report.graph ran"
NO_AUTOGRAD = "report.graph runs its forward without gradients, so there is no autograd graph."
_here = threading.local()


def asked_for() -> bool:
    """Whether this thread is inside a forward of ours, which no collector looks at."""
    return getattr(_here, "now", False)


def asked_graph(
    name: str, model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[Graph, Exception | None]:
    """The graph of `model` called with these arguments, and the exception that ended its forward, if one did.

    The forward runs without gradients and with each module in the mode it is in. It gets copies of the arguments, and
    what it changes of the model and of the random numbers is put back before this returns: see `as_it_was`. Modules
    that are compiled run uncompiled. A model with lazy modules is not run, since that would give them their shape: its
    modules are listed as not called. Raises what goes wrong in the capture itself.
    """
    root = unwrapped(model)
    lazy = [path or type(m).__name__ for path, m in root.named_modules() if _is_lazy(m)]
    if lazy:
        graph = uncalled_graph(name, root, "nothing: the model has lazy modules")
        note = f"The model was not run, since that would give its lazy modules their shape ({', '.join(lazy[:5])})."
        return _completed(graph, note), None
    leaves = _leaves(root)
    capture = GraphCapture(name, paths_of(root), root, ASKED, why_hooks_only(root, asked=True))
    failures: list[Exception] = []
    undo = Undo()
    try:
        try:
            given, keywords = apart(undo, root, args, kwargs)
            hook(undo, capture, failures)
            output = called(root, capture, failures, given, keywords)
            if failures:  # of our own, not of the model's
                raise failures[0]
        finally:
            try:
                undo.run()
            finally:  # a signal may have ended that one; else this does nothing
                undo.run()
        graph = capture.finish(output, root, leaves)
    except Exception as error:
        capture.drop()
        if error in failures or of_a_signal(error):  # a time limit of the user's is no failure of the model
            raise
        graph = capture.finish_failed(root, leaves, error)
        return _completed(graph), error
    return _completed(graph), None


def uncalled_graph(name: str, root: nn.Module, captured: str) -> Graph:
    """The graph of a model whose calls are not seen: its modules without children, each "not called"."""
    return GraphCapture(name, paths_of(root), root, captured, "").finish(None, root, _leaves(root))


def _leaves(root: nn.Module) -> dict[str, nn.Module]:
    return {
        path: module
        for path, module in root.named_modules()
        if is_callable(module) and not any(True for _ in module.children())
    }


def _completed(graph: Graph, *notes: str) -> Graph:
    return replace(graph, autograd_note=NO_AUTOGRAD, notes=(*notes, *graph.notes))


def called(
    root: nn.Module,
    capture: GraphCapture,
    failures: list[Exception],
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> object:
    """What `root` gives for these arguments, each operation told to `capture` unless it is by hooks alone.

    What goes wrong in telling is appended to `failures`; what the forward raises goes on.
    """
    # A module compiled in place is called below what torch.compile put in front of it.
    call: Any = root._call_impl if getattr(root, "_compiled_call_impl", None) is not None else root
    if capture.hooks_only:
        return call(*args, **kwargs)
    observer = Observer(capture, failures.append)
    try:
        observer.start(None)
        return call(*args, **kwargs)
    finally:
        try:
            observer.stop()
        finally:  # a signal may have ended that one; else this does nothing
            observer.stop()


def apart(
    undo: Undo, root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Give what to call `root` with, and have `undo` leave the model as it was.

    Until then there are no gradients, no compiling, and no cast weights left in autocast's cache.
    """
    cached, grad = torch.is_autocast_cache_enabled(), torch.is_grad_enabled()
    undo.add(lambda: torch.set_autocast_cache_enabled(cached))
    undo.add(_no_longer)
    _here.now = True
    trains = torch._C._InferenceMode(False)
    undo.add(lambda: trains.__exit__(None, None, None))
    trains.__enter__()  # type: ignore[no-untyped-call]
    undo.add(lambda: torch._C._set_grad_enabled(grad))
    torch._C._set_grad_enabled(False)
    given = as_it_was(undo, root, args, kwargs)
    torch.set_autocast_cache_enabled(False)
    if is_compiled(root) or "torch._dynamo" in sys.modules:
        frames: Any = sys.modules.get("torch._dynamo.eval_frame")
        stance = getattr(frames, "_stance", None)
        if stance is not None:  # first, since a signal may be raised as soon as it is another
            undo.add(lambda: setattr(frames, "_stance", stance))
        _until(undo, torch.compiler.set_stance("force_eager"))
    if is_compiled(root):  # a compiled part warns of hooks at its call
        _until(undo, warnings.catch_warnings())
        warnings.simplefilter("ignore")
    return given


def _until(undo: Undo, context: AbstractContextManager[object]) -> None:
    context.__enter__()
    undo.add(lambda: context.__exit__(None, None, None))


def _no_longer() -> None:
    _here.now = False


def hook(undo: Undo, capture: GraphCapture, failures: list[Exception]) -> None:
    """torch's global hooks until `undo`, for the calls of this thread."""
    thread = threading.get_ident()

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        if not torch.compiler.is_compiling() and threading.get_ident() == thread and not failures:
            try:
                capture.enter(module, args, sys._getframe(1).f_locals.get("kwargs") or {})
            except Exception as error:  # raised again once the forward is over
                if of_a_signal(error):
                    raise
                failures.append(error)

    def after(module: nn.Module, args: tuple[Any, ...], *rest: Any) -> None:
        if not torch.compiler.is_compiling() and threading.get_ident() == thread and not failures:
            try:
                if len(rest) == 2:
                    capture.leave(module, args, rest[0], rest[1])
                else:
                    kwargs = sys._getframe(1).f_locals.get("kwargs") or {}
                    capture.failed(module, args, kwargs, sys.exc_info()[1])
            except Exception as error:  # as above
                if of_a_signal(error):
                    raise
                failures.append(error)

    def remove() -> None:
        # By the hooks themselves: a signal may have kept torch from giving their handles back.
        for table, own in ((modules._global_forward_pre_hooks, before), (modules._global_forward_hooks, after)):
            for key in [key for key, found in table.items() if found is own]:
                modules._global_forward_hooks_with_kwargs.pop(key, None)  # torch's handles leave this behind
                modules._global_forward_hooks_always_called.pop(key, None)
                del table[key]

    undo.add(remove)
    register_module_forward_pre_hook(before)
    register_module_forward_hook(after, with_kwargs=True, always_call=True)


def _is_lazy(module: nn.Module) -> bool:
    has = getattr(module, "has_uninitialized_params", None)
    return callable(has) and bool(has())
