from __future__ import annotations

import builtins
import gc
import shutil
import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn

from reportgen.collect.autograd_graph import MOST_NODES, autograd_graph, canonical


def small():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    return model, model(torch.randn(2, 3))


def test_the_source_names_parameters_and_is_the_same_each_time():
    sources = []
    kept = []
    for _ in range(2):
        model, output = small()
        source, nodes, note = autograd_graph([output], dict(model.named_parameters()))
        sources.append(source)
        kept.append((model, output, torch.zeros(999)))  # so that addresses differ
        assert note == ""
        assert nodes == 14
    assert sources[0] == sources[1]
    for name in ("0.weight", "0.bias", "2.weight", "2.bias", "ReluBackward0"):
        assert name in sources[0]
    assert str(id(kept[0][1])) not in sources[0]


def test_dot_draws_it():
    model, output = small()
    source, nodes, _ = autograd_graph([output], dict(model.named_parameters()))
    drawn = subprocess.run([shutil.which("dot"), "-Tplain"], input=source, capture_output=True, text=True, check=True)
    assert sum(line.startswith("node ") for line in drawn.stdout.splitlines()) == nodes


def test_a_large_one_is_refused_with_a_sentence_even_far_too_deep():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1
    source, nodes, note = autograd_graph([y], {})
    assert source == ""
    assert nodes >= 5000
    assert note == f"The autograd graph has more than 5,000 nodes; it is drawn up to {MOST_NODES}."


def test_too_deep_a_stack_becomes_a_sentence():
    model, output = small()

    def deeper(levels):
        return deeper(levels - 1) if levels else autograd_graph([output], dict(model.named_parameters()))

    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    limit = sys.getrecursionlimit()
    for room in range(40, 8, -1):  # wherever the limit is met, it is met inside or not at all
        try:
            source, _, note = deeper(limit - depth - room)
        except RecursionError:
            continue
        if not source:
            assert "too deep" in note
            return
    pytest.fail("no depth was found at which torchviz meets the limit")


def test_without_torchviz_it_says_what_to_install(monkeypatch):
    model, output = small()
    real = builtins.__import__

    def refusing(name, *args, **kwargs):
        if name == "torchviz":
            raise ImportError("No module named 'distutils'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    source, _, note = autograd_graph([output], dict(model.named_parameters()))
    assert source == ""
    assert "pip install torchviz" in note
    assert "distutils" in note


def test_outputs_without_gradient():
    assert autograd_graph([torch.ones(2)], {}) == (
        "", 0, "The output has no autograd graph (nothing it was made of requires a gradient).",
    )  # fmt: skip


def test_labels_that_look_like_nodes_stay():
    assert canonical('digraph {\n\t140 [label="7 -> 8\n (3)"]\n\t99 -> 140 [dir=none]\n}\n') == (
        'digraph {\n\tn0 [label="7 -> 8\n (3)"]\n\tn1 -> n0 [dir=none]\n}\n'
    )


def test_nothing_of_the_forward_is_kept_even_without_a_collection_of_garbage():
    layer = nn.Linear(3, 2)
    output = layer(torch.rand(4, 3))
    gone = weakref.ref(output)
    gc.disable()
    try:
        assert autograd_graph([output], dict(layer.named_parameters()))[0]
        del output
        assert gone() is None
    finally:
        gc.enable()
