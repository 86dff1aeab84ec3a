"""How many operations looking at a step takes: on an accelerator each costs the loop, whatever it is for."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models import resnet18

from reportgen.collect import quiet
from reportgen.collect.activations import Activations
from reportgen.collect.schedule import Schedule


class Counting(TorchDispatchMode):
    """Counts what is computed or copied; views cost a device nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if not any(one.alias_info and not one.alias_info.is_write for one in function._schema.arguments):
            self.found[str(function)] += 1
        return function(*args, **(kwargs or {}))


@pytest.fixture
def steps(monkeypatch, watcher):
    """The operations of a ResNet-18's steps 0 to 9 with watching, less those without."""
    # The user's modes are set aside for what is ours; here one is to see it.
    monkeypatch.setattr(quiet, "_disable_current_modes", nullcontext)
    watcher._work.later.hold = True  # as on an accelerator
    monkeypatch.setattr(Activations, "_constant", lambda *_: None)  # which is looked at on the CPU only
    monkeypatch.setattr(Schedule, "review", lambda *_, **__: False)  # counting is slow, and would thin the start
    torch.manual_seed(0)
    # Two samples: of more, the CPU would first look at two for dead units, which takes operations of its own.
    batch, labels = torch.randn(2, 3, 32, 32), torch.tensor([1, 2])
    model = resnet18(num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> Counter[str]:
        with Counting() as counting:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch), labels).backward()
            optimizer.step()
        return counting.found

    step()
    plain = step()
    watcher.watch(model, optimizer)
    return [step() - plain for _ in range(10)]


def test_a_step_in_which_everything_is_looked_at_takes_few_operations(steps):
    clones = 62  # one sample for each output that is looked at, of 60 modules
    dead = 17  # and of rectifiers' outputs the greatest of each channel
    facts = 270  # what is true of inputs and outputs, for rules: at the first eight steps, and each look at activations
    assert steps[7].total() <= clones + dead + 75 + facts
    assert steps[7]["aten.scatter_add_.default"] == 2  # of activations, and of weights with gradients


def test_a_step_in_which_norms_are_taken_takes_fewer(steps):
    assert steps[9].total() <= 15
    assert steps[9]["aten._foreach_norm.Scalar"] == 1
