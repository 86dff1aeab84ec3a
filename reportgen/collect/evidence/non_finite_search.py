"""Where in a forward the first number that is not finite is made: by doing it again, and looking at every call."""

from __future__ import annotations

import inspect
import io
import queue
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from reportgen.collect.evidence.oddness import MINUS, NAN, PLUS, all_oddness
from reportgen.collect.graph.asked import apart, called, hook
from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.draft import Draft
from reportgen.collect.graph.safety import why_hooks_only
from reportgen.collect.graph.settings import paths_of
from reportgen.collect.graph.undo import Undo
from reportgen.collect.guard import of_a_signal
from reportgen.collect.model_record import is_compiled
from reportgen.collect.structure import arguments, tensors_in

INFINITE = PLUS | MINUS
# Functions that put infinity where it is meant to be.
_DELIBERATE = frozenset(
    (
        "full",
        "full_like",
        "new_full",
        "fill",
        "fill_",
        "masked_fill",
        "masked_fill_",
        "masked_scatter",
        "masked_scatter_",
        "where",
        "setitem",
        "index_fill",
        "index_fill_",
        "index_put",
        "index_put_",
        "scatter",
        "scatter_",
        "tensor",
        "as_tensor",
        "scalar_tensor",
        "generate_square_subsequent_mask",
    )
)
_USED_UP = (Iterator, io.IOBase, queue.Queue, queue.SimpleQueue)
_PLAIN = (str, bytes, int, float, complex, type(None), torch.dtype, torch.device, Tensor)


@dataclass(frozen=True, slots=True)
class Made:
    """A call that is over: what it took and gave, as oddness. operation: "" for a module's own call."""

    path: str
    operation: str
    took: int
    gave: int


def why_not_again(root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """Why a forward of `root` is not to be done again by us, "" when nothing would be left behind."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return "other processes would have to do the same"
    if is_compiled(root) or any(isinstance(m, torch.jit.ScriptModule) for m in root.modules()):
        return "it is compiled"
    if torch._C._len_torch_dispatch_stack() or torch._C._functorch.peek_interpreter_stack() is not None:
        return "a mode or a transform of torch would see it"
    if any(type(mode) is not DeviceContext for mode in _get_current_function_mode_stack()):  # type: ignore[no-untyped-call]
        return "a mode of the user's would see it"
    tables = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    for module in root.modules():
        if any(issubclass(type(value), _USED_UP) for value in vars(module).values()):
            return "something would be taken from an iterator, a queue or a file"
        for table in tables:
            if any(not _is_of_torch(hook) for hook in getattr(module, table, {}).values()):
                return "hooks would be called again"
    if not all(_is_plain(value) for value in (*args, *kwargs.values())):
        return "an argument may be changed by it"
    return ""


def first_made(root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> Made | None:
    """Call `root` again with copies of these arguments and say which call made the first number that is not finite.

    None when this time all is finite. The model, its arguments and the random numbers are afterwards as before, see
    `as_it_was`; random numbers that the forward draws are others than those it drew.
    """
    search = _Search(root)
    failures: list[Exception] = []
    output: object = None
    undo = Undo()
    try:
        try:
            given, keywords = apart(undo, root, args, kwargs)
            hook(undo, search, failures)
            output = called(root, search, failures, given, keywords)
        finally:
            try:
                undo.run()
            finally:  # a signal may have ended that one; else this does nothing
                undo.run()
    except Exception as error:
        if failures and error is not failures[0]:
            raise failures[0] from error
        if of_a_signal(error):  # a time limit of the user's that was up just now
            raise
        return None  # it was not raised the first time: what the forward depends on is not only its arguments
    finally:
        search.drop()
    if failures:
        raise failures[0]
    return origin(search.made, all_oddness(t for _, t in tensors_in(output)))


def origin(made: Sequence[Made], odd: int) -> Made | None:
    """The one of these calls, in the order in which they ended, that is why the result is `odd`."""
    if odd & NAN:
        first = next((i for i, one in enumerate(made) if one.gave & NAN and not one.took & NAN), None)
        if first is None:
            return None
        # NaN is often made of infinity (inf - inf, 0 * inf): then the call that overflowed is the reason.
        before = _infinite(made[:first]) if made[first].took & INFINITE else None
        return before or made[first]
    return _infinite(made) if odd & INFINITE else None


def _infinite(made: Sequence[Made]) -> Made | None:
    for one in made:
        if one.gave & INFINITE and not one.took and one.operation not in _DELIBERATE:
            return one
    return None


class _Search(GraphCapture):
    """Looks at what each call takes and gives. Modules inside of torch's own are seen as those are: one call."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__("", paths_of(root), root, "", why_hooks_only(root, asked=True))
        self.made: list[Made] = []
        self._taken: list[tuple[int, int]] = []  # of the open module calls: id of the module, oddness
        self._before: dict[int, int] = {}  # by id of an open operation's Draft

    def enter(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        super().enter(module, args, kwargs)
        self._taken.append((id(module), all_oddness(t for _, t in arguments(args, kwargs))))

    def leave(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> bool:
        met = self._modules.find(module)
        leaf = super().leave(module, args, kwargs, output)
        while self._taken:
            key, took = self._taken.pop()
            if key == id(module):
                if met is not None:
                    self._keep(met.path, "", took, output)
                break
        return leaf

    def open(self, name: str, args: Sequence[object], kwargs: Mapping[str, object], writes: bool = False) -> Draft:
        draft = super().open(name, args, kwargs, writes)
        self._before[id(draft)] = all_oddness(t for _, t in arguments(args, kwargs))
        return draft

    def take(self, draft: Draft, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        super().take(draft, args, kwargs)
        self._before[id(draft)] = all_oddness(t for _, t in arguments(args, kwargs))

    def close(self, draft: Draft, result: object, failed: bool = False) -> None:
        super().close(draft, result, failed)
        around = self._module()
        took = self._before.pop(id(draft), 0)
        if around is not None and not failed:
            self._keep(around.path, draft.path, took, result)

    def _keep(self, path: str, operation: str, took: int, result: object) -> None:
        gave = all_oddness(tensor for _, tensor in tensors_in(result))
        if gave:
            self.made.append(Made(path, operation, took, gave))


def _is_of_torch(hook: object) -> bool:
    module = getattr(inspect.unwrap(hook) if callable(hook) else hook, "__module__", None) or type(hook).__module__
    return str(module).partition(".")[0] == "torch"


def _is_plain(value: object, depth: int = 0) -> bool:
    if isinstance(value, _PLAIN):
        return True
    if depth > 4:
        return False
    if isinstance(value, dict):
        return all(_is_plain(item, depth + 1) for item in value.values())
    return isinstance(value, (list, tuple)) and all(_is_plain(item, depth + 1) for item in value)
