"""Floating point operations of one module call, by the formulas of torch's own counter, a multiply-add as 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from torch import Tensor, nn
from torch.utils.flop_counter import bmm_flop, conv_flop_count, mm_flop

# Modules of torch whose work is a matrix product, and for which there is no formula here.
_WITHOUT_FORMULA = (nn.RNNBase, nn.RNNCellBase, nn.Bilinear, nn.AdaptiveLogSoftmaxWithLoss, nn.Transformer)


def flops_of(module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> int | None:
    """FLOPs of one forward call of a leaf module, None when there is no formula.

    Convolutions, linear layers and multi-head attention as `torch.utils.flop_counter` counts them. It counts nothing
    for element-wise work, so activations, normalisation, pooling, dropout, embeddings, padding and losses of torch.nn
    are 0. Recurrent layers, Bilinear and modules that are not torch's own are not counted: None, never a guess.
    """
    first = args[0] if args else next(iter(kwargs.values()), None)
    if isinstance(module, nn.MultiheadAttention):
        return _attention(module, args, kwargs)
    if isinstance(module, nn.Linear):
        return _linear(module, first)
    if isinstance(module, nn.modules.conv._ConvNd):
        return _convolution(module, first, output)
    if isinstance(module, _WITHOUT_FORMULA) or not type(module).__module__.startswith("torch.nn.modules."):
        return None
    return 0


def _linear(module: nn.Linear, first: object) -> int | None:
    if not isinstance(first, Tensor) or not first.dim():
        return None
    rows = prod(first.shape[:-1])
    return _int(mm_flop((rows, module.in_features), (module.in_features, module.out_features)))


def _convolution(module: nn.modules.conv._ConvNd, first: object, output: object) -> int | None:
    if not isinstance(first, Tensor) or not isinstance(output, Tensor):
        return None
    taken, made = list(first.shape), list(output.shape)
    if first.dim() == len(module.kernel_size) + 1:  # one sample without a batch dimension
        taken, made = [1, *taken], [1, *made]
    return _int(conv_flop_count(taken, list(module.weight.shape), made, transposed=module.transposed))


def _attention(module: nn.MultiheadAttention, args: Sequence[object], kwargs: Mapping[str, object]) -> int | None:
    names = ("query", "key", "value")
    given = [args[place] if place < len(args) else kwargs.get(name) for place, name in enumerate(names)]
    query, key, value = given
    if not (isinstance(query, Tensor) and isinstance(key, Tensor) and isinstance(value, Tensor)) or query.is_nested:
        return None
    if query.dim() == 2:  # one sample without a batch dimension
        batch, wanted, held = 1, query.shape[0], key.shape[0]
    elif module.batch_first:
        batch, wanted, held = query.shape[0], query.shape[1], key.shape[1]
    else:
        batch, wanted, held = query.shape[1], query.shape[0], key.shape[0]
    width = module.embed_dim
    projections = (
        mm_flop((batch * wanted, width), (width, width))
        + mm_flop((batch * held, module.kdim), (module.kdim, width))
        + mm_flop((batch * held, module.vdim), (module.vdim, width))
        + mm_flop((batch * wanted, width), (width, width))
    )
    held += (module.bias_k is not None) + bool(module.add_zero_attn)
    heads, each = batch * module.num_heads, module.head_dim
    scores = bmm_flop((heads, wanted, each), (heads, each, held))
    mixed = bmm_flop((heads, wanted, held), (heads, held, each))
    return _int(projections + scores + mixed)


def _int(count: object) -> int:
    return int(count)  # type: ignore[call-overload, no-any-return]  # torch's formulas are untyped
