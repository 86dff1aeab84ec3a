"""What a module that raised was called with, and what to change: for each kind of mistake, as torch raises it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reportgen.collect.failure import failure_of
from reportgen.collect.graph.constructors import constructor
from reportgen.collect.graph.faults import fault_of as explained
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
    (nn.RNN(4, 8, nonlinearity="relu"), (2, 3, 5), "4 features", "nn.RNN(5, 8, nonlinearity='relu')"),
    (nn.RNNCell(4, 8, nonlinearity="relu"), (3, 5), "4 features", "nn.RNNCell(5, 8, nonlinearity='relu')"),
    (nn.GRU(4, 8, 1, False, True, 0.0, True), (2, 3, 5), "4 features",
     "nn.GRU(5, 8, bias=False, batch_first=True, bidirectional=True)"),
    (nn.LayerNorm((4, 6), elementwise_affine=False), (2, 6, 6), "4 x 6",
     "nn.LayerNorm((6, 6), elementwise_affine=False)"),
    (nn.LayerNorm(4, bias=False), (2, 5), "4 features", "nn.LayerNorm(5, bias=False)"),
    (nn.InstanceNorm1d(4, affine=True), (5, 9), "4 channels in dimension 0", "nn.InstanceNorm1d(5, affine=True)"),
    (nn.BatchNorm1d(4, momentum=None, affine=False), (3, 5), "4 channels",
     "nn.BatchNorm1d(5, momentum=None, affine=False)"),
    (nn.Conv2d(4, 6, 3, padding="same", groups=2, dilation=2, padding_mode="circular"), (2, 8, 9, 9), "4 channels",
     "nn.Conv2d(8, 6, 3, padding='same', dilation=2, groups=2, padding_mode='circular')"),
    (nn.Conv2d(16, 8, 3), (1, 28, 28), "16 channels in dimension 0", "nn.Conv2d(1, 8, 3)"),
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


def test_attention_is_proposed_with_all_it_was_given():
    attention = nn.MultiheadAttention(4, 2, add_bias_kv=True, bias=False, batch_first=True, kdim=3)
    x = torch.randn(2, 3, 6)
    fault = fault_of(attention, x, torch.randn(2, 3, 3), torch.randn(2, 3, 4))
    assert fault.expected == "4 features in the last dimension"
    assert fault.code == "nn.MultiheadAttention(6, 2, bias=False, add_bias_kv=True, kdim=3, batch_first=True)"
    odd = fault_of(nn.MultiheadAttention(4, 2), *[torch.randn(2, 3, 5)] * 3)
    assert odd.code == ""
    assert odd.change == "5 cannot be divided into its 2 heads: change embed_dim and num_heads, or what it is given."


WHOLE = [
    nn.Linear(3, 2, bias=False),
    nn.Conv1d(4, 6, 3, 2, 1, 2, 2, False, "reflect"),
    nn.Conv2d(4, 6, (3, 1), padding=(1, 0)),
    nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False, 2),
    nn.BatchNorm2d(4, 0.1, None, False, False),
    nn.SyncBatchNorm(4, 0.1),
    nn.InstanceNorm2d(4, 0.1, 0.2, True, True),
    nn.GroupNorm(2, 4, 0.1, False),
    nn.LayerNorm((4, 4), 0.1, True, False),
    nn.Embedding(5, 4, 1, 2.0, 1.0, True, True),
    nn.RNN(4, 8, 2, "relu", False, True, 0.5, True),
    nn.LSTM(4, 8, 2, False, True, 0.5, True, 3),
    nn.GRU(4, 8, 2, False, True, 0.5, True),
    nn.RNNCell(4, 8, False, "relu"),
    nn.GRUCell(4, 8, False),
    nn.MultiheadAttention(8, 2, 0.5, False, True, True, 3, 5, True),
]


@pytest.mark.parametrize("module", WHOLE, ids=lambda module: type(module).__name__)
def test_the_line_of_code_carries_every_argument_that_is_not_its_default(module):
    made = eval(constructor(module, {}), {"nn": nn})

    def state(of):
        plain = {k: v for k, v in vars(of).items() if isinstance(v, (bool, int, float, str, tuple, type(None)))}
        return repr(of), plain, {k: v.shape for k, v in of.state_dict().items()}

    assert state(made) == state(module)


def test_an_argument_that_is_no_plain_value_leaves_no_line_of_code():
    norm = nn.SyncBatchNorm(4)
    norm.process_group = object()
    assert constructor(norm, {"num_features": 5}) == ""


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
        (nn.Conv2d(4, 4, 1, groups=4), torch.ones(1, 8, 3, 3), "4 channels", "in_channels, out_channels and groups"),
        (nn.Conv2d(1, 32, 3), torch.ones(64, 28, 28), "4 dimensions (N, 1, H, W), or 1 channel", "unsqueeze(1)"),
        (nn.Conv1d(1, 32, 3), torch.ones(64, 28), "3 dimensions (N, 1, W), or 1 channel", "unsqueeze(1)"),
        (nn.Conv2d(3, 32, 3), torch.ones(64, 28, 28), "4 dimensions (N, 3, H, W), or 3 channels", "unsqueeze(0)"),
        (nn.Conv2d(3, 32, 3), torch.ones(8, 28, 28, 3), "3 channels in dimension 1", "inputs.movedim(-1, 1)"),
        (nn.Conv1d(16, 32, 3), torch.ones(8, 50, 16), "16 channels in dimension 1", "inputs.movedim(-1, 1)"),
        (nn.GroupNorm(2, 4), torch.ones(2, 5, 3), "4 channels", "5 cannot be divided into its 2 groups"),
        (nn.LSTM(4, 8), torch.ones(2, 3, 4, dtype=torch.float64), "float32, the dtype", "to(torch.float32)"),
        (nn.LayerNorm(4), torch.ones(2, 4, dtype=torch.float64), "float32, the dtype", "to(torch.float32)"),
        (nn.BatchNorm1d(4), torch.ones(2, 4, dtype=torch.int64), "float32, the dtype", "to(torch.float32)"),
        (nn.ConvTranspose1d(1, 2, 3), torch.ones(1, 1, 5, dtype=torch.int64), "float32, the dtype", "torch.float32"),
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


class Tokens(nn.Module):
    """Takes indices, holds a weight, and makes a mistake that has nothing to do with either."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, ids):
        return [] - 1


class Head(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1)) + missing  # noqa: F821


class Filters(nn.Conv2d):
    def forward(self, x):
        x = x.flatten(2)
        raise TypeError("the type of a device must have the same dtype")


@pytest.mark.parametrize(
    ("module", "given"),
    [
        (Tokens(), torch.ones(2, 3, dtype=torch.int64)),
        (Head(12, 2), torch.ones(2, 3, 4)),
        (Filters(3, 4, 1), torch.ones(1, 5, 3, 3, dtype=torch.float64)),
    ],
    ids=["tokens", "head", "filters"],
)
def test_an_error_in_the_users_own_forward_is_not_explained_by_sizes_or_dtypes(module, given):
    fault = fault_of(nn.Sequential(module), given)
    assert fault.got[0].shape == tuple(given.shape)
    assert (fault.expected, fault.change, fault.code) == ("", "", "")


def test_an_error_in_a_layer_that_says_something_else_is_not_explained_by_its_sizes():
    def refuse(module, args):
        raise TypeError("unsupported operand type(s) for +: 'device' and 'int'")

    layer = nn.Linear(4, 2)
    handle = layer.register_forward_pre_hook(refuse)
    fault = fault_of(nn.Sequential(layer), torch.ones(3, 5, dtype=torch.int64))
    handle.remove()
    assert (fault.module, fault.expected) == ("0", "")
    patched = nn.Linear(4, 2)
    patched.forward = lambda x: nn.functional.linear(x.flatten(1), patched.weight)
    assert fault_of(nn.Sequential(patched), torch.ones(3, 5, 2)).expected == ""


SAID = [  # as other versions of torch and accelerators say it
    (nn.Linear(4, 2), torch.float64, "expected mat1 and mat2 to have the same dtype, but got: double != float"),
    (nn.Linear(4, 2), torch.float64, "self and mat2 must have the same dtype, but got Double and Float"),
    (nn.LayerNorm(4), torch.float64, "mixed dtype (CPU): expect parameter to have scalar type of Float"),
    (nn.LayerNorm(4), torch.float64, "expected scalar type Double but found Float"),
    (nn.Conv1d(3, 2, 1), torch.float64,
     "Input type (torch.cuda.DoubleTensor) and weight type (torch.cuda.FloatTensor) should be the same"),
    (nn.Linear(5, 2), None, "size mismatch, got input (2), mat (2x5), vec (4)"),
    (nn.Linear(5, 2), None, "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x2)"),
    (nn.Linear(4, 2, device="meta"), None, "Expected all tensors to be on the same device, but found at least two "
     "devices, cuda:0 and cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)"),
    (nn.Linear(4, 2, device="meta"), None, "Tensor for argument #2 'mat1' is on CPU, but expected it to be on GPU"),
    (nn.Conv1d(3, 2, 1, device="meta"), None,
     "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same"),
    (nn.Linear(4, 2, device="meta"), None, "Placeholder storage has not been allocated on MPS device!"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "dtype", "message"), SAID)
def test_a_mistake_is_known_however_torch_says_it(module, dtype, message):
    given = torch.ones(3, 4, dtype=dtype)
    fault = explained("a", module, (given,), {}, RuntimeError(message))
    wanted = "the dtype of its weight" if dtype else "tensors on meta" if module.weight.is_meta else "5 features"
    assert wanted in fault.expected


@pytest.mark.parametrize(
    "message",
    [
        "unsupported operand type(s) for +: 'int' and 'str'",
        "linear(): argument 'input' must be Tensor, not a type",
        "name 'missing' is not defined",
        "CUDA out of memory. Tried to allocate 2 GiB",
        "each element in the list of the batch should be of equal size",
        "",
    ],
)
def test_a_message_that_tells_of_no_size_or_dtype_is_not_explained_by_one(message):
    for module in (nn.Linear(5, 2), nn.Conv1d(7, 2, 1), nn.BatchNorm1d(5), nn.LSTM(5, 2), nn.Embedding(1, 2)):
        fault = explained("a", module, (torch.ones(3, 4, dtype=torch.int64),), {}, RuntimeError(message))
        assert (fault.expected, fault.change, fault.code) == ("", "", "")


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
