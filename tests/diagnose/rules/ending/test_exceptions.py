"""Exceptions of a real model or loss: what is said of them, and what is to be changed."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from reportgen.collect.ended import failed
from reportgen.collect.watch import Watcher
from reportgen.diagnose import diagnose
from reportgen.diagnose.rules.ending import exceptions
from reportgen.run.evidence import Evidence, LoaderUse
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Failure, Frame, Model, Parameter
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from tests.collect.memory import Memory
from tests.diagnose.mistakes import CLASSES, PICTURES, RULES, X, classify, found, said, torch_says

F = nn.functional


class Shortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.narrow = nn.Linear(4, 6), nn.Linear(4, 4)

    def forward(self, x):
        wide = self.layer(x)
        narrow = self.narrow(x)
        return wide + narrow


class Views(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(100, 10)

    def forward(self, x):
        x = self.conv(x)
        x = x.view(-1, 100)
        return self.head(x)


class Forgets(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        self.layer(x)


def test_a_layer_that_nobody_watches_is_named_with_its_change():
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(5, 2))
    finding = said(model, X)
    assert finding.title == "2 (Linear) is given float32 (8, 6) and expects 5 features in the last dimension"
    assert finding.fix.startswith("Change in_features of 2 from 5 to 6. Start at ")
    assert finding.code == "- nn.Linear(5, 2)\n+ nn.Linear(6, 2)"
    assert finding.where.module == "2"


@pytest.mark.parametrize(
    ("layer", "given", "code"),
    [
        (nn.Linear(1568, 64), torch.zeros(2, 800), "- nn.Linear(1568, 64)\n+ nn.Linear(800, 64)"),
        (nn.Linear(6, 6, bias=False), X, "- nn.Linear(6, 6, bias=False)\n+ nn.Linear(4, 6, bias=False)"),
        (nn.Conv2d(3, 4, 3), PICTURES, "- nn.Conv2d(3, 4, 3)\n+ nn.Conv2d(1, 4, 3)"),
        (nn.GroupNorm(2, 6), X, "- nn.GroupNorm(2, 6)\n+ nn.GroupNorm(2, 4)"),
        (nn.LSTM(40, 8, 2), X[None], "- nn.LSTM(40, 8, num_layers=2)\n+ nn.LSTM(4, 8, num_layers=2)"),
        (nn.LayerNorm((4, 6)), torch.zeros(2, 5, 6), "nn.LayerNorm((5, 6))"),
    ],
)
def test_the_line_of_the_layer_is_a_change(layer, given, code):
    assert said(nn.Sequential(layer), given).code == code


def test_why_does_not_say_again_what_the_title_says():
    layer = said(nn.Sequential(nn.Linear(5, 2)), X)
    assert layer.title == "0 (Linear) is given float32 (8, 4) and expects 5 features in the last dimension"
    assert "it expects" not in layer.why
    assert "mat1 and mat2" in layer.why

    view = said(lambda: torch.zeros(6).view(4, 2))
    assert "is invalid for input of size 6" in view.title
    assert "is invalid for input of size 6" not in view.why


def test_operands_of_the_users_own_line_are_told_with_their_shapes():
    model = Shortcut()
    finding = said(model, X, model=model)
    assert finding.id == "shape_mismatch"
    assert finding.where.module == "Shortcut"
    assert "In “return wide + narrow”, wide is float32 (8, 6) and narrow is float32 (8, 4)." in finding.why
    assert "In dimension 1 one has 6 and the other 4" in finding.fix
    assert "in forward" in finding.fix
    assert "    # wide: float32 (8, 6) and narrow: float32 (8, 4)" in finding.evidence.text.splitlines()


def test_a_view_is_told_how_many_features_there_are():
    model = Views()
    finding = said(model, PICTURES, model=model)
    assert "x is (2, 4, 6, 6), which makes 144 features for each of its rows." in finding.fix
    assert finding.code == "x = x.flatten(1)"


@pytest.mark.parametrize(
    ("outputs", "targets", "told", "code"),
    [
        (torch.randn(16, 4), CLASSES, "The model gives 16 rows for 8 targets. A view or reshape", "x = x.flatten(1)"),
        (X, torch.zeros(9, dtype=torch.int64), "The model gives 8 rows for 9 targets. Take outputs", ""),
        (X, torch.zeros(8, 1, dtype=torch.int64), "drop the dimension", "targets = targets.squeeze(1)"),
        (X, torch.zeros(8, 5, dtype=torch.int64), "one-hot rows", "targets = targets.argmax(1)"),
        (X, torch.zeros(8), "Class indices are int64", "targets = targets.long()"),
        (X, torch.zeros(8, 4, dtype=torch.int64), "class indices of shape (N,)", "targets = targets.argmax(1)"),
        (X, CLASSES + 4, "If labels are counted from 1, subtract 1; if there are 5", "targets = targets - 1"),
        (X, torch.arange(8) % 5, "Labels go from 0 to 4: the last layer has to give 5 numbers.", ""),
        (X, CLASSES - 1, "stands for no label", "criterion = nn.CrossEntropyLoss(ignore_index=-1)"),
        (X, CLASSES + 255, "stands for no label", "criterion = nn.CrossEntropyLoss(ignore_index=255)"),
        (X, CLASSES + 7, "give the last layer 8 outputs or more", ""),
    ],
)
def test_cross_entropy_is_told_what_to_do_with_its_targets(outputs, targets, told, code):
    finding = said(classify, outputs, targets)
    assert told in finding.fix
    assert finding.code == code


def test_a_loss_tells_what_it_was_given():
    finding = said(classify, X, CLASSES + 7)
    assert finding.id == "labels_out_of_range"
    assert finding.title == "A target is 7, which is no class: the model gives 4 outputs"
    assert "cross_entropy got input of float32 (8, 4) and target of int64 (8)" in finding.why
    assert "it expects targets from 0 to 3; they are 7 to 7." in finding.why


def test_the_last_layer_is_proposed_where_the_graph_shows_it():
    nodes = (GraphNode("m1", "module", "fc", "Linear", detail="in_features=16, out_features=4, bias=True"),)
    memory = Memory()
    try:
        classify(X, CLASSES + 7)
    except IndexError as error:
        failure = failed(error, memory, Watcher(memory))
    assert found(failure, graphs=(Graph("Net", "seen", nodes),)).code == "- nn.Linear(16, 4)\n+ nn.Linear(16, 8)"


@pytest.mark.parametrize(
    ("outputs", "targets", "told", "code"),
    [
        (
            torch.randn(8, 1),
            torch.zeros(8),
            "outputs have one dimension of size 1 more",
            "outputs.squeeze(-1), targets",
        ),
        (
            torch.randn(8),
            torch.zeros(8, 1),
            "targets have one dimension of size 1 more",
            "outputs, targets.squeeze(-1)",
        ),
        (torch.randn(8, 4), torch.zeros(8, 3), "has to give 3 numbers a row", ""),
    ],
)
def test_a_loss_of_equal_shapes_is_told_which_dimension_is_too_many(outputs, targets, told, code):
    finding = said(nn.BCEWithLogitsLoss(), outputs, targets)
    assert finding.id == "shape_mismatch"
    assert told in finding.fix
    assert code in finding.code


def test_targets_of_another_dtype_are_to_be_converted():
    finding = said(nn.BCEWithLogitsLoss(), torch.rand(8), CLASSES)
    assert finding.code == "targets = targets.float()"


def test_ids_beyond_the_table_of_an_embedding_name_its_size():
    model = nn.Sequential(nn.Embedding(100, 4), nn.Linear(4, 2))
    finding = said(model, torch.tensor([[3, 1234]]), model=model)
    assert finding.id == "labels_out_of_range"
    assert "0 (Embedding)" in finding.title
    assert "the largest it got is 1,234" in finding.title
    assert finding.code == "- nn.Embedding(100, 4)\n+ nn.Embedding(1235, 4)"
    assert torch_says(F.one_hot, torch.tensor([7]), 5) == "labels_out_of_range"


def likelihood(log_p, labels):
    return -log_p.gather(1, labels[:, None]).mean()


def column(table):
    return table[:, 12]


def test_an_index_is_a_label_only_where_a_tensor_may_have_held_it():
    assert torch_says(likelihood, X, CLASSES + 9) == "labels_out_of_range"
    assert torch_says(column, X) == "run_failed"


def test_logits_are_told_from_probabilities_and_from_nan():
    finding = said(nn.BCELoss(), X * 3, torch.zeros(8, 4))
    assert finding.id == "logits_to_bce"
    assert "+ criterion = nn.BCEWithLogitsLoss()" in finding.code
    assert "inputs from 0 to 1; they are -" in finding.why
    nan = said(nn.BCELoss(), torch.full((2,), torch.nan), torch.zeros(2))
    assert nan.id == "run_failed"
    assert "inputs from 0 to 1; some are NaN" in nan.why
    assert torch_says(nn.BCELoss(), torch.rand(2), torch.full((2,), 2.0)) == "labels_out_of_range"


def test_a_batch_of_one_row_names_the_loader_it_came_from():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    memory = Memory()
    watcher = Watcher(memory)
    watcher.watch(model)
    try:
        model(X[:1])
    except ValueError as error:
        failure = failed(error, memory, watcher)
    watcher.close()
    finding = found(failure)
    assert finding.id == "last_batch_size_1"
    assert finding.title == (
        "1 (BatchNorm1d) is given float32 (1, 3) and expects more than one value for each channel in train mode"
    )
    assert "drop_last=True" in finding.code
    assert finding.where.module == "1"
    bare = Failure(failure.type, failure.message, Stamp(0))
    loaders = Evidence(loaders=(LoaderUse("train", rows=65, batch_size=32),))
    told = found(bare, evidence=loaders)
    assert told.fix.startswith("The train loader has 65 rows in batches of 32.")
    assert "drop_last=True" in told.code


def without_graph():
    model = nn.Linear(4, 1)
    loss = model(X).detach().mean()
    loss.backward()


def frozen():
    model = nn.Linear(4, 1).requires_grad_(False)
    model(X).mean().backward()


def test_a_loss_without_a_graph_is_told_from_a_frozen_model():
    finding = said(without_graph)
    assert finding.id == "detached_graph"
    assert ".detach()" in finding.fix
    failure = Failure(
        "RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn", Stamp(0)
    )
    models = (Model("Net", "Net", (Parameter("w", (2,), "float32", "cpu", False),)),)
    told = found(failure, models=models)
    assert "all of them are frozen" in told.title
    assert torch_says(frozen) == "detached_graph"


def changed():
    y = torch.sigmoid(nn.Linear(4, 4)(X))
    y += 1
    y.sum().backward()


def leaf():
    weight = nn.Parameter(torch.zeros(3))
    weight += 1


def stepped_between():
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss = model(X).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    loss.backward()


def test_what_was_changed_in_place_is_named():
    finding = said(changed)
    assert finding.id == "inplace_modified"
    assert finding.title == "The output of Sigmoid, of shape (8, 4), was changed in place before backward"
    assert finding.code == "- x += y\n+ x = x + y"
    assert "no_grad" in said(leaf).fix
    memory = Memory()
    try:
        stepped_between()
    except RuntimeError as error:
        failure = failed(error, memory, Watcher(memory))
    models = (Model("Net", "Net", (Parameter("1.weight", (4, 5), "float32", "cpu", True),)),)
    told = found(failure, models=models)
    assert told.id == "inplace_modified"
    assert "as 1.weight has, was changed between forward and backward" in told.title


def twice():
    loss = nn.Sequential(nn.Linear(4, 4), nn.Tanh())(X).sum()
    loss.backward()
    loss.backward()


def kept_state():
    model, state = nn.LSTM(4, 3), None
    for _ in range(2):
        outputs, state = model(torch.randn(2, 3, 4), state)
        outputs.sum().backward()


def test_a_second_backward_is_told_from_a_hidden_state_that_was_kept():
    finding = said(twice)
    assert finding.id == "backward_twice"
    assert "retain_graph" in finding.fix
    memory = Memory()
    try:
        kept_state()
    except RuntimeError as error:
        failure = failed(error, memory, Watcher(memory))
    models = (Model("Net", "Net", modules={"": "Net", "rnn": "LSTM"}),)
    told = found(failure, models=models)
    assert "state.detach()" in told.code


def test_memory_that_ran_out_is_told_with_the_batch():
    class Greedy(nn.Module):
        def forward(self, x):
            return x.repeat(1 << 44, 1)

    model = Greedy()
    finding = said(model, X, model=model)
    assert finding.id == "out_of_memory"
    assert finding.title.startswith("The memory of the host ran out with a batch of 8, when ")
    failure = Failure("MemoryError", "", Stamp(0), (Frame("a.py", 1, "f"),))
    assert found(failure).id == "out_of_memory"


def test_a_forward_without_return_is_found_at_the_loss():
    finding = said(lambda: classify(Forgets()(X), CLASSES))
    assert finding.id == "none_instead_of_tensor"
    assert "lacks its return" in finding.fix
    assert torch_says(lambda: torch.cat([X, None])) == "none_instead_of_tensor"


def anomaly():
    with torch.autograd.detect_anomaly(check_nan=True):
        weight = nn.Parameter(torch.zeros(3))
        (torch.sqrt(weight) * 0).sum().backward()


def test_anomaly_detection_names_the_operation():
    finding = said(anomaly)
    assert finding.id == "nan_gradient"
    assert finding.title == "The gradient of Sqrt is NaN, as anomaly detection tells"
    message = "Function 'SqrtBackward0' returned nan values in its 0th output."
    run = fake_run(scalars={"train/loss": [1.0, float("nan")]}, status="failed")
    after = replace(run, failure=Failure("RuntimeError", message, Stamp(1, 1)))
    assert {"nan_loss", "run_failed"} <= {one.id for one in diagnose(after).findings}


def test_devices_that_do_not_fit_are_told():
    model = nn.Sequential(nn.Linear(4, 2, device="meta"), nn.Linear(2, 2))
    finding = said(model[1], torch.ones(1, 2, device="meta"))
    assert finding.id == "device_mismatch"
    assert 'inputs.to("cpu")' in finding.fix


def test_out_of_memory_on_a_gpu_proposes_half_the_batch():
    message = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 7.92 GiB"
    finding = found(Failure("torch.OutOfMemoryError", message, Stamp(0)), graphs=(Graph("Net", "seen", batch=64),))
    assert finding.title == (
        "The memory of an accelerator ran out with a batch of 64, when 2.50 GiB more were asked for"
    )
    assert finding.code == "loader = DataLoader(dataset, batch_size=32)"


def test_the_cause_of_an_exception_is_named_and_not_what_was_made_of_it():
    def wrapped():
        try:
            nn.Linear(5, 2)(X)
        except RuntimeError as error:
            raise ValueError("the step failed") from error

    finding = said(wrapped)
    assert finding.id == "shape_mismatch"
    assert finding.code == "- nn.Linear(5, 2)\n+ nn.Linear(4, 2)"
    assert "It was raised from RuntimeError: mat1 and mat2" in finding.why
    assert finding.also == ("The run failed at step 0: ValueError",)


def test_a_rule_passes_where_no_exception_ended_the_run_and_is_open_for_event_files():
    assert not diagnose(fake_run(), RULES).findings
    imported = diagnose(fake_run(status="imported"), RULES)
    assert {check.id for check in imported.unchecked} >= {rule.id for rule in exceptions.RULES}


def test_a_dtype_that_a_layer_does_not_take_gives_the_line_that_converts_it():
    finding = said(nn.Sequential(nn.Linear(4, 2)), X.double())
    assert finding.title == "0 (Linear) is given float64 (8, 4) and expects float32, the dtype of its weight"
    assert finding.code == "inputs = inputs.to(torch.float32)"
