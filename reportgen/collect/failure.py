"""The exception that ended a run, as a record: type, message, the lines it went through, and what it came of.

Of local values only shapes and dtypes of tensors are told, never a number.
"""

from __future__ import annotations

import itertools
import linecache
import os
import re
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar

from reportgen.collect.structure import spec_of, tensors_in
from reportgen.run.graph import Fault, TensorSpec
from reportgen.run.records import Cause, Failure, Frame
from reportgen.run.redact import scrub
from reportgen.run.series import Stamp

# A recursion error has a thousand frames; its first and last few tell the story.
MOST_FRAMES = 40
LONGEST_MESSAGE = 4000
# Exceptions that one came of, or that a group holds.
MOST_CAUSES = 8
# Tensors told of one line, and lines of one statement.
MOST_TENSORS = 6
MOST_LINES = 8
PACKAGE = str(Path(__file__).resolve().parents[1])
# How torch tells what was raised in a worker of a DataLoader, in the thread that pins memory, or in a replica
# (torch._utils.ExceptionWrapper).
WORKER = re.compile(r"Caught ([\w.]+) in ([^\n]+?)\.\nOriginal Traceback \(most recent call last\):\n(.*)", re.DOTALL)
FRAME = re.compile(r'  File "([^"\n]*)", line (\d+), in ([^\n]*)\n((?: {4}[^\n]*\n)*)')
# A name that is no attribute and no keyword of a call.
NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?!\w|\s*=(?!=))")
Step = TypeVar("Step")
# Names of what is typed in at a prompt: no file, yet the user's own.
PROMPT = ("<stdin>", "<python-input", "<ipython-input", "<console>")


def failure_of(
    error: BaseException, stamp: Stamp, module: str = "", fault: Fault | None = None, call: Fault | None = None
) -> Failure:
    """The record of `error`, raised while the module `module` was running ("" outside of any).

    fault: what that module was called with; call: what the function of torch.nn.functional was called with.
    """
    message, causes = _apart(_message(error))
    return Failure(
        type=_type_name(type(error)),
        message=scrub(message[:LONGEST_MESSAGE]),
        stamp=stamp,
        frames=_frames(error),
        module=module,
        fault=fault,
        call=call,
        causes=(*causes, *_causes(error))[:MOST_CAUSES],
    )


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, and all that it came of or that it holds, the nearest first; at most nine."""
    yield error
    yield from (one for one, _ in itertools.islice(_origins(error, {id(error)}), MOST_CAUSES))


def _origins(error: BaseException, seen: set[int]) -> Iterator[tuple[BaseException, str]]:
    found: list[tuple[BaseException | None, str]] = []
    held = getattr(error, "exceptions", ()) if type(error).__name__.endswith("Group") else ()
    if isinstance(held, tuple):
        found.extend((one, "group") for one in held)
    found.append((error.__cause__, "cause"))
    if not error.__suppress_context__:
        found.append((error.__context__, "context"))
    for one, how in found:
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one, how
            yield from _origins(one, seen)


def _causes(error: BaseException) -> Iterator[Cause]:
    for one, how in itertools.islice(_origins(error, {id(error)}), MOST_CAUSES):
        message, inside = _apart(_message(one))
        yield Cause(_type_name(type(one)), scrub(message[:LONGEST_MESSAGE]), _frames(one), how)
        yield from inside


def _apart(message: str) -> tuple[str, tuple[Cause, ...]]:
    """A message, and what was raised in a worker where it holds a whole traceback of one."""
    told = WORKER.match(message)
    if told is None:
        return message, ()
    kind, where, text = told.groups()
    frames: list[Frame] = []
    end = 0
    for found in FRAME.finditer(text):
        path, own = place(found[1])
        lines = found[4].split("\n")
        frames.append(Frame(path, int(found[2]), found[3], scrub(lines[0].strip()), own))
        end = found.end()
    # What follows the frames is "KeyError: 'b'"; its type may be of a module.
    head, sign, rest = text[end:].strip().partition(": ")
    said = rest if sign and head.rpartition(".")[2] == kind.rpartition(".")[2] else text[end:].strip()
    cause = Cause(kind, scrub(said[:LONGEST_MESSAGE]), tuple(_shortened(frames)), "worker")
    return f"Caught {kind} in {where}.", (cause,)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - an exception whose str raises is still worth recording
        return f"(its message cannot be shown: {type(broken).__name__})"


def _type_name(cls: type[BaseException]) -> str:
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _frames(error: BaseException) -> tuple[Frame, ...]:
    # Only those that are kept are made: a recursion error has a thousand.
    steps = [
        step
        for step in _steps(error.__traceback__)
        # Our own frames (track's generator, a wrapped call) are no part of the user's story.
        if not step.tb_frame.f_code.co_filename.startswith(PACKAGE + os.sep)
    ]
    frames = [_frame(step) for step in _shortened(steps)]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        path, own = place(str(error.filename))
        frames.append(Frame(path, int(error.lineno), "<module>", scrub(str(error.text or "").strip()), own))
    return tuple(frames)


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _shortened(steps: list[Step]) -> list[Step]:
    return steps if len(steps) <= MOST_FRAMES else steps[: MOST_FRAMES // 2] + steps[-MOST_FRAMES // 2 :]


def _frame(step: TracebackType) -> Frame:
    code = step.tb_frame.f_code
    path, own = place(code.co_filename)
    line = linecache.getline(code.co_filename, step.tb_lineno).strip()
    tensors = _tensors(step.tb_frame, _statement(step)) if own else ()
    return Frame(path, step.tb_lineno, code.co_name, scrub(line), own, tensors)


def _statement(step: TracebackType) -> str:
    """The expression that raised; before Python 3.11, which tells where it begins and ends, the line."""
    code = step.tb_frame.f_code
    positions = getattr(code, "co_positions", None)
    place = None if positions is None else next(itertools.islice(positions(), step.tb_lasti // 2, None), None)
    if place is None or None in place:
        return linecache.getline(code.co_filename, step.tb_lineno)
    first, last, begin, end = place
    lines = [linecache.getline(code.co_filename, line).encode() for line in range(first, last + 1)]
    lines[-1] = lines[-1][:end]  # counted in bytes
    lines[0] = lines[0][begin:]
    return b"".join(lines[:MOST_LINES]).decode(errors="replace")


def _tensors(frame: FrameType, statement: str) -> tuple[TensorSpec, ...]:
    """Shapes and dtypes of the tensors that the names in a statement stand for."""
    found: list[TensorSpec] = []
    try:
        held = frame.f_locals
        for name in dict.fromkeys(NAME.findall(statement)):
            for at, tensor in tensors_in(held.get(name)):
                found.append(spec_of(tensor, f"{name}.{at}" if at else name))
                if len(found) == MOST_TENSORS:
                    return tuple(found)
    except Exception:  # noqa: BLE001 - a tensor of a class of its own; what is known of the others is told
        return tuple(found)
    return tuple(found)


def place(filename: str) -> tuple[str, bool]:
    """A source file's path as it may be shown, and whether it is the user's own code.

    Relative to the working folder; from site-packages or the standard library's folder on for what is installed; the
    bare name for anything else, since its folders may name a user.
    """
    if filename.startswith("<"):
        return filename, filename.startswith(PROMPT)
    for folder in _installed():
        if filename.startswith(folder + os.sep):
            return filename[len(folder) + 1 :], False
    try:
        return os.path.relpath(filename) if Path(filename).is_relative_to(Path.cwd()) else Path(filename).name, True
    except (OSError, ValueError):  # the working folder is gone, or is on another drive
        return Path(filename).name, True


def _installed() -> list[str]:
    paths = sysconfig.get_paths()
    folders = {
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(paths[k] for k in ("purelib", "platlib", "stdlib")),
    }
    return sorted(folders, key=len, reverse=True)  # site-packages lies inside the standard library's folder
