"""The two modes of torch that show a forward's operations, and what takes them off the stacks however it ends.

torch calls no forward hook on KeyboardInterrupt or SystemExit, and all that its frames hold lives on in the traceback.
What is told of every end of a frame is a profile function (sys.setprofile): it gets "return" also when an exception
unwinds. A signal that comes while torch computes is raised in the next Python code, which is the profile function
itself: Python then drops that function for good. Hence the function is given wrapped in an object that nothing else
holds, and the death of that object takes the modes away, too.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from reportgen.collect.graph.applied import AppliedFunctions
from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.charges import WORKING
from reportgen.collect.graph.draft import Draft
from reportgen.collect.graph.operations import operation_of, read_of, setting_of, writes
from reportgen.collect.graph.stacks import close_holders, pop_dispatched, pop_function, take_out
from reportgen.collect.guard import of_a_signal

_watching = threading.local()
# While a profile function is set every call costs twice as much, and most calls of a forward that is observed are ours.
# From Python 3.12 on, setting one makes all code that runs next be prepared for it, which costs more.
CAN_PAUSE = sys.version_info < (3, 12)


def sweep() -> None:
    """Take modes of observers that are off out of this thread's stacks.

    torch sets a mode aside in a generator here and there; one that a signal kept from going on puts the mode back only
    when Python collects it.
    """
    functions: list[object] = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    for mode in functions:
        if isinstance(mode, _Functions) and not mode.observer.on:
            take_out(mode, functions, pop_function, torch._C._push_on_torch_function_stack)
    dispatched = _get_current_dispatch_mode_stack()
    for one in dispatched:
        if isinstance(one, _Dispatched) and not one.observer.on:
            take_out(one, dispatched, pop_dispatched, torch._C._push_on_torch_dispatch_stack)


def held() -> list[Any]:
    """Where this thread's profile function lies while it is set aside: see `pause`."""
    try:
        found: list[Any] = _watching.held
    except AttributeError:
        found = _watching.held = []
    return found


def pause(aside: list[Any]) -> None:
    """Set the profile function aside, if it is ours and that is worth it, while something of ours is done:

        aside = held()
        try:
            pause(aside)
            ...
        finally:
            if aside:
                sys.setprofile(aside.pop())

    The way back calls no function of Python's, since a signal could be raised in it before its first line, and nothing
    but the list holds the function: its being dropped would go unnoticed.
    """
    if CAN_PAUSE and isinstance(sys.getprofile(), _Follow):
        aside.append(sys.getprofile())
        sys.setprofile(None)


class _Follow(functools.partial[None]):
    """The profile function."""


def observing() -> bool:
    """Whether a forward is being observed in this thread, by whichever report."""
    reference: weakref.ref[Observer] | None = getattr(_watching, "observer", None)
    observer = reference() if reference is not None else None
    return observer is not None and observer.on


_SET_GRAD = torch._C._set_grad_enabled
# Calls into torch's C++ that run autograd: many of its formulas take another way while a mode of dispatch is there.
_BACKWARD = "run_backward"
# Those that trace (torch.jit.trace): a mode would become a part of what they see.
_TRACING = frozenset(
    (
        "_create_function_from_trace",
        "_create_function_from_trace_with_dict",
        "_create_method_from_trace",
        "_create_method_from_trace_with_dict",
        "_create_graph_by_tracing",
    )
)


class Observer:
    """Shows `capture` the operations of the forward that begins.

    failed: called with an exception of our own; nothing more is observed then, and the forward goes on.
    """

    def __init__(
        self, capture: GraphCapture, failed: Callable[[Exception], None], gave_up: Callable[[], None] = lambda: None
    ) -> None:
        self.capture: GraphCapture | None = capture
        self._failed, self._gave_up = failed, gave_up
        self._applied: AppliedFunctions | None = AppliedFunctions(capture)
        self._frame: FrameType | None = None
        self._guard: weakref.ref[object] | None = None
        self._thread = threading.get_ident()
        self._functions: _Functions | None = None
        self._dispatched: _Dispatched | None = None
        self._lifts = 0  # what runs now for which the mode of dispatch was taken off
        self._above = -1  # how many modes lay on it; -1 if it was not there
        self._disabled = False  # whether the user had torch functions disabled when it started

    def start(self, frame: FrameType | None) -> None:
        """Enter the modes until `stop`, or until `frame`, which calls the forward, is left in any way.

        Without a frame the caller promises to call `stop` in a `finally`.
        """
        _watching.observer = weakref.ref(self)
        self._disabled = torch._C._is_torch_function_all_disabled()
        self._functions, self._dispatched = _Functions(self), _Dispatched(self)
        self._frame = frame
        if sys.getprofile() is None:
            self._arm()
        # Not by `with`: its bookkeeping of nested modes could not be undone from between the user's own.
        torch._C._push_on_torch_dispatch_stack(self._dispatched)
        torch._C._push_on_torch_function_stack(self._functions)

    def stop(self) -> None:
        """Take the modes off this thread's stacks, from wherever they are, and leave all others as they are."""
        if threading.get_ident() != self._thread or (self._functions is None and self._guard is None):
            return
        # In this order, since a signal may strike between any two lines: what is left undone is done by the next call.
        if not self._take_out():
            for mode in (self._functions, self._dispatched):
                close_holders(mode)
            self._take_out()
        # A signal that is raised in the profile function, which is called before a context of C is left, keeps it from
        # being left at all.
        if not self._disabled and torch._C._is_torch_function_all_disabled():
            torch._C.DisableTorchFunction().__exit__(None, None, None)
        self._functions = self._dispatched = None
        held().clear()
        if self._guard is not None and sys.getprofile() is self._guard():
            sys.setprofile(None)
        if sys.gettrace() is _nothing:
            sys.settrace(None)
        self._frame = self._guard = None

    def _arm(self) -> None:
        follow = _Follow(self._follow)
        self._guard = weakref.ref(follow, self._unguarded)
        sys.setprofile(follow)

    def _trace(self) -> None:
        """Be told of the end of the forward's frame by a trace function instead, of this frame and no other."""
        if sys.gettrace() is None and self._frame is not None:
            self._frame.f_trace_lines, self._frame.f_trace = False, self._traced
            sys.settrace(_nothing)

    def _traced(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "return":
            frame.f_trace = None
            self.stop()

    def _take_out(self) -> bool:
        """Take the modes off the stacks. Whether both were there: torch puts one aside while it runs."""
        self.capture = self._applied = None
        functions: list[object] = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
        dispatched = _get_current_dispatch_mode_stack()
        one = take_out(self._functions, functions, pop_function, torch._C._push_on_torch_function_stack)
        other = take_out(self._dispatched, dispatched, pop_dispatched, torch._C._push_on_torch_dispatch_stack)
        return one and other

    @property
    def on(self) -> bool:
        """Whether its modes are, or may be, on a stack."""
        return self._functions is not None

    def settle(self) -> None:
        """Stop if the forward is over, although nothing said so."""
        if self._frame is None or threading.get_ident() != self._thread:
            return
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame is not self._frame:
            frame = frame.f_back
        if frame is None:
            self.stop()

    def _follow(self, frame: FrameType, event: str, subject: Any) -> None:
        """The profile function: called for every call and return in this thread, also of C functions."""
        if event == "return":
            if frame is self._frame:
                self.stop()
                return
        elif event != "call" and subject.__name__ == _BACKWARD:
            self._lift() if event == "c_call" else self._lower()
        elif event == "c_call" and subject.__name__ in _TRACING:
            self.stop()
            self._gave_up()
            return
        applied = self._applied
        if applied is not None and (applied.following() or (event == "c_call" and subject.__name__ == "apply")):
            try:
                applied.follow(frame, event, subject)
            except Exception as error:  # noqa: BLE001 - whatever it is, the forward goes on
                self._broken(error)

    def _lift(self) -> None:
        """Autograd begins to run inside the forward."""
        self._lifts += 1
        if self._lifts == 1:
            stack = _get_current_dispatch_mode_stack()
            self._above = len(stack) - 1 - stack.index(self._dispatched) if self._dispatched in stack else -1
            take_out(self._dispatched, stack, pop_dispatched, torch._C._push_on_torch_dispatch_stack)

    def _lower(self) -> None:
        """It is done: the mode goes back to where it was."""
        self._lifts -= 1
        if not self._lifts and self._above >= 0 and self._dispatched is not None:
            above = [pop_dispatched() for _ in range(self._above)]
            torch._C._push_on_torch_dispatch_stack(self._dispatched)
            for one in reversed(above):
                torch._C._push_on_torch_dispatch_stack(one)

    def _unguarded(self, _: object) -> None:
        """The profile function was dropped: by an exception in it, or by someone who set another."""
        self._guard = None
        if self._functions is not None:
            if self._take_out():
                self.stop()
            else:  # one of them runs just now, or something of ours has put them aside: they are put back after this
                self._trace()

    def _function(
        self, capture: GraphCapture, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call `func`, which the user's code calls, and note it if it is an operation."""
        name, draft = "", None
        aside = held()
        try:
            name = operation_of(func)
            if name:
                pause(aside)
                with torch._C.DisableTorchFunction():  # a mode of the user's, or a subclass, is not to see us ask
                    draft = capture.open(name, args, kwargs, writes(func))
                    draft.detail = setting_of(name, args, kwargs)
            elif read := read_of(func):
                capture.read(read)
        except Exception as error:  # noqa: BLE001 - whatever it is, the forward goes on
            self._broken(error)
        finally:
            if aside:
                sys.setprofile(aside.pop())
        if draft is None:
            return func(*args, **kwargs)
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._seen(draft, None, raised=True)
            raise
        self._seen(draft, args[0] if name == "setitem" else result)  # __setitem__ returns None
        return result

    def _seen(self, draft: Draft, made: object, raised: bool = False) -> None:
        """An operation made this, or raised."""
        capture = self.capture
        if capture is None:  # it ended meanwhile
            return
        aside = held()
        try:
            pause(aside)
            with torch._C.DisableTorchFunction():
                capture.close(draft, _unmoved(made) if isinstance(made, _ITERATOR) else made, raised)
        except Exception as error:  # noqa: BLE001 - as above
            self._broken(error)
        finally:
            if aside:
                sys.setprofile(aside.pop())

    def _charge(self, function: object, args: Sequence[object], kwargs: Mapping[str, object], made: object) -> None:
        capture = self.capture
        if capture is None:
            return
        aside = held()
        try:
            pause(aside)
            with torch._C.DisableTorchFunction():
                capture.charge(function, args, kwargs, made)
        except Exception as error:  # noqa: BLE001 - as above
            self._broken(error)
        finally:
            if aside:
                sys.setprofile(aside.pop())

    def _broken(self, error: Exception) -> None:
        # The modes stay until the end of the forward: torch has put aside the one that runs now.
        self.capture = self._applied = None
        if of_a_signal(error):
            raise error
        self._failed(error)


class _Functions(TorchFunctionMode):
    """Sees what the user's code calls: torch takes it off the stack while it runs, so nothing below is seen."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        # The user's no_grad is entered or left: a signal in code of ours could keep it from being left.
        if func is _SET_GRAD:
            return func(*args, **(kwargs or {}))
        # What we ask of a tensor that is being traced would become a part of the user's trace.
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
            return func(*args, **(kwargs or {}))
        capture = self.observer.capture
        if capture is None or not capture.attentive:
            return func(*args, **(kwargs or {}))
        return self.observer._function(capture, func, args, kwargs or {})


class _Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees what reaches the kernels, for its FLOPs."""

    # Without this torch refuses to call a higher-order operator (flex_attention) under a mode.
    supports_higher_order_operators = True

    def __init__(self, observer: Observer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.observer = observer

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports all of Dynamo at the first call, which takes seconds

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Whether compiling goes on as if this mode were not there."""
        return True

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if args and type(args[0]) in _NUMBERS:
            args = _with_tensor(func, args)
        made = func(*args, **kwargs)
        packet = getattr(func, "_overloadpacket", None)
        if packet is not None and packet.__name__ in WORKING and torch._C._get_tracing_state() is None:
            self.observer._charge(func, args, kwargs, made)
        return made


# What Python calls at each call while a trace function is set. In C, so that no signal can be raised in it.
_nothing = getattr  # getattr(frame, "call", None) is None


_NUMBERS = frozenset((bool, int, float, complex))


def _with_tensor(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """torch hands a mode a number for a tensor that stands for one (a constant of a scripted function), and does not
    take it back as the first argument: there it is made the tensor again."""
    schema = func._schema.arguments
    if not schema or not isinstance(schema[0].type, torch.TensorType):
        return args
    dtype = {bool: torch.bool, int: torch.int64, float: torch.float64, complex: torch.complex128}[type(args[0])]
    with torch._C.DisableTorchFunction():
        return (torch.scalar_tensor(args[0], dtype=dtype, device="cpu"), *args[1:])


_ITERATOR = type(iter(()))


def _unmoved(iterator: Iterator[object]) -> object:
    """What `for row in tensor` will go through."""
    reduced: tuple[Any, ...] = iterator.__reduce__()  # type: ignore[assignment]
    return reduced[1][0]
