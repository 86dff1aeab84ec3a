"""Which modules of a model compute something else in training than in evaluation, and in which mode each is."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

# A module of the user's, or of a library, that is called so. FrozenBatchNorm2d keeps its statistics in either mode.
_CALLED = ("dropout", "batchnorm", "droppath", "stochasticdepth")
_PROBABILITIES = ("p", "drop_prob", "drop_rate")


def depends_on_mode(module: nn.Module) -> bool:
    """Whether `module` itself, and not only what is inside, takes another way in training than in evaluation."""
    if isinstance(module, _DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, _NormBase):
        return module.running_mean is not None
    if isinstance(module, nn.RReLU):
        return bool(module.lower != module.upper)
    if isinstance(module, nn.RNNBase):
        return bool(module.dropout > 0 and module.num_layers > 1)
    if isinstance(module, nn.MultiheadAttention):
        return bool(module.dropout > 0)
    name = type(module).__name__.lower()
    if "frozen" in name or not any(word in name for word in _CALLED) or any(True for _ in module.children()):
        return False
    chances = [vars(module)[word] for word in _PROBABILITIES if word in vars(module)]
    return not any(chance is None or (isinstance(chance, (int, float)) and chance <= 0) for chance in chances)


@dataclass(slots=True)
class Count:
    """Forwards of one phase. first, last: optimizer steps done at the first and the last of them."""

    forwards: int = 0
    first: int = 0
    last: int = 0
    told: int = 0  # how many of them the last record has


@dataclass(slots=True)
class Combination:
    """Modules by the mode that each is in, by path. fixed: those in eval mode with parameters, none of them trainable.
    root: whether the model itself is in train mode.

    counts: (phase, told_by) -> the forwards in which it was so.
    """

    training: tuple[str, ...]
    evaluating: tuple[str, ...]
    fixed: frozenset[str]
    root: bool = True
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)


class Flags:
    """The modes of one model's modules, by weak references. To ask costs about 0.1 us a module while nothing changes.

    now: what they are in the forward that was asked about last. ever_training: paths of those that were in train mode
    in any forward asked about.
    """

    def __init__(self) -> None:
        self.combinations: dict[tuple[tuple[str, ...], tuple[str, ...], bool], Combination] = {}
        self.ever_training: set[str] = set()
        self.now = Combination((), (), frozenset())
        self._modules: list[weakref.ref[nn.Module]] = []
        self._paths: list[str] = []
        self._momenta: list[tuple[weakref.ref[nn.Module], object]] = []
        self._last: tuple[bool, ...] | None = None

    def scan(self, root: nn.Module) -> None:
        """Look anew which modules there are."""
        found = [(path, module) for path, module in root.named_modules() if depends_on_mode(module)]
        self._paths = [path for path, _ in found]
        self._modules = [weakref.ref(module) for _, module in found]
        self._momenta = [(weakref.ref(m), m.momentum) for _, m in found if isinstance(m, _NormBase)]
        self._last = None

    def ask(self, root: nn.Module) -> Combination:
        """The modes of now."""
        try:
            flags = (root.training, *[one().training for one in self._modules])  # type: ignore[union-attr]
        except AttributeError:  # one of them is gone
            self.scan(root)
            flags = (root.training, *[m.training for one in self._modules if (m := one()) is not None])
        if flags != self._last:
            self._last = flags
            self.now = self._combination(flags)
        return self.now

    def recounting(self) -> bool:
        """Whether statistics of norms are being computed anew over the data (torch.optim.swa_utils.update_bn): that
        sets their momentum to None, and their mode to train."""
        return any(
            before is not None and isinstance(norm := one(), _NormBase) and norm.momentum is None and norm.training
            for one, before in self._momenta
        )

    def _combination(self, flags: tuple[bool, ...]) -> Combination:
        root, *own = flags
        pairs = list(zip(self._paths, self._modules, own, strict=True))
        training = tuple(path for path, _, flag in pairs if flag)
        evaluating = tuple(path for path, _, flag in pairs if not flag)
        self.ever_training.update(training)
        known = self.combinations.get((training, evaluating, root))
        if known is None:
            fixed = frozenset(path for path, one, flag in pairs if not flag and _untrainable(one()))
            known = self.combinations[training, evaluating, root] = Combination(training, evaluating, fixed, root)
        return known


def _untrainable(module: nn.Module | None) -> bool:
    parameters = [] if module is None else list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)
