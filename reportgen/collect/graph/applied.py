"""Which autograd Functions of the user's are applied, told from the calls that Python reports to a profile function."""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType, FrameType

from torch.autograd import Function

from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.draft import Draft


@dataclass(slots=True)
class _Applied:
    """call: the bound `apply` itself, which is another object at each call while this one lives."""

    call: object
    draft: Draft
    forward: CodeType | None
    frame: FrameType | None = None
    result: object = None


class AppliedFunctions:
    """Makes one operation of `Function.apply`, which torch shows to no mode, under the Function's own name.

    `apply` is C code: its arguments are those of the `forward` that it calls, and its result is what that returned, to
    which torch adds the history.
    """

    def __init__(self, capture: GraphCapture) -> None:
        self._capture = capture
        self._open: list[_Applied] = []

    def follow(self, frame: FrameType, event: str, subject: object) -> None:
        """subject: the C function of "c_call", "c_return" and "c_exception", the result of "return"."""
        if event == "c_call":
            cls = getattr(subject, "__self__", None)
            if isinstance(cls, type) and issubclass(cls, Function) and self._capture.attentive:
                code = getattr(cls.forward, "__code__", None)
                self._open.append(_Applied(subject, self._capture.open(cls.__name__, (), {}), code))
            return
        if not self._open:
            return
        last = self._open[-1]
        if event == "call":
            if last.frame is None and frame.f_code is last.forward:
                last.frame = frame
                self._capture.take(last.draft, tuple(frame.f_locals.values()), {})
        elif event == "return":
            if frame is last.frame:
                last.result = subject
        elif subject is last.call:  # and no other class method, nor an `apply` inside
            self._open.pop()
            failed = event == "c_exception"
            self._capture.close(last.draft, None if failed else last.result, failed)

    def following(self) -> bool:
        """Whether one is applied now, so that every event may matter."""
        return bool(self._open)
