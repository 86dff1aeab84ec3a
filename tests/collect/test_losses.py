"""How a loss is computed, told by the criterion's calls, by what is logged, and by what the model gives."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import threading
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.evidence.losses import Losses, loss_of
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work

LABELS = torch.tensor([0, 1, 2, 1, 1, -100, 2, 1])
SHARES = torch.rand(8, 3, generator=torch.Generator().manual_seed(0)).softmax(1)


class Training:
    """A model and its criterion, whose calls are told to a Losses as watching would."""

    def __init__(self, memory, model, criterion=None, name="net"):
        self.memory, self.model = memory, model
        self.work = Work(memory)
        self.watched = Watched(name, model, criterion)
        self.work.models.append(self.watched)
        self.losses = Losses(self.work)
        model.register_forward_hook(lambda module, args, output: self.losses.output(self.watched, output))
        if isinstance(criterion, nn.Module):
            criterion.register_forward_hook(self.called, with_kwargs=True)

    def called(self, module, args, kwargs, output):
        self.losses.called(self.watched, module, args, kwargs, output)

    def uses(self):
        for callback in self.memory.before_flush:
            callback()
        return {(use.seen, use.kind): use for kind, use in self.memory.records if kind == "loss_use"}

    def only(self):
        (use,) = self.uses().values()
        return use


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Linear(4, 3)


BATCH = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))


def test_a_criterion_module_tells_settings_inputs_and_targets(memory, net):
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3), label_smoothing=0.1, ignore_index=2, reduction="sum")
    training = Training(memory, net, criterion)
    loss = criterion(net(BATCH), LABELS.clamp(0))
    use = training.only()
    assert (use.model, use.criterion, use.kind, use.seen) == ("net", "CrossEntropyLoss", "cross_entropy", "criterion")
    assert (use.weighted, use.label_smoothing, use.ignore_index, use.reduction) == (True, 0.1, 2, "sum")
    assert (use.input.shape, use.input.requires_grad) == ((8, 3), True)
    assert use.input.minimum == pytest.approx(net(BATCH).min().item())
    assert (use.target.shape, use.target.dtype, use.classes) == ((8,), "int64", 3)
    assert (use.class_counts, use.lowest, use.highest) == ((2, 4, 0), 0, 1)
    assert use.first == use.last == pytest.approx(loss.item())


CRITERIA = {
    "cross_entropy": (nn.CrossEntropyLoss(), LABELS),
    "nll_loss": (nn.NLLLoss(), LABELS),
    "binary_cross_entropy_with_logits": (nn.BCEWithLogitsLoss(), SHARES),
    "mse_loss": (nn.MSELoss(), SHARES),
    "l1_loss": (nn.L1Loss(), SHARES),
    "smooth_l1_loss": (nn.SmoothL1Loss(), SHARES),
    "huber_loss": (nn.HuberLoss(), SHARES),
    "kl_div": (nn.KLDivLoss(reduction="batchmean"), SHARES),
    "poisson_nll_loss": (nn.PoissonNLLLoss(), SHARES),
    "multi_margin_loss": (nn.MultiMarginLoss(), LABELS.clamp(0)),
    "soft_margin_loss": (nn.SoftMarginLoss(), SHARES),
    "multilabel_soft_margin_loss": (nn.MultiLabelSoftMarginLoss(), SHARES),
    "hinge_embedding_loss": (nn.HingeEmbeddingLoss(), SHARES),
}


@pytest.mark.parametrize("kind", CRITERIA)
def test_each_module_by_arguments_and_keywords(memory, net, kind):
    criterion, target = copy.deepcopy(CRITERIA[kind])
    training = Training(memory, net, criterion)
    criterion(net(BATCH), target)
    name = "log_input" if kind == "poisson_nll_loss" else "input"
    criterion(**{"target": target, name: net(BATCH)})
    use = training.only()
    assert (use.kind, use.seen, use.looks, use.input.looks, use.target.looks) == (kind, "criterion", 2, 2, 2)
    assert use.input.shape == (8, 3)
    assert not use.broadcast


def test_modules_with_three_arguments(memory, net):
    for criterion in (nn.MarginRankingLoss(), nn.CosineEmbeddingLoss(), nn.TripletMarginLoss(), nn.GaussianNLLLoss()):
        training = Training(memory, net, criterion)
        first, second = net(BATCH), SHARES
        third = {
            nn.MarginRankingLoss: torch.ones(8, 3),
            nn.CosineEmbeddingLoss: torch.ones(8),
            nn.TripletMarginLoss: torch.randn(8, 3),
            nn.GaussianNLLLoss: torch.ones(8, 3),
        }[type(criterion)]
        criterion(first, second, third)
        use = training.uses()[("criterion", training.only().kind)]
        assert use.criterion == type(criterion).__name__
        assert (use.target is None) is isinstance(criterion, nn.TripletMarginLoss)
        memory.records.clear()
        memory.before_flush.clear()


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("criterion", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss()])
def test_broadcasting_is_seen(memory, criterion):
    net = nn.Linear(4, 1)
    training = Training(memory, net, copy.deepcopy(criterion))
    training.watched._criterion(net(BATCH), torch.rand(8))
    use = training.only()
    assert use.broadcast
    assert (use.input.shape, use.target.shape) == ((8, 1), (8,))


def test_a_function_that_is_never_logged_is_found_when_backward_begins(memory, net):
    training = Training(memory, net, F.cross_entropy)
    loss = F.cross_entropy(net(BATCH), LABELS)
    loss.backward()
    use = training.only()
    assert (use.criterion, use.kind, use.seen) == ("cross_entropy", "cross_entropy", "loss")
    assert (use.classes, use.class_counts, use.lowest, use.highest) == (3, (1, 4, 2), 0, 2)
    assert use.input.minimum == pytest.approx(net(BATCH).min().item())
    assert use.first == pytest.approx(loss.item())
    assert (use.ignore_index, use.reduction, use.target) == (-100, "mean", None)


def test_it_is_found_from_the_thread_in_which_an_accelerator_goes_backward(net):
    output = net(BATCH)
    loss = F.cross_entropy(output, LABELS)
    caller, found = threading.get_ident(), []

    def hook(gradient):
        thread = threading.Thread(target=lambda: found.append(loss_of(caller)))
        thread.start()
        thread.join()

    output.register_hook(hook)
    loss.backward()
    assert found[0] is loss
    assert loss_of(caller) is None


def test_a_scaled_loss_is_known_but_not_its_value(memory, net):
    training = Training(memory, net)
    (F.cross_entropy(net(BATCH), LABELS) / 4).backward()
    use = training.only()
    assert (use.kind, use.criterion, use.first) == ("cross_entropy", "", None)


def test_a_loss_logged_before_backward_tells_its_targets(memory, net):
    training = Training(memory, net, lambda output, labels: F.cross_entropy(output, labels))
    loss = F.cross_entropy(net(BATCH), LABELS)
    training.losses.logged("train/loss", loss)
    loss.backward()
    use = training.only()
    assert (use.kind, use.looks, use.class_counts) == ("cross_entropy", 1, (1, 4, 2))
    assert use.target.shape == (8,)


def test_a_loss_logged_after_backward_is_known_once(memory, net):
    training = Training(memory, net)
    loss = F.mse_loss(net(BATCH), SHARES)
    loss.backward()
    training.losses.logged("loss", loss)
    use = training.only()
    assert (use.kind, use.seen, use.looks) == ("mse_loss", "loss", 1)


def test_a_loss_of_a_model_that_is_not_called_is_known_by_what_is_logged(memory, net):
    training = Training(memory, net)
    loss = F.cross_entropy(F.linear(BATCH, net.weight), LABELS)
    training.losses.logged("loss", loss)
    assert training.only().kind == "cross_entropy"


def test_a_loss_computed_in_the_model_is_its_output(memory):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 3)

        def forward(self, x, labels):
            logits = self.head(x)
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    model = Model()
    training = Training(memory, model)
    output = model(BATCH, LABELS)
    output["loss"].backward()
    use = training.only()
    assert (use.seen, use.kind, use.class_counts) == ("output", "cross_entropy", (1, 4, 2))
    assert use.input.maximum == pytest.approx(output["logits"].max().item())
    assert use.input.name == "logits"


@pytest.mark.parametrize("told", ["criterion", "backward", "logged"])
@pytest.mark.parametrize(
    ("last", "facts"),
    [
        (nn.Softmax(1), (True, False, False)),
        (nn.Softmax(0), (False, True, False)),
        (nn.LogSoftmax(1), (False, False, True)),
        (nn.Identity(), (False, False, False)),
    ],
)
def test_probabilities_given_to_cross_entropy(memory, net, last, facts, told):
    model = nn.Sequential(net, last)
    criterion = nn.CrossEntropyLoss() if told == "criterion" else None
    training = Training(memory, model, criterion)
    for _ in range(3):
        loss = (criterion or F.cross_entropy)(model(BATCH), LABELS)
        if told == "backward":
            loss.backward()
        elif told == "logged":
            training.losses.logged("loss", loss)
    use = training.only()
    given = use.input
    assert use.kind == "cross_entropy"
    assert (given.rows_sum_to_one, given.columns_sum_to_one, given.rows_logsumexp_zero) == facts


def test_log_softmax_of_the_model_makes_it_nll(memory, net):
    model = nn.Sequential(net, nn.LogSoftmax(1))
    training = Training(memory, model)
    F.nll_loss(model(BATCH), LABELS).backward()
    use = training.only()
    assert (use.kind, use.input.rows_logsumexp_zero, use.class_counts) == ("nll_loss", True, ())
    assert use.input.maximum <= 0


def test_a_criterion_of_the_users_is_read_by_what_it_computed(memory, net):
    class Weighted(nn.Module):
        def forward(self, output, batch):
            return 0.3 * F.cross_entropy(output["logits"], batch["labels"])

    class Focal(nn.CrossEntropyLoss):
        def forward(self, output, labels):
            return (output.exp() * labels[:, None]).mean()

    criterion = Weighted()
    training = Training(memory, net, criterion)
    criterion({"logits": net(BATCH)}, {"labels": LABELS})
    use = training.only()
    assert (use.criterion, use.kind, use.class_counts) == ("Weighted", "cross_entropy", (1, 4, 2))
    memory.records.clear()
    memory.before_flush.clear()
    criterion = Focal()
    training = Training(memory, net, criterion)
    criterion(net(BATCH), LABELS)
    use = training.only()
    assert (use.criterion, use.kind, use.input.shape, use.target.shape) == ("Focal", "", (8, 3), (8,))


def test_looks_are_summed_and_get_rare(memory, net):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    seen = []
    for step in range(100):
        memory.optimizer_step = step
        seen.append(criterion(net(BATCH * (1 + step)), LABELS).item())
    use = training.only()
    assert 8 < use.looks < 25
    assert use.class_counts == tuple(use.looks * count for count in (1, 4, 2))
    assert use.first == pytest.approx(seen[0])
    assert use.last == pytest.approx(seen[use.stamp.step])
    assert use.input.maximum > net(BATCH).max().item()


def test_of_accumulated_batches_one_a_step_is_looked_at_later(memory, net):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    for _ in range(8):
        criterion(net(BATCH), LABELS)
    memory.optimizer_step = 8
    for _ in range(5):
        criterion(net(BATCH), LABELS)
    assert training.only().looks == 9


def test_evaluation_is_no_look(memory, net):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    with torch.no_grad():
        criterion(net(BATCH), LABELS)
    with torch.inference_mode():
        criterion(net(BATCH), LABELS)
    assert training.uses() == {}


def test_more_classes_than_are_counted(memory):
    net = nn.Linear(4, 2000)
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    criterion(net(BATCH), torch.arange(8) * 200)
    use = training.only()
    assert (use.classes, use.class_counts, use.lowest, use.highest) == (2000, (), 0, 1400)


@pytest.mark.parametrize(
    ("output", "target"),
    [
        (torch.randn(8, 3).half(), LABELS),
        (torch.randn(8, 3).bfloat16(), LABELS),
        (torch.randn(8, 3), LABELS),
        (torch.randn(3), torch.tensor(1)),
        (torch.randn(8, 3), SHARES),
        (torch.randn(8, 3), torch.full((8,), -100)),
        (torch.full((8, 3), math.nan), LABELS),
        (torch.randn(0, 3), torch.zeros(0, dtype=torch.long)),
        (torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.uint8).long()),
    ],
)
@pytest.mark.parametrize("gradients", [True, False])
def test_odd_batches_raise_nothing(memory, net, output, target, gradients):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    output = output.clone().requires_grad_(gradients)
    loss = criterion(output, target)
    training.losses.logged("loss", loss)
    use = training.uses()[("criterion", "cross_entropy")]
    assert use.looks == 1
    assert use.input.requires_grad is gradients


@pytest.mark.parametrize(
    ("args", "kwargs", "output"),
    [
        ((), {}, torch.tensor(1.0)),
        ((None, None), {}, None),
        (({"logits": torch.ones(2, 3)}, [{"boxes": torch.ones(1, 4)}, {"boxes": torch.ones(3, 4)}]), {}, {"a": 1.0}),
        (([torch.ones(2), torch.ones(5)],), {"targets": [1, 2]}, (torch.tensor(1.0), None)),
        (("text", 3), {"target": object()}, 0.5),
        ((torch.ones(2, 3),), {"target": torch.ones(2, 3).to_sparse()}, torch.ones(2, requires_grad=True).sum()),
        ((torch.ones(2, 3, device="meta"),), {}, torch.ones((), device="meta")),
    ],
)
def test_odd_calls_raise_nothing(memory, net, args, kwargs, output):
    class Custom(nn.Module):
        pass

    training = Training(memory, net, Custom())
    for module in (training.watched._criterion, nn.CrossEntropyLoss(), nn.MSELoss()):
        training.losses.called(training.watched, module, args, kwargs, output)
    training.losses.output(training.watched, output)
    training.losses.logged("loss", output)
    assert all(use.looks for use in training.uses().values())


def test_of_several_models_the_one_that_the_loss_trains_is_named(memory):
    first, second = nn.Linear(4, 3), nn.Linear(4, 3)
    training = Training(memory, first, name="first")
    other = Watched("second", second)
    training.work.models.append(other)
    loss = F.cross_entropy(second(BATCH), LABELS)
    training.losses.logged("loss", loss)
    training.losses.logged("stranger", F.cross_entropy(nn.Linear(4, 3)(BATCH), LABELS))
    assert training.only().model == "second"


def test_results_on_a_device_come_when_they_are_delivered(memory, net):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    training.work.later.hold = True
    loss = criterion(net(BATCH), LABELS)
    use = training.only()
    assert (use.class_counts, use.first) == ((1, 4, 2), pytest.approx(loss.item()))
    assert use.input.minimum is not None


def test_nothing_of_the_users_is_kept_or_changed(memory, net):
    criterion = nn.CrossEntropyLoss()
    training = Training(memory, net, criterion)
    function = Training(memory, copy.deepcopy(net))
    plain = copy.deepcopy(net)
    state = torch.get_rng_state()
    for one in (training, function):
        output = one.model(BATCH)
        loss = (criterion if one is training else F.cross_entropy)(output, LABELS.clone())
        loss.backward()
        references = weakref.ref(output), weakref.ref(loss)
        del output, loss
        gc.collect()
        assert [reference() for reference in references] == [None, None]
    assert torch.equal(torch.get_rng_state(), state)
    F.cross_entropy(plain(BATCH), LABELS).backward()
    for one in (training, function):
        assert torch.equal(one.model.weight.grad, plain.weight.grad)
    assert len(training.uses()) == 2
    model = function.model
    model._forward_hooks.clear()
    pickle.loads(pickle.dumps(copy.deepcopy(model)))


def test_retained_graphs_and_second_derivatives_go_on(memory, net):
    training = Training(memory, net)
    loss = F.mse_loss(net(BATCH), SHARES)
    loss.backward(retain_graph=True)
    loss.backward()
    loss = F.mse_loss(net(BATCH), SHARES)
    (gradient,) = torch.autograd.grad(loss, net.weight, create_graph=True)
    gradient.square().sum().backward()
    assert training.only().kind == "mse_loss"


def test_gradient_checkpointing_goes_on(memory):
    from torch.utils.checkpoint import checkpoint

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
            self.calls = 0

        def part(self, x):
            self.calls += 1
            return self.layers(x)

        def forward(self, x):
            return checkpoint(self.part, x, use_reentrant=False)

    model = Model()
    training = Training(memory, model)
    F.cross_entropy(model(BATCH), LABELS).backward()
    assert model.calls == 2
    assert training.only().kind == "cross_entropy"
