"""Training with and without watching: every number, flag and hook is the same, bit for bit."""

from __future__ import annotations

import copy
import io
import pickle
import random
import time
from collections import OrderedDict

import numpy as np
import pytest
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from torch import nn
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.utils.checkpoint import checkpoint

from reportgen.collect.forward_hooks import MOST_FAILED
from reportgen.collect.recorder import Recorder
from reportgen.collect.watch import Watcher
from reportgen.readers.folder import read_folder
from reportgen.run.folder import create_folder
from reportgen.run.records import Meta
from tests.collect.memory import Memory

STEPS = 14  # past every kind of snapshot of the dense beginning


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.drop = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.Dropout(0.3)
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(6 * 9, 4)

    def forward(self, x):
        x = self.drop(self.relu(self.bn(self.conv(x))))
        return self.fc(F.max_pool2d(x, 2).flatten(1))


class Frozen(Cnn):
    """Its normalisation stays in eval mode and its first layer as it is."""

    def __init__(self):
        super().__init__()
        self.conv.requires_grad_(False)
        self.bn.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.bn.eval()
        return self


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 8, 2, dropout=0.2, batch_first=True), nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


class Tied(nn.Module):
    """A Transformer language model whose output layer is its embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), 2)
        self.out = nn.Linear(8, 11, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x):
        return self.out(self.encoder(self.embed(x))).mean(1)


class Masked(nn.Module):
    """nn.TransformerEncoder, whose evaluation takes another way (nested tensors) with a padding mask."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), 2)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        mask = torch.zeros(x.shape[:2], dtype=torch.bool)
        mask[:, 4:] = True
        return self.fc(self.encoder(x, src_key_padding_mask=mask)[:, :4].mean(1))


class FrozenEncoder(nn.Module):
    """A Transformer that stays in eval mode, and so takes its fast path, inside of a model that trains."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2).requires_grad_(False)
        self.fc = nn.Linear(8, 4)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, x):
        return self.fc(self.encoder(x).mean(1))


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


class Operations(nn.Module):
    """Functions of every kind: in place, random, of the user's own, checkpointed, with a branch on a number."""

    def __init__(self):
        super().__init__()
        self.inner, self.fc = nn.Linear(8, 8), nn.Linear(8, 4)
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        x = checkpoint(self.inner, x, use_reentrant=False)
        self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
        left, right = Twice.apply(x).chunk(2, dim=1)
        x = torch.cat([right, F.dropout(left, 0.4)], 1) + torch.rand_like(x)
        x[:, 0] = 0
        return self.fc(x.relu_() - self.mean) if x.sum() > 0 else self.fc(x)


FAMILIES = {
    "cnn": (Cnn, lambda: torch.randn(8, 1, 8, 8)),
    "frozen": (Frozen, lambda: torch.randn(8, 1, 8, 8)),
    "lstm": (Lstm, lambda: torch.randn(8, 5, 3)),
    "tied": (Tied, lambda: torch.randint(0, 11, (8, 6))),
    "masked": (Masked, lambda: torch.randn(8, 6, 8)),
    "frozen encoder": (FrozenEncoder, lambda: torch.randn(8, 6, 8)),
    "operations": (Operations, lambda: torch.randn(8, 8)),
}


def hook_tables(model):
    """Every table of hooks of every module and tensor, and torch's global ones."""
    found = [dict(table) for table in vars(modules).values() if isinstance(table, OrderedDict)]
    found += [dict(optimizers._global_optimizer_pre_hooks), dict(optimizers._global_optimizer_post_hooks)]
    for module in model.modules():
        found += [dict(v) for k, v in vars(module).items() if "hook" in k and isinstance(v, dict)]
    found += [dict(p._backward_hooks or {}) for p in model.parameters()]
    return found


def training(name, watcher=None, asked=None):
    """A training loop with an EMA, a best model and validation; everything it computed."""
    make, batch = FAMILIES[name]
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    model = make()
    clean = hook_tables(model)
    flags = [module.training for module in model.modules()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    given = batch()
    if watcher is not None:
        watcher.watch(model, optimizer, nn.CrossEntropyLoss())
    ema, best, best_loss = copy.deepcopy(model), None, float("inf")
    seen = {"losses": [], "validation": [], "outputs": [], "gradients": [], "flags": []}
    for step in range(STEPS):
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch()), torch.randint(0, 4, (8,)))
        loss.backward()
        seen["gradients"].append([None if p.grad is None else p.grad.clone() for p in model.parameters()])
        optimizer.step()
        seen["losses"].append(loss.detach())
        with torch.no_grad():
            for mean, now in zip(ema.parameters(), model.parameters(), strict=True):
                mean.lerp_(now, 0.1)
        ema(batch())  # in train mode, with gradients: a copy's forward
        ema = copy.deepcopy(ema)
        if asked is not None and step % 3 == 0:
            asked(model, given)
        if step % 4 == 3:
            model.eval()
            seen["flags"].append([module.training for module in model.modules()])
            with torch.no_grad():
                output = model(batch())
            seen["outputs"].append(output)
            seen["validation"].append(F.cross_entropy(output, torch.randint(0, 4, (8,))))
            if seen["validation"][-1] < best_loss:
                best, best_loss = copy.deepcopy(model), seen["validation"][-1]
    if watcher is not None:
        watcher.close()
    assert hook_tables(model) == clean
    model.train()
    seen["flags"].append([module.training for module in model.modules()])
    if make not in (Frozen, FrozenEncoder):
        assert seen["flags"][-1] == flags
    seen["weights"] = [dict(m.state_dict()) for m in (model, ema, best)]
    seen["optimizer"] = optimizer.state_dict()
    seen["generators"] = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]
    return seen


def assert_same(one, other, where=""):
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{index}")
    else:
        assert one == other, where


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", FAMILIES)
def test_training_is_bit_equal(name, tmp_path):
    recorder = Recorder(create_folder("t", tmp_path / "run"), Meta("t", "running", time.time()), strict=True)
    watched = training(name, Watcher(recorder))
    recorder.close()
    assert_same(training(name), watched)
    graph = read_folder(tmp_path / "run").graph
    assert graph.operations is (name != "frozen encoder")
    assert graph.operations or "fast path" in graph.notes[0]
    text = recorder._folder.journal.read_text()
    for kind in ("model", "graph", "measures", "distributions", "mode_use", "model_use"):
        assert f'"k":"{kind}"' in text
    assert '"k":"non_finite"' not in text
    assert text.count('"activation":') == len(
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 11}
    )  # the copies' forwards are not among them


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", FAMILIES)
def test_training_is_bit_equal_with_the_graph_asked_for_again_and_again(name):
    memory = Memory()
    watcher = Watcher(memory)
    watched = training(name, watcher, lambda model, batch: watcher.graph(model, (batch,), {}))
    assert_same(training(name), watched)
    captured = {graph.captured for kind, graph in memory.records if kind == "graph"}
    assert captured == {"the first training forward"}  # which stays


@pytest.fixture
def watched():
    memory = Memory()
    watcher = Watcher(memory)
    torch.manual_seed(0)
    model = Cnn()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    watcher.watch(model, optimizer)
    model(torch.randn(4, 1, 8, 8)).sum().backward()
    optimizer.step()
    yield model, optimizer, memory
    watcher.close()


def test_saving_pickling_and_copying_the_model_and_the_optimizer(watched):
    model, optimizer, memory = watched
    before = {kind: len(names["conv"]) for kind, names in memory.taken.items() if "conv" in names}
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    copies = [
        torch.load(buffer, weights_only=False),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ]
    same = torch.randn(4, 1, 8, 8)
    model.eval()
    for other in copies:
        assert_same(dict(model.state_dict()), dict(other.state_dict()))
        assert torch.equal(other.eval()(same), model(same))
        other.train()(same)  # not counted
    for other in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert_same(optimizer.state_dict(), other.state_dict())
        assert not other._optimizer_step_pre_hooks
        other.step()
    assert memory.optimizer_step == 1
    assert {kind: len(names["conv"]) for kind, names in memory.taken.items() if "conv" in names} == before
    model.load_state_dict(copies[0].state_dict())
    assert b"reportgen" not in buffer.getvalue()


def answer(model, batch, queue):
    with torch.no_grad():
        queue.put(model(batch).tolist())


def test_a_watched_model_can_be_sent_to_a_spawned_process(watched):
    model, _, _ = watched
    model.eval()
    batch = torch.randn(2, 1, 8, 8)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=answer, args=(model, batch, queue))
    process.start()
    received = queue.get(timeout=120)
    process.join(timeout=60)
    assert process.exitcode == 0
    assert torch.tensor(received).allclose(model(batch), atol=1e-6)


def test_a_keyboard_interrupt_in_a_forward_leaves_everything_as_it_was():
    class Interrupted(Cnn):
        interrupts = True

        def forward(self, x):
            x = super().forward(x)
            if self.interrupts:
                raise KeyboardInterrupt
            return x

    memory = Memory()
    watcher = Watcher(memory)
    model = Interrupted()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    clean = hook_tables(model)
    watcher.watch(model, optimizer)
    flags = [module.training for module in model.modules()]
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            model(torch.randn(2, 1, 8, 8))
    assert torch._C._len_torch_function_stack() == 0
    assert torch._C._len_torch_dispatch_stack() == 0
    assert torch.is_grad_enabled()
    assert flags == [module.training for module in model.modules()]
    assert not [graph for kind, graph in memory.records if kind == "graph"]
    model.interrupts = False
    model(torch.randn(2, 1, 8, 8))
    assert memory.last("graph").captured == "the first training forward"
    watcher.close()
    assert hook_tables(model) == clean


def test_a_forward_that_is_interrupted_each_time_is_soon_left_alone():
    class Interrupted(nn.Module):
        def forward(self, x):
            seen.append(torch._C._len_torch_function_stack())
            raise KeyboardInterrupt

    seen = []
    watcher = Watcher(Memory())
    model = Interrupted()
    watcher.watch(model)
    for _ in range(6):
        with pytest.raises(KeyboardInterrupt):
            model(torch.ones(1))
    watcher.close()
    assert seen == [1] * MOST_FAILED + [0] * (6 - MOST_FAILED)


def test_the_users_own_modes_stay_on_their_stacks():
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Functions(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            called.append(str(function))
            return function(*args, **(kwargs or {}))

    class Operations(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            dispatched.append(str(function))
            return function(*args, **(kwargs or {}))

    runs = []
    for watch in (False, True):
        called, dispatched = [], []
        torch.manual_seed(0)
        model = Cnn()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        watcher = Watcher(Memory())
        if watch:
            watcher.watch(model, optimizer)
        batch = torch.randn(2, 1, 8, 8)
        with Functions(), Operations():
            for _ in range(3):
                optimizer.zero_grad()
                model(batch).sum().backward()
                optimizer.step()
        watcher.close()
        runs.append((called, dispatched))
    assert runs[1][1] == runs[0][1]  # no operation more
    own = [name for name in runs[1][0] if "method" not in name and "getset" not in name and "slot" not in name]
    assert own == [name for name in runs[0][0] if name in own]  # no function more: only attributes were asked for


@pytest.mark.parametrize("way", ["wrapped", "wrapped later", "in place", "a function that calls it"])
def test_compiling_gives_the_same_graphs_breaks_and_recompiles(way):
    from torch._dynamo.testing import CompileCounterWithBackend
    from torch._dynamo.utils import counters

    found = []
    for watch in (False, True):
        torch._dynamo.reset()
        counters.clear()
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        counter = CompileCounterWithBackend("aot_eager")
        watcher = Watcher(Memory())
        called = model
        if way == "wrapped":
            called = torch.compile(model, backend=counter)
        elif way == "in place":
            model.compile(backend=counter)
        elif way == "a function that calls it":
            called = torch.compile(lambda x, model=model: model(x) * 2, backend=counter)
        if watch:
            watcher.watch(called if way == "wrapped" else model, optimizer)
        if way == "wrapped later":
            called = torch.compile(model, backend=counter)
        losses = []
        for step in range(12):
            optimizer.zero_grad()
            loss = called(torch.ones(3, 4) * step).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            called(torch.ones(3, 4))
        watcher.close()
        breaks = dict(counters["graph_break"])
        recompiles = counters["stats"]["unique_graphs"], counters["frames"]["total"], counters["frames"]["ok"]
        found.append((counter.frame_count, counter.op_count, breaks, recompiles, losses, dict(model.state_dict())))
    assert found[0][0] >= 1
    assert_same(found[0], found[1])
    torch._dynamo.reset()


def test_a_compiled_model_still_shows_its_weights_and_gradients_and_says_what_it_cannot():
    memory = Memory()
    watcher = Watcher(memory)
    model = torch.compile(nn.Sequential(nn.Linear(4, 2)), backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    model(torch.ones(3, 4)).sum().backward()
    optimizer.step()
    watcher.close()
    assert set(memory.taken["gradient"]) == {"0.weight", "0.bias"}
    assert memory.last("model").compiled
    assert memory.last("model").type == "Sequential"
    graph = memory.last("graph")
    assert "compiled" in graph.notes[0]
    assert [(n.path, n.type, n.parameters, n.status) for n in graph.nodes] == [("0", "Linear", 10, "not called")]
    assert "in_features=4" in graph.nodes[0].detail
    assert graph.parameters == 10
    torch._dynamo.reset()
