"""What a module that raised was called with, and what to change: for each kind of mistake, as torch raises it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reportgen.collect.failure import failure_of
from reportgen.collect.watch import Watcher
from reportgen.run.graph import TensorSpec
from reportgen.run.series import Stamp
from tests.collect.memory import Memory


class Article(nn.Module):
    """The network of the article, whose first linear layer does not fit what the pooling leaves."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = nn.functional.relu(self.conv1(x))
        x = nn.functional.relu(self.conv2(x))
        x = torch.flatten(nn.functional.avg_pool2d(x, 8), 1)
        x = nn.functional.relu(self.fc1(x))
        return nn.functional.log_softmax(self.fc2(x), dim=1)


def raised(model, *args, **kwargs):
    try:
        model(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError("it did not raise")


def fault_of(model, *args, **kwargs):
    """The fault in the graph of the failing forward, which is also that read from the traceback afterwards."""
    memory = Memory()
    watcher = Watcher(memory)
    watcher.watch(model)
    error = raised(model, *args, **kwargs)
    fault = memory.last("graph").fault
    assert watcher.fault(error) == fault
    watcher.close()
    return fault


def test_the_articles_network_is_told_how_many_features_arrive():
    memory = Memory()
    watcher = Watcher(memory)
    model = Article()
    watcher.watch(model)
    error = raised(model, torch.randn(64, 1, 28, 28))
    assert str(error) == "mat1 and mat2 shapes cannot be multiplied (64x576 and 3136x128)"
    graph = memory.last("graph")
    assert graph.fault.module == "fc1"
    assert graph.fault.type == "Linear"
    assert graph.fault.got == (TensorSpec((64, 576), "float32"),)
    assert graph.fault.expected == "3,136 features in the last dimension"
    assert graph.fault.change == "Change in_features of fc1 from 3,136 to 576."
    assert graph.fault.code == "nn.Linear(576, 128)"
    assert graph.captured == "the first training forward, up to where it raised"
    status = {n.path: n.status for n in graph.nodes if n.kind == "module"}
    assert status == {"": "failed", "conv1": "ok", "conv2": "ok", "fc1": "failed", "fc2": "not called"}
    names = {n.id: n.path or n.id for n in graph.nodes}
    last = [e for e in graph.edges if names[e.target] == "fc1"]
    assert [(names[e.source], e.tensor.shape) for e in last] == [("flatten", (64, 576))]
    model.fc1 = nn.Linear(576, 128)
    model(torch.randn(2, 1, 28, 28))
    assert memory.last("graph").fault is None
    assert memory.last("graph").captured == "the first training forward"
    watcher.close()


SIZES = [
    (nn.Linear(4, 2, bias=False), (3, 5), "4 features", "nn.Linear(5, 2, bias=False)"),
    (nn.Conv1d(3, 4, 3), (2, 1, 9), "3 channels in dimension 1", "nn.Conv1d(1, 4, 3)"),
    (nn.Conv2d(3, 8, 7, 2, 3, bias=False), (2, 1, 28, 28), "3 channels in dimension 1",
     "nn.Conv2d(1, 8, 7, stride=2, padding=3, bias=False)"),
    (nn.Conv2d(3, 8, (3, 5)), (1, 28, 28), "3 channels in dimension 0", "nn.Conv2d(1, 8, (3, 5))"),
    (nn.Conv3d(3, 4, 3), (2, 1, 9, 9, 9), "3 channels in dimension 1", "nn.Conv3d(1, 4, 3)"),
    (nn.ConvTranspose2d(6, 4, 3, stride=2), (2, 8, 5, 5), "6 channels", "nn.ConvTranspose2d(8, 4, 3, stride=2)"),
    (nn.BatchNorm1d(4), (3, 5), "4 channels", "nn.BatchNorm1d(5)"),
    (nn.BatchNorm2d(4, eps=0.001), (2, 5, 3, 3), "4 channels", "nn.BatchNorm2d(5, eps=0.001)"),
    (nn.BatchNorm3d(4), (2, 5, 3, 3, 3), "4 channels", "nn.BatchNorm3d(5)"),
    (nn.LayerNorm(4), (2, 5), "4 features in the last dimension", "nn.LayerNorm(5)"),
    (nn.LayerNorm((4, 6)), (2, 5, 6), "4 x 6 as its last dimensions", "nn.LayerNorm((5, 6))"),
    (nn.GroupNorm(2, 4), (2, 6, 3), "4 channels", "nn.GroupNorm(2, 6)"),
    (nn.LSTM(4, 8, 2, batch_first=True), (2, 3, 5), "4 features",
     "nn.LSTM(5, 8, num_layers=2, batch_first=True)"),
    (nn.GRU(4, 8), (2, 3, 5), "4 features", "nn.GRU(5, 8)"),
    (nn.LSTMCell(4, 8), (3, 5), "4 features", "nn.LSTMCell(5, 8)"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "shape", "expected", "code"), SIZES, ids=lambda value: type(value).__name__)
def test_a_size_that_does_not_fit_names_the_argument_to_change(module, shape, expected, code):
    fault = fault_of(nn.Sequential(nn.Identity(), module), torch.randn(shape))
    assert (fault.module, fault.type) == ("1", type(module).__name__)
    assert fault.got == (TensorSpec(shape, "float32"),)
    assert fault.expected.startswith(expected)
    assert fault.change.startswith("Change ")
    assert fault.code == code
    made = eval(code, {"nn": nn})
    made(torch.randn(shape))  # what is proposed does take it


def test_an_index_beyond_the_table_names_the_largest():
    fault = fault_of(nn.Sequential(nn.Embedding(100, 4, padding_idx=0)), torch.tensor([[3, 1234]]))
    assert fault.expected == "indices from 0 to 99; the largest it got is 1,234"
    assert fault.change == "Change num_embeddings of 0 from 100 to 1,235."
    assert fault.code == "nn.Embedding(1235, 4, padding_idx=0)"
    below = fault_of(nn.Sequential(nn.Embedding(100, 4)), torch.tensor([[3, -1]]))
    assert below.expected == "indices from 0 to 99; the least it got is -1"
    assert below.code == ""


@pytest.mark.parametrize(
    ("module", "given", "expected", "change"),
    [
        (nn.Linear(4, 2), torch.ones(3, 4, dtype=torch.int64), "float32, the dtype", "inputs.to(torch.float32)"),
        (nn.Conv2d(1, 2, 3), torch.ones(1, 1, 5, 5, dtype=torch.float64), "float32, the dtype", "to(torch.float32)"),
        (nn.Embedding(4, 2), torch.ones(3), "indices of dtype int64", "x.long()"),
        (nn.Conv2d(1, 2, 3), torch.ones(5, 5), "4 dimensions (N, C, H, W), or 3", "unsqueeze"),
        (nn.Conv2d(1, 2, 5), torch.ones(1, 1, 3, 9), "at least 5 places in dimension 2", "larger input"),
        (nn.BatchNorm1d(3), torch.ones(1, 3), "more than one value for each channel", "drop_last=True"),
        (nn.BatchNorm2d(3), torch.ones(4, 3), "a tensor of 4 dimensions", "2 dimensions"),
        (nn.Conv2d(4, 4, 1, groups=4), torch.ones(1, 6, 3, 3), "4 channels", "cannot be divided into its 4 groups"),
    ],
)
def test_other_mistakes_are_named_with_what_to_do(module, given, expected, change):
    fault = fault_of(nn.Sequential(module), given)
    assert fault.expected.startswith(expected)
    assert change in fault.change
    assert fault.code == ""


def test_inputs_on_another_device_are_named():
    fault = fault_of(nn.Sequential(nn.Linear(2, 2, device="meta"), nn.Linear(2, 2)), torch.ones(1, 2))
    assert fault.expected == "tensors on meta, where its weight is, and got one on cpu"
    assert 'inputs.to("meta")' in fault.change


def test_a_subclass_of_the_users_has_no_line_of_code():
    class Mine(nn.Linear):
        pass

    fault = fault_of(nn.Sequential(Mine(3, 2)), torch.ones(1, 4))
    assert (fault.type, fault.code) == ("Mine", "")
    assert "from 3 to 4" in fault.change


def test_what_no_rule_knows_still_tells_what_arrived():
    class Breaks(nn.Module):
        def forward(self, x, *, mask):
            raise ValueError("no")

    fault = fault_of(Breaks(), torch.ones(2, 3), mask=torch.ones(1))
    assert (fault.module, fault.type, fault.expected) == ("", "Breaks", "")
    assert fault.got == (TensorSpec((2, 3), "float32"), TensorSpec((1,), "float32", "mask"))


@pytest.mark.parametrize("way", ["a later step", "evaluation"])
def test_a_forward_that_nobody_captured_is_read_from_the_traceback(way):
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    watcher.watch(model)
    model(torch.ones(1, 4))
    if way == "evaluation":
        model.eval()
    error = raised(model, torch.ones(1, 5))
    fault = watcher.fault(error)
    failure = failure_of(error, Stamp(0), watcher.current_module(error), fault)
    watcher.close()
    assert failure.module == failure.fault.module == "0"
    assert failure.fault.code == "nn.Linear(5, 2)"
    assert memory.last("graph").fault is None


def test_an_error_from_elsewhere_has_no_fault():
    watcher = Watcher(Memory())
    watcher.watch(nn.Linear(1, 1))
    assert watcher.fault(ValueError("x")) is None
    watcher.close()


def test_a_loop_that_catches_each_failure_is_looked_at_three_times():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(4, 2))
    watcher.watch(model)
    for _ in range(10):
        raised(model, torch.ones(1, 5))
    watcher.close()
    assert len([kind for kind, _ in memory.records if kind == "graph"]) == 3
