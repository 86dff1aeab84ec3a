"""Exceptions as this torch raises them, each provoked, and as accelerators do: which finding they become."""

import pytest
import torch
from torch import nn

from reportgen.run.records import Failure
from reportgen.run.series import Stamp
from tests.diagnose.mistakes import CLASSES, PICTURES, X, classify, found, torch_says

F = nn.functional


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(index + 1), 0


SHAPES = [
    (nn.Linear(5, 2), X),
    (nn.Conv2d(3, 2, 3), PICTURES),
    (nn.BatchNorm1d(5), X),
    (nn.BatchNorm2d(4), X),
    (nn.LayerNorm(5), X),
    (nn.LSTM(5, 3), torch.randn(2, 3, 4)),
    (nn.LSTM(4, 3), torch.randn(2, 3, 4, 1)),
    (lambda x: nn.LSTM(4, 3)(x, (torch.zeros(1, 9, 3), torch.zeros(1, 9, 3))), torch.randn(2, 3, 4)),
    (lambda x: nn.MultiheadAttention(6, 2)(x, x, x), torch.randn(2, 3, 4)),
    (nn.Conv2d(1, 2, 9), torch.randn(2, 1, 4, 4)),
    (nn.MaxPool2d(2), torch.randn(2, 1, 1, 1)),
    (nn.Conv2d(1, 2, 3), X),
    (lambda x: x + torch.randn(8, 5), X),
    (lambda x: x.clone().add_(torch.randn(2, 8, 4)), X),
    (lambda x: x.expand(3, 5), X),
    (lambda x: torch.cat([x, torch.randn(8, 5)]), X),
    (lambda x: torch.cat([x, torch.randn(8, 5, 1)]), X),
    (lambda x: torch.stack([x, torch.randn(8, 5)]), X),
    (lambda x: x.view(-1, 5), X),
    (lambda x: x.reshape(3, 7), X),
    (lambda x: torch.split(x, [3, 3], 1), X),
    (lambda x: torch.bmm(x, torch.randn(2, 5, 3)), torch.randn(2, 3, 4)),
    (lambda x: torch.mv(x, torch.randn(5)), X),
    (lambda x: torch.einsum("bi,bj->ij", x, torch.randn(7, 3)), X),
    (lambda x: F.log_softmax(x, dim=1), torch.randn(8)),
    (lambda x: classify(x, torch.zeros(7, dtype=torch.int64)), X),
    (lambda x: classify(x, torch.zeros(8, 1, dtype=torch.int64)), X),
    (lambda x: classify(x, torch.zeros(8, 5)), X),
    (lambda x: classify(x, torch.zeros(2, 1, 8, 8, dtype=torch.int64)), torch.randn(2, 3, 8, 8)),
    (lambda x: classify(x, torch.zeros(2, 4, 8, dtype=torch.int64)), PICTURES),
    (lambda x: nn.CrossEntropyLoss(weight=torch.ones(3))(x, CLASSES), X),
    (lambda x: nn.MSELoss()(x, torch.zeros(8, 3)), X),
    (lambda x: nn.L1Loss()(x, torch.zeros(8, 3)), X),
    (lambda x: nn.BCELoss()(x, torch.zeros(8)), torch.rand(8, 1)),
    (lambda x: nn.BCEWithLogitsLoss()(x, torch.zeros(8)), torch.rand(8, 1)),
    (lambda _: next(iter(torch.utils.data.DataLoader(Rows(), 2))), None),
]


@pytest.mark.parametrize(("call", "given"), SHAPES, ids=[str(at) for at in range(len(SHAPES))])
def test_shapes_that_do_not_fit_are_told_from_torchs_own_words(call, given):
    assert torch_says(call, given) == "shape_mismatch"


DTYPES = [
    (nn.Linear(4, 1), X.double()),
    (nn.Linear(4, 1), X.long()),
    (nn.Conv2d(1, 2, 3), PICTURES.double()),
    (nn.Conv2d(1, 2, 3), PICTURES.byte()),
    (nn.BatchNorm1d(4), X.double()),
    (nn.LSTM(4, 3), torch.randn(2, 3, 4).double()),
    (nn.Embedding(5, 2), torch.ones(3)),
    (lambda x: x @ x.t().double(), X),
    (lambda x: classify(x, torch.zeros(8)), X),
    (lambda x: classify(x, CLASSES.int()), X),
    (lambda x: classify(x, torch.zeros(8, 4, dtype=torch.int64)), X),
    (lambda x: nn.NLLLoss()(x, torch.zeros(8)), X),
    (lambda x: nn.BCELoss()(x, CLASSES), torch.rand(8)),
    (lambda x: nn.BCEWithLogitsLoss()(x, CLASSES), torch.rand(8)),
    (lambda x: x[torch.zeros(2)], X),
    (lambda x: x.mean(), CLASSES),
]


@pytest.mark.parametrize(("call", "given"), DTYPES, ids=[str(at) for at in range(len(DTYPES))])
def test_dtypes_that_do_not_fit_are_told_from_torchs_own_words(call, given):
    assert torch_says(call, given) == "dtype_mismatch"


# Words of accelerators, as they stand in the issue beside each.
ELSEWHERE = [
    # haotian-liu/LLaVA#1081
    ("Expected all tensors to be on the same device, but found at least two devices, cpu and cuda:0! (when checking "
     "argument for argument mat1 in method wrapper_CUDA_addmm)", "RuntimeError", "device_mismatch"),
    # ClownsharkBatwing/RES4LYF#223
    ("Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors on cuda:0 "
     "(when checking argument in method wrapper_CUDA_addmm)", "RuntimeError", "device_mismatch"),
    # huggingface/notebooks#280
    ("Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same or input should be a "
     "MKLDNN tensor and weight is a dense tensor", "RuntimeError", "device_mismatch"),
    # AUTOMATIC1111/stable-diffusion-webui-feature-showcase#24
    ("Input type (torch.FloatTensor) and weight type (torch.HalfTensor) should be the same or input should be a "
     "MKLDNN tensor and weight is a dense tensor", "RuntimeError", "dtype_mismatch"),
    # modelscope/ms-swift#3267
    ("CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API "
     "call, so the stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
     "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n", "RuntimeError", "labels_out_of_range"),
    # pytorch/pytorch#16417
    ("CUDA out of memory. Tried to allocate 22.00 MiB. GPU 0 has a total capacity of 23.65 GiB of which 11.06 MiB is "
     "free.", "torch.OutOfMemoryError", "out_of_memory"),
    # pytorch/pytorch#103430
    ("Expected a proper Tensor but got None (or an undefined Tensor in C++) for argument #0 'grad_y'", "RuntimeError",
     "none_instead_of_tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "kind", "wanted"), ELSEWHERE, ids=[wanted for _, _, wanted in ELSEWHERE])
def test_the_words_of_accelerators_are_known(message, kind, wanted):
    finding = found(Failure(kind, message, Stamp(3, 3)))
    assert finding.id == wanted
    assert finding.since == 3


UNKNOWN = [
    lambda: {"a": 1}["b"],
    lambda: None.backward(),
    lambda: torch.optim.SGD([], 0.1),
    lambda: nn.Linear(4, 2).load_state_dict(nn.Linear(5, 2).state_dict()),
    lambda: torch.zeros(3, requires_grad=True).numpy(),
    lambda: X[9],
    lambda: bool(X > 0),
    lambda: X.missing,
]


@pytest.mark.parametrize("call", UNKNOWN, ids=[str(at) for at in range(len(UNKNOWN))])
def test_what_no_rule_knows_stays_a_failed_run(call):
    assert torch_says(call) == "run_failed"


def test_under_torch_compile_the_same_mistake_is_known():
    # what torch 2.14 says of a Linear(4, 2) that is given (3, 5), shortened
    message = (
        "RuntimeError when making fake tensor call\n  Explanation: Dynamo failed to run FX node with fake tensors: "
        "call_function <built-in function linear>(*(FakeTensor(..., size=(3, 5)), ...), **{}): got RuntimeError('a and "
        "b must have same reduction dim, but got [3, 5] X [4, 2].')"
    )
    finding = found(Failure("torch._dynamo.exc.TorchRuntimeError", message, Stamp(0)))
    assert finding.title == "Shapes do not fit: a and b must have same reduction dim, but got [3, 5] X [4, 2]"
    assert finding.fix.startswith("The layer takes 4 features and is given 5")
