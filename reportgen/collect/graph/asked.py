"""The graph of a model that is not trained: one forward of ours, of which nothing stays behind."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
    try:
        with set_apart(root, args, kwargs) as (given, keywords), hooked(capture, failures):
            output = called(root, capture, failures, given, keywords)
            if failures:  # of our own, not of the model's
                raise failures[0]
        graph = capture.finish(output, root, leaves)
    except Exception as error:
        capture.drop()
        if error in failures:
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
        observer.stop()


@contextmanager
def set_apart(
    root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
) -> Iterator[tuple[Sequence[Any], Mapping[str, Any]]]:
    """Give what to call `root` with, and leave the model as it was afterwards.

    Inside there are no gradients, no compiling, and no cast weights left in autocast's cache.
    """
    cached = torch.is_autocast_cache_enabled()
    try:
        _here.now = True
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.no_grad())
            given = stack.enter_context(as_it_was(root, args, kwargs))
            torch.set_autocast_cache_enabled(False)
            if is_compiled(root) or "torch._dynamo" in sys.modules:
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            if is_compiled(root):  # a compiled part warns of hooks at its call
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            yield given
    finally:
        _here.now = False
        torch.set_autocast_cache_enabled(cached)


@contextmanager
def hooked(capture: GraphCapture, failures: list[Exception]) -> Iterator[None]:
    """torch's global hooks for the time of one forward, in this thread."""
    thread = threading.get_ident()

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        if not torch.compiler.is_compiling() and threading.get_ident() == thread and not failures:
            try:
                capture.enter(module, args, sys._getframe(1).f_locals.get("kwargs") or {})
            except Exception as error:  # noqa: BLE001 - raised again once the forward is over
                failures.append(error)

    def after(module: nn.Module, args: tuple[Any, ...], *rest: Any) -> None:
        if not torch.compiler.is_compiling() and threading.get_ident() == thread and not failures:
            try:
                if len(rest) == 2:
                    capture.leave(module, args, rest[0], rest[1])
                else:
                    kwargs = sys._getframe(1).f_locals.get("kwargs") or {}
                    capture.failed(module, args, kwargs, sys.exc_info()[1])
            except Exception as error:  # noqa: BLE001 - as above
                failures.append(error)

    handles = [
        register_module_forward_pre_hook(before),
        register_module_forward_hook(after, with_kwargs=True, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        modules._global_forward_hooks_with_kwargs.pop(handles[1].id, None)  # torch leaves this behind


def _is_lazy(module: nn.Module) -> bool:
    has = getattr(module, "has_uninitialized_params", None)
    return callable(has) and bool(has())
