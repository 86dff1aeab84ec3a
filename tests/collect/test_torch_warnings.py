"""Warnings of torch, read from where Python notes those that it has shown."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.evidence.torch_warnings import MOST, TorchWarnings


@pytest.fixture
def shown(monkeypatch, memory):
    """What is shown is noted, as outside of tests; afterwards it is forgotten."""
    monkeypatch.setattr(sys.modules[__name__], "__warningregistry__", {}, raising=False)
    monkeypatch.setattr(nn.modules.loss, "__warningregistry__", {}, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda *args, **kwargs: None
        yield memory


def texts(memory):
    return [value.text for kind, value in memory.records if kind == "torch_warning"]


def mine(memory):
    """Those of this file and of the losses: other tests of this process may have left others."""
    found = [value for kind, value in memory.records if kind == "torch_warning"]
    return [one for one in found if one.path.endswith(("test_torch_warnings.py", "loss.py"))]


def test_a_warning_of_a_function_is_at_the_users_line(shown):
    reader = TorchWarnings(shown)
    F.mse_loss(torch.ones(4, 1), torch.ones(4))
    reader.read()
    (warning,) = mine(shown)
    assert warning.category == "UserWarning"
    assert warning.text.startswith("Using a target size")
    assert (warning.path, warning.own) == ("tests/collect/test_torch_warnings.py", True)
    assert "F.mse_loss" in Path(__file__).read_text().splitlines()[warning.line - 1]


def test_a_warning_of_a_module_is_torchs(shown):
    reader = TorchWarnings(shown)
    nn.MSELoss()(torch.ones(4, 1), torch.ones(4))
    reader.read()
    (warning,) = mine(shown)
    assert (warning.path, warning.own) == ("torch/nn/modules/loss.py", False)


def test_the_order_of_scheduler_and_optimizer(shown):
    reader = TorchWarnings(shown)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 1).step()
    reader.read()
    (warning,) = mine(shown)
    assert "`lr_scheduler.step()` before `optimizer.step()`" in warning.text
    assert warning.own


def test_the_gradient_of_what_is_no_leaf(shown):
    reader = TorchWarnings(shown)
    hidden = nn.Linear(2, 2)(torch.ones(1, 2))
    _ = hidden.grad
    reader.read()
    assert any("not a leaf" in text for text in texts(shown))


def test_what_others_say_is_not_torchs(shown):
    reader = TorchWarnings(shown)
    warnings.warn("the learning rate of the moon", stacklevel=1)
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    reader.read()
    assert mine(shown) == []


def test_each_is_recorded_once(shown):
    reader = TorchWarnings(shown)
    for _ in range(3):
        F.mse_loss(torch.ones(4, 1), torch.ones(4))
        reader.read()
    assert len(mine(shown)) == 1


def test_nothing_is_read_unless_asked(shown):
    shown.asked = False
    F.mse_loss(torch.ones(4, 1), torch.ones(4))
    TorchWarnings(shown).read()
    assert shown.records == []


def test_no_more_than_fifty_are_recorded(shown):
    registry = sys.modules[__name__].__warningregistry__
    for number in range(200):
        registry[(f"Using a target size {number}", UserWarning, number)] = True
    reader = TorchWarnings(shown)
    reader.read()
    reader.read()
    assert len(texts(shown)) == MOST


@pytest.mark.parametrize(
    "key", ["version", ("short", UserWarning), (1, UserWarning, 2), ("text", "UserWarning", 2), (b"x", None, None), 3]
)
def test_odd_registries_raise_nothing(shown, monkeypatch, key):
    sys.modules[__name__].__warningregistry__[key] = 1
    monkeypatch.setitem(sys.modules, "odd_module", object())
    TorchWarnings(shown).read()
    assert mine(shown) == []


def test_a_script_that_warns_has_them_in_its_run(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import torch, reportgen\n"
        "report = reportgen.Report('w', folder='run')\n"
        "torch.nn.functional.mse_loss(torch.ones(3, 1), torch.ones(3))\n"
        "report.close()\n"
    )
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True, capture_output=True)
    (journal,) = (tmp_path / "run").glob("*.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    found = [line["v"] for line in lines if line["k"] == "torch_warning"]
    (warning,) = [one for one in found if one["own"]]
    assert (warning["path"], warning["line"]) == ("train.py", 3)
    assert [line["k"] for line in lines][-1] == "end"
