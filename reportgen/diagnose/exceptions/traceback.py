"""An exception in words: what was given to what, the line to begin at, the traceback with the user's frames first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportgen.blocks.text import Code
from reportgen.blocks.wording import cut, listed
from reportgen.run.graph import Fault, TensorSpec
from reportgen.run.records import Failure, Frame

LONGEST_MESSAGE = 300
LONGEST_TRACED = 2000
HOW = {
    "cause": "It was raised from",
    "context": "It was raised while this one was handled:",
    "group": "It holds",
    "worker": "What was caught there:",
}


def failed_at(failure: Failure) -> str:
    """When, where and with what the run failed, as a title."""
    inside = f" in {failure.module}" if failure.module else ""
    return f"The run failed at step {failure.stamp.step:,}{inside}: {failure.type}"


def why(failure: Failure) -> str:
    """The message, and the shapes and dtypes that arrived, as sentences."""
    told = cut(failure.message, LONGEST_MESSAGE) or "The exception has no message."
    if failure.causes:
        first = failure.causes[0]
        told = f"{_stopped(told)}\n{HOW[first.how]} {first.type}: {cut(first.message, LONGEST_MESSAGE)}"
    arrived = given(failure)
    return f"{_stopped(told)}\n{arrived}" if arrived else told


def given(failure: Failure) -> str:
    """What the module, the function or the line of code that raised was given, as a sentence; "" if unknown.

    Of the module if it is known what that expects, else of what is nearest to the mistake.
    """
    fault, call = failure.fault, failure.call
    if fault is not None and fault.got and fault.expected:
        return _got(fault)
    if call is not None:
        return _got(call)
    frame = own_frame(failure)
    if frame is not None and frame.tensors:
        return f"In “{cut(_code(frame), 100)}”, {_specs(frame.tensors, ' is ')}."
    return _got(fault) if fault is not None and fault.got else ""


def own_frame(failure: Failure) -> Frame | None:
    """The last line of the user's own code that it went through; of what it came of, where that is known."""
    for cause in reversed(failure.causes):
        own = [frame for frame in cause.frames if frame.own]
        if own and cause.how != "context":
            return own[-1]
    return next((frame for frame in reversed(failure.frames) if frame.own), None)


def place(failure: Failure) -> str:
    """Where to begin, as a sentence."""
    frame = own_frame(failure)
    if frame is None:
        return "Look at the traceback: no frame of it is in your own code."
    return f"Start at {frame.path}, line {frame.line}, in {frame.function}: the last of your own code it went through."


def traceback(failure: Failure) -> Code:
    """The user's own frames, then all of them, as Python prints them; with shapes and dtypes, and no other value.

    The lines of the user's own frames are marked where they stand first.
    """
    lines: list[str] = []
    marked: list[int] = []
    mixed = len({frame.own for frame in failure.frames}) == 2
    lines.append(f"{'Through your own code' if mixed else 'Traceback'} (most recent call last):")
    _add(lines, marked, failure.frames, failure.type, failure.message, only_own=mixed)
    for cause in failure.causes:
        lines += ["", f"{HOW[cause.how]} {cause.type} (most recent call last):"]
        _add(lines, marked, cause.frames, cause.type, cause.message, any(frame.own for frame in cause.frames))
    if mixed:
        lines += ["", "All of it (most recent call last):"]
        _add(lines, [], failure.frames, failure.type, failure.message)
    return Code("\n".join(lines), title="Where it was raised", marked=tuple(marked))


def _add(
    lines: list[str], marked: list[int], frames: Iterable[Frame], kind: str, message: str, only_own: bool = False
) -> None:
    for frame in frames:
        if only_own and not frame.own:
            continue
        if frame.own:
            marked.extend([len(lines), len(lines) + 1] if frame.code else [len(lines)])
        lines.append(f'  File "{frame.path}", line {frame.line}, in {frame.function}')
        if frame.code:
            lines.append(f"    {_code(frame)}")
        if frame.tensors:
            lines.append(f"    # {_specs(frame.tensors, ': ')}")
    lines.extend((f"{kind}: {cut(message, LONGEST_TRACED)}" if message else kind).splitlines())


def _got(fault: Fault) -> str:
    name = fault.module or fault.type
    kind = f" ({fault.type})" if fault.module or fault.type[:1].isupper() else ""
    got = listed([f"{spec.name or 'a tensor'} of {shape(spec)}" for spec in fault.got])
    return f"{name}{kind} got {got}" + (f"; it expects {fault.expected}." if fault.expected else ".")


def _specs(specs: Sequence[TensorSpec], joint: str) -> str:
    return listed([f"{spec.name}{joint}{shape(spec)}" for spec in specs], 6)


def shape(spec: TensorSpec) -> str:
    """ "float32 (64, 576)", of a scalar "float32 (a single number)"."""
    return f"{spec.dtype} ({', '.join(str(size) for size in spec.shape) or 'a single number'})"


def _code(frame: Frame) -> str:
    return " ".join(frame.code.split())


def _stopped(text: str) -> str:
    # A line break is no end of a sentence where the page runs its lines together.
    return text if text.endswith((".", "!", "?", ":", "…")) else text + "."
