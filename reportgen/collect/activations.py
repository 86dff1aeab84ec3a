"""What the modules' outputs looked like in one training forward: distributions; dead, constant, saturated units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from reportgen.collect.evidence.rows_seen import RowsSeen
from reportgen.collect.numbers import reason_against, sampled
from reportgen.collect.quiet import quiet
from reportgen.collect.shares import STILL, Ends, Shares
from reportgen.collect.structure import tensors_in

# Elements of an output that are read for its distribution: quantiles to about 1 % of the elements.
SAMPLE = 16_384
# A cell called in a loop: what its later calls give is left out.
MOST_CALLS = 8

# Class of module, or name of the function after one -> the ends between which its output lies.
_RANGES: Mapping[type[nn.Module], Ends] = {
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Tanh: (-1.0, 1.0),
}
_FUNCTION_RANGES: Mapping[str, Ends] = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_RECTIFIERS = (nn.ReLU, nn.ReLU6)
# Modules whose units lie in the last dimension; all others' (convolutions, their norms and pools) in the second.
_UNITS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)


@dataclass(slots=True)
class Outputs:
    """What was found of one module, over its calls in one forward. `samples` are our own copies."""

    samples: list[Tensor] = field(default_factory=list)
    elements: int = 0
    calls: int = 0


class Activations:
    """Collects outputs call by call.

    dead share: units whose output was zero for every sample (and place) of the batch, divided by the units; of nn.ReLU
    and nn.ReLU6, and of a module whose output goes straight through a functional relu, where a unit is dead when what
    it gives is <= 0 everywhere. A unit is a channel (dimension 1) after convolutions, their norms and pools, a feature
    (the last dimension) after Linear, LayerNorm, Embedding and attention. Amazon SageMaker Debugger's DeadRelu rule
    asks whether a unit is active in less than 1 % of its outputs; this is its strict end, without that threshold, over
    one batch, so what is dead only for a batch must be told apart by looking at several snapshots.
    constant units: units that vary over the first dimension, the batch, by at most 1e-6 of their size, or 1e-6, at each
    of their places; of every module that has a batch of two or more.
    saturated share: outputs of nn.Sigmoid, nn.Tanh, nn.Hardsigmoid, nn.Hardtanh, or of a module straight before
    functional sigmoid or tanh, that lie nearer to an end than 3 % of the range.
    """

    def __init__(self, after: Mapping[str, str], rows_seen: RowsSeen) -> None:
        self._after = after
        self._rows_seen = rows_seen
        self.found: dict[str, Outputs] = {}
        self.shares = Shares()
        self.unread: dict[str, str] = {}
        self._units_last = False

    def take(self, name: str, module: nn.Module, output: object, args: Sequence[object] = ()) -> None:
        """Look at what a leaf module returned: the first tensor of a structure (a recurrent layer's sequence)."""
        self._rows_seen.take(name, module, args)
        if type(output) is Tensor:  # the usual case
            tensor = output
        else:
            tensors = tensors_in(output)
            if not tensors:
                return
            tensor = tensors[0][1]
        if not tensor.is_floating_point():
            return
        reason = reason_against(tensor)
        if reason or tensor.layout != torch.strided or not tensor.numel():
            if reason:
                self.unread[name] = reason
            return
        outputs = self.found.setdefault(name, Outputs())
        outputs.calls += 1
        if outputs.calls > MOST_CALLS:
            return
        with quiet():
            tensor = tensor.detach()
            sample = sampled(tensor, SAMPLE).clone()  # theirs may be changed in place before the forward is over
            outputs.samples.append(sample)
            outputs.elements += tensor.numel()
            self._dead(name, module, tensor)
            self._constant(name, module, tensor)
            self._saturated(name, module, sample)
        if _has_parameters(module) or isinstance(module, _UNITS_LAST):
            self._units_last = isinstance(module, _UNITS_LAST)

    def _dead(self, name: str, module: nn.Module, tensor: Tensor) -> None:
        own = isinstance(module, _UNITS_LAST)
        if isinstance(module, _RECTIFIERS):
            last = self._units_last  # as in the layer before it
        elif self._after.get(name) in ("relu", "threshold"):
            last = own
        else:
            return
        if tensor.dim() < 2:
            return
        dim = _units_in(tensor, last)
        self.shares.units(name, tensor.shape[dim], _greatest(tensor, dim))

    def _constant(self, name: str, module: nn.Module, tensor: Tensor) -> None:
        # Some operations for each module: on the CPU they are cheap, on an accelerator the loop would pay for each.
        if tensor.dim() < 2 or tensor.shape[0] < 2 or not tensor.is_cpu:
            return
        dim = _units_in(tensor, isinstance(module, _UNITS_LAST) or (self._units_last and not _has_parameters(module)))
        self.shares.varying(name, tensor.shape[dim], _spread(tensor, dim))

    def _saturated(self, name: str, module: nn.Module, sample: Tensor) -> None:
        after = self._after.get(name, "")
        if isinstance(module, nn.Hardtanh) and not isinstance(module, nn.ReLU6):
            self.shares.outputs(name, sample, (float(module.min_val), float(module.max_val)))
        elif type(module) in _RANGES:
            self.shares.outputs(name, sample, _RANGES[type(module)])
        elif after in _FUNCTION_RANGES:
            self.shares.outputs(name, sample, _FUNCTION_RANGES[after], after)


def _has_parameters(module: nn.Module) -> bool:
    """Of its own; asking for `parameters` takes five times as long."""
    return any(parameter is not None for parameter in module._parameters.values())


def _units_in(tensor: Tensor, last: bool) -> int:
    """The dimension of a tensor of two or more in which units lie."""
    return tensor.dim() - 1 if last or tensor.dim() == 2 else 1


def _spread(tensor: Tensor, dim: int) -> list[Tensor]:
    """How much each slice of `tensor` along `dim` varies over dimension 0, in parts of its size, as one tensor (n,).

    On the CPU the first two samples tell most units alive, and only the rest are read in full and given.
    """
    others = [d for d in range(1, tensor.dim()) if d != dim]
    if tensor.device.type == "cpu" and tensor.shape[0] > 2:
        difference = (tensor[0] - tensor[1]).abs()
        largest = difference.amax([d - 1 for d in others]) if others else difference
        doubtful = (largest <= STILL).nonzero().flatten()  # not of one that is NaN
        if not len(doubtful):
            return []
        tensor = tensor.index_select(dim, doubtful)
    spread = tensor.amax(0) - tensor.amin(0)
    size = tensor.abs().amax(0).clamp_(min=1)
    shares = spread / size
    return [shares.amax([d - 1 for d in others]) if others else shares]


def _greatest(tensor: Tensor, dim: int) -> list[Tensor]:
    """The greatest number of each slice of `tensor` along `dim`, as one tensor (n,).

    On the CPU the first two samples tell most units alive, and only the rest are read in full and given.
    """
    others = [d for d in range(tensor.dim()) if d != dim]
    if tensor.device.type != "cpu" or tensor.shape[0] <= 2 or dim == 0:
        return [tensor.amax(others)]
    doubtful = (tensor[:2].amax(others) <= 0).nonzero().flatten()
    return [tensor.index_select(dim, doubtful).amax(others)] if len(doubtful) else []
