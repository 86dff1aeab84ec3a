"""What the autograd graph of a loss tells: which function it was, of what input and target."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.evidence.loss_nodes import losses_in
from reportgen.collect.evidence.loss_sums import labels_by_gradient
from reportgen.collect.quiet import quiet

LABELS = torch.tensor([0, 1, 2, -100])
SHARES = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)).softmax(1)
WEIGHT = torch.arange(1.0, 6.0)


def read(loss):
    with quiet():
        return losses_in(loss)


def only(loss):
    (one,) = read(loss)
    return one


@pytest.fixture
def logits():
    return nn.Linear(3, 5)(torch.randn(4, 3))


DIRECT = {
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS),
    "binary_cross_entropy": lambda x: F.binary_cross_entropy(x.sigmoid(), SHARES),
    "binary_cross_entropy_with_logits": lambda x: F.binary_cross_entropy_with_logits(x, SHARES),
    "mse_loss": lambda x: F.mse_loss(x, SHARES),
    "l1_loss": lambda x: F.l1_loss(x, SHARES),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, SHARES),
    "huber_loss": lambda x: F.huber_loss(x, SHARES),
    "kl_div": lambda x: F.kl_div(x.log_softmax(1), SHARES, reduction="batchmean"),
    "soft_margin_loss": lambda x: F.soft_margin_loss(x, SHARES),
    "multi_margin_loss": lambda x: F.multi_margin_loss(x, LABELS.clamp(0)),
    "multilabel_margin_loss": lambda x: F.multilabel_margin_loss(x, LABELS.clamp(0)[:, None].repeat(1, 5)),
}


@pytest.mark.parametrize("kind", DIRECT)
def test_each_function_is_known_before_and_after_backward(kind, logits):
    loss = DIRECT[kind](logits)
    before = only(loss)
    loss.backward()
    for one in (before, only(loss)):
        assert (one.kind, one.shape, one.dtype, one.broadcast) == (kind, (4, 5), "float32", False)
    assert only(loss).target is None


@pytest.mark.parametrize("kind", DIRECT)
def test_weighted_and_summed_with_others_it_is_known(kind, logits):
    loss = 0.5 * DIRECT[kind](logits) / 3 + 0.01 * logits.mean()
    assert only(loss).kind == kind
    assert not only(loss).whole
    assert only(DIRECT[kind](logits).mean()).kind == kind


def test_cross_entropy_tells_its_targets_and_settings(logits):
    labels = LABELS.clamp(0)
    one = only(F.cross_entropy(logits, labels, weight=WEIGHT, ignore_index=2, reduction="sum"))
    assert torch.equal(one.target, labels)
    assert (one.ignore_index, one.weighted, one.reduction, one.classes) == (2, True, "sum", 5)
    plain = only(F.cross_entropy(logits, LABELS))
    assert (plain.ignore_index, plain.weighted, plain.reduction, plain.softmax) == (-100, False, "mean", "")
    assert only(F.cross_entropy(logits, LABELS, reduction="none").mean()).reduction == "none"


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_label_smoothing_is_read(logits, smoothing, weight):
    loss = F.cross_entropy(logits, LABELS, weight=weight, label_smoothing=smoothing)
    one = only(loss)
    assert one.kind == "cross_entropy"
    assert one.label_smoothing == pytest.approx(smoothing)
    assert one.weighted is (weight is not None)


@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"weight": WEIGHT}, {"reduction": "sum"}])
def test_probabilities_as_targets_of_cross_entropy(logits, settings):
    one = only(F.cross_entropy(logits, SHARES, **settings))
    assert (one.kind, one.classes, one.weighted) == ("cross_entropy", 5, "weight" in settings)
    assert one.target.shape == (4, 5)


def test_what_went_into_cross_entropy_is_told_by_what_made_it(logits):
    shares = only(F.cross_entropy(logits.softmax(1), LABELS))
    assert (shares.softmax, shares.dim) == ("softmax", 1)
    assert torch.equal(shares.input, logits.softmax(1))
    assert only(F.cross_entropy(logits.softmax(0), LABELS)).dim == 0
    assert only(F.cross_entropy(logits.softmax(-1), LABELS)).dim == 1
    assert only(F.cross_entropy(logits.log_softmax(1), LABELS)).softmax == "log_softmax"
    rectified = only(F.cross_entropy(logits.relu(), LABELS))
    assert rectified.softmax == ""
    assert torch.equal(rectified.input, logits.relu())


def test_it_is_told_after_backward_too(logits):
    loss = F.cross_entropy(logits.softmax(1), LABELS)
    loss.backward()
    assert (only(loss).softmax, only(loss).dim) == ("softmax", 1)


def test_nll_of_probabilities_is_nll(logits):
    one = only(F.nll_loss(logits.softmax(1), LABELS))
    assert (one.kind, one.softmax) == ("nll_loss", "softmax")
    assert only(F.nll_loss(logits, LABELS)).kind == "nll_loss"


def test_images_and_sequences():
    maps = nn.Conv2d(1, 5, 1)(torch.randn(2, 1, 3, 3))
    one = only(F.cross_entropy(maps, torch.zeros(2, 3, 3, dtype=torch.long)))
    assert (one.kind, one.shape, one.classes) == ("cross_entropy", (2, 5, 3, 3), 5)
    rows = maps.permute(0, 2, 3, 1).reshape(-1, 5)
    assert only(F.cross_entropy(rows, torch.zeros(18, dtype=torch.long))).shape == (18, 5)
    sequence = maps.flatten(2)
    assert only(F.cross_entropy(sequence, torch.zeros(2, 9, dtype=torch.long))).shape == (2, 5, 9)
    assert only(F.cross_entropy(rows[0], torch.tensor(0))).classes == 5


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, lambda x, y: ((x - y) ** 2).mean()]
)
def test_broadcasting_is_seen(loss):
    output = nn.Linear(3, 1)(torch.randn(4, 3))
    one = only(loss(output, torch.rand(4)))
    assert (one.broadcast, one.shape) == (True, (4, 1))
    assert not only(loss(output, torch.rand(4, 1))).broadcast
    assert not only(loss(output.squeeze(1), torch.rand(4))).broadcast


def test_what_is_written_out_but_the_same_is_known(logits):
    assert only(((logits - SHARES) ** 2).mean()).kind == "mse_loss"
    assert only((SHARES - logits).pow(2).sum()).reduction == "sum"
    assert only((logits - SHARES).abs().mean()).kind == "l1_loss"


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: -x.log_softmax(1)[range(4), LABELS.clamp(0)].mean(),
        lambda x: -x.log_softmax(1).gather(1, LABELS.clamp(0)[:, None]).mean(),
        lambda x: x.square().mean(),
        lambda x: F.poisson_nll_loss(x, SHARES),
        lambda x: F.gaussian_nll_loss(x, SHARES, x.exp()),
        lambda x: F.hinge_embedding_loss(x, SHARES.round() * 2 - 1),
        lambda x: F.triplet_margin_loss(x, SHARES, SHARES),
        lambda x: F.cosine_embedding_loss(x, SHARES, torch.ones(4)),
        lambda x: (3.0 - (SHARES * x)).mean(),
        lambda x: (x[1:] - x[:-1]).abs().mean(),
        lambda x: x.sum(),
        lambda x: x.detach().sum(),
    ],
)
def test_what_is_not_known_is_nothing(loss, logits):
    assert read(loss(logits)) == []


def test_a_penalty_on_weights_is_no_loss():
    weight = nn.Parameter(torch.randn(3, 3))
    assert read(((weight - 1) ** 2).sum()) == []
    assert read((weight - 1).abs().sum()) == []


def test_several_losses_are_each_known_once(logits):
    loss = F.cross_entropy(logits, LABELS) + F.mse_loss(logits, SHARES) + F.mse_loss(logits.relu(), SHARES)
    assert sorted(one.kind for one in read(loss)) == ["cross_entropy", "mse_loss"]


def test_a_long_graph_costs_no_more(logits):
    loss = logits.sum()
    for _ in range(5000):
        loss = loss + 0.0
    assert read(loss) == []


def test_half_precision_and_autocast(logits):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(nn.Linear(5, 5)(logits), LABELS)
    assert only(loss).kind == "cross_entropy"
    assert only(F.mse_loss(logits.half(), SHARES.half())).dtype == "float16"


def test_what_is_saved_under_hooks_is_not_unpacked(logits):
    unpacked = []

    def unpack(packed):
        unpacked.append(1)
        return packed

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        loss = F.cross_entropy(logits, LABELS)
    one = only(loss)
    assert (one.kind, one.shape) == ("cross_entropy", (4, 5))
    if hasattr(torch._C._autograd.SavedTensor, "unpack_hook"):
        assert one.target is None
        assert not unpacked


def test_what_was_written_to_since_is_not_read(logits):
    labels = LABELS.clone()
    loss = F.cross_entropy(logits, labels)
    labels.zero_()
    assert only(loss).target is None


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("shape", [(30, 7), (5, 7, 4), (5, 7, 3, 2), (7,)])
def test_the_gradient_of_cross_entropy_tells_its_targets(shape, reduction):
    torch.manual_seed(0)
    logits = torch.randn(shape, requires_grad=True)
    labels = torch.randint(0, 7, (*shape[:1], *shape[2:]) if len(shape) > 1 else ())
    F.cross_entropy(logits, labels, reduction=reduction).backward()
    found = labels_by_gradient(logits.grad)
    assert sorted(found.tolist()) == sorted(labels.flatten().tolist())


def test_ignored_rows_have_no_target():
    logits = torch.randn(4, 5, requires_grad=True)
    F.cross_entropy(logits, LABELS).backward()
    assert labels_by_gradient(logits.grad).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: F.mse_loss(x, torch.randn(6, 5)),
        lambda x: F.cross_entropy(x, torch.full((6, 5), 0.2)),
        lambda x: F.cross_entropy(x, torch.arange(6) % 5, label_smoothing=0.5),
        lambda x: F.cross_entropy(x, torch.arange(6) % 5) + x.sum(),
        lambda x: x.sum() * 0,
    ],
)
def test_other_gradients_tell_none(loss):
    torch.manual_seed(1)
    logits = (10 * torch.randn(6, 5)).requires_grad_()
    loss(logits).backward()
    assert labels_by_gradient(logits.grad) is None
