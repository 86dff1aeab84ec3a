"""What a loss module of torch.nn was given, and its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules import loss as torchs

from reportgen.collect.evidence.loss_nodes import CLASSIFYING, REDUCTIONS, Computed
from reportgen.collect.structure import spec_of

# Classes of torch.nn, those of torch 2.6 and later -> function of torch.nn.functional.
KINDS: Mapping[str, str] = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "NLLLoss2d": "nll_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "KLDivLoss": "kl_div",
    "PoissonNLLLoss": "poisson_nll_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "CTCLoss": "ctc_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "MultiLabelMarginLoss": "multilabel_margin_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "SoftMarginLoss": "soft_margin_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss",
    "MarginRankingLoss": "margin_ranking_loss",
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "TripletMarginLoss": "triplet_margin_loss",
    "TripletMarginWithDistanceLoss": "triplet_margin_with_distance_loss",
}
# Those that compare element by element, and broadcast.
BROADCASTING = frozenset(
    (
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "kl_div",
        "poisson_nll_loss",
        "soft_margin_loss",
        "hinge_embedding_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    )
)
# How the first two arguments are called.
_INPUTS = ("input", "log_input", "log_probs", "input1", "anchor")
_TARGETS = ("target", "targets")
_TARGET_THIRD = ("margin_ranking_loss", "cosine_embedding_loss")
_WITHOUT_TARGET = ("triplet_margin_loss", "triplet_margin_with_distance_loss")


def kind_of_module(module: nn.Module) -> str:
    """The function that `module` computes; "" unless its forward is that of a class of torch's own."""
    for cls in type(module).__mro__:
        if cls.__module__ == torchs.__name__:
            return (
                KINDS.get(cls.__name__, "")
                if getattr(type(module), "forward", None) is cls.__dict__.get("forward")
                else ""
            )
    return ""


def given_to(module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> Computed | None:
    """What a loss module of torch's own was called with; None if it is none, or its input is no tensor."""
    kind = kind_of_module(module)
    given = args[0] if args else _first(kwargs, _INPUTS)
    if not kind or not isinstance(given, Tensor):
        return None
    place = 2 if kind in _TARGET_THIRD else 1
    target = args[place] if len(args) > place else _first(kwargs, _TARGETS)
    spec = spec_of(given)
    one = Computed(kind, input=given, shape=spec.shape, dtype=spec.dtype)
    if isinstance(target, Tensor) and kind not in _WITHOUT_TARGET:
        one.target = target
        one.broadcast = kind in BROADCASTING and spec_of(target).shape != spec.shape
    reduction = getattr(module, "reduction", "")
    one.reduction = reduction if reduction in REDUCTIONS or reduction == "batchmean" else ""
    ignored = getattr(module, "ignore_index", None)
    one.ignore_index = ignored if isinstance(ignored, int) else None
    one.weighted = any(isinstance(getattr(module, name, None), Tensor) for name in ("weight", "pos_weight"))
    smoothing = getattr(module, "label_smoothing", 0.0)
    one.label_smoothing = float(smoothing) if kind in CLASSIFYING and isinstance(smoothing, (int, float)) else 0.0
    return one


def _first(kwargs: Mapping[str, object], names: Sequence[str]) -> object:
    return next((kwargs[name] for name in names if name in kwargs), None)
