"""In which modes models train and are evaluated, told from their forwards and steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import reportgen
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.bn, self.drop, self.out = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2)

    def forward(self, x):
        return self.out(self.drop(self.bn(self.fc(x)).relu()))


@pytest.fixture
def run(memory, watcher):
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    return model, optimizer


def train(model, optimizer, steps=1):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(6, 4)).sum().backward()
        optimizer.step()


def uses(memory):
    """(phase, told by, names in train mode, names in eval mode) -> forwards; what there are none of is left out."""
    for write in memory.before_flush:
        write()
    last = {}
    for kind, one in memory.records:
        if kind == "mode_use":
            last[one.phase, one.told_by, " ".join(one.training), " ".join(one.evaluating)] = one
    return {key: one for key, one in last.items() if one.forwards}


def counts(memory):
    return {key: one.forwards for key, one in uses(memory).items()}


TRAINING = ("train", "step", "bn drop", "")


def test_a_healthy_loop(memory, run):
    model, optimizer = run
    for _ in range(2):
        model.train()
        train(model, optimizer, 5)
        model.eval()
        with torch.no_grad():
            model(torch.randn(6, 4))
    found = uses(memory)
    assert counts(memory) == {TRAINING: 10, ("evaluation", "no_grad", "", "bn drop"): 2}
    assert (found[TRAINING].first, found[TRAINING].last) == (0, 9)
    evaluated = found["evaluation", "no_grad", "", "bn drop"]
    assert (evaluated.first, evaluated.last, evaluated.frozen) == (5, 10, ())


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_an_evaluation_in_train_mode(memory, run, context):
    model, optimizer = run
    train(model, optimizer, 3)
    with context():
        model(torch.randn(6, 4))
    assert counts(memory) == {TRAINING: 3, ("evaluation", "no_grad", "bn drop", ""): 1}


def test_training_that_goes_on_in_eval_mode(memory, run):
    model, optimizer = run
    train(model, optimizer, 3)
    model.eval()
    train(model, optimizer, 4)
    found = uses(memory)
    wrong = found["train", "step", "", "bn drop"]
    assert (wrong.forwards, wrong.first, wrong.last, wrong.frozen) == (4, 3, 6, ())


def test_what_was_never_in_train_mode_and_what_cannot_be_trained_is_frozen(memory, run):
    model, optimizer = run
    model.bn.eval()
    train(model, optimizer, 3)
    assert uses(memory)["train", "step", "drop", "bn"].frozen == ("bn",)
    model.bn.train()
    train(model, optimizer, 1)
    model.bn.eval().requires_grad_(False)
    model.drop.eval()
    train(model, optimizer, 1)
    assert uses(memory)["train", "step", "", "bn drop"].frozen == ("bn",)


def test_an_evaluation_with_gradients_in_eval_mode_is_not_training(memory, run):
    model, optimizer = run
    for _ in range(2):
        model.train()
        train(model, optimizer, 2)
        model.eval()
        for _ in range(3):
            model(torch.randn(6, 4))
    assert counts(memory) == {TRAINING: 4}


def test_forwards_that_no_step_follows_count_as_nothing(memory, run):
    model, optimizer = run
    train(model, optimizer, 2)
    for _ in range(300):
        model(torch.randn(2, 4))
    optimizer.step()
    model(torch.randn(2, 4))
    assert counts(memory) == {TRAINING: 2}


def test_all_forwards_whose_gradients_add_up_are_training(memory, run):
    model, optimizer = run
    for _ in range(3):
        for _ in range(4):
            model(torch.randn(6, 4)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert counts(memory) == {TRAINING: 12}


def test_a_tracked_split_tells_of_an_evaluation_with_gradients(memory, run):
    model, optimizer = run
    memory.split = "train"
    train(model, optimizer, 2)
    memory.split = "val"
    model(torch.randn(6, 4))
    model(torch.randn(6, 4))
    with torch.no_grad():
        model(torch.randn(6, 4))
    memory.split = "train"
    train(model, optimizer, 1)
    memory.split = "test"
    train(model, optimizer, 1)  # whatever it is called, it is training
    assert counts(memory) == {TRAINING: 4, ("evaluation", "track", "bn drop", ""): 3}


def test_predictions_tell_of_an_evaluation_with_gradients(memory, watcher, run):
    model, optimizer = run
    train(model, optimizer, 2)
    model(torch.randn(6, 4))
    watcher.predicted("val")
    train(model, optimizer, 1)
    watcher.predicted("val")  # of outputs from before the step
    model(torch.randn(6, 4))
    watcher.predicted("train")
    assert counts(memory) == {TRAINING: 3, ("evaluation", "predictions", "bn drop", ""): 1}


def test_samples_of_what_dropout_gives_are_no_evaluation_in_the_wrong_mode(memory, run):
    model, optimizer = run
    train(model, optimizer, 2)
    model.eval()
    model.drop.train()
    with torch.no_grad():
        for _ in range(2):
            batch = torch.randn(6, 4)
            for _ in range(20):
                model(batch)
    assert counts(memory) == {TRAINING: 2}


def test_a_teacher_inside_a_training_step_is_no_evaluation(memory, run):
    model, optimizer = run
    for _ in range(3):
        optimizer.zero_grad()
        output = model(torch.randn(6, 4))
        with torch.no_grad():
            target = model(torch.randn(6, 4))
        (output - target).square().sum().backward()
        optimizer.step()
    assert counts(memory) == {TRAINING: 3}


def test_a_long_evaluation_before_a_late_step_counts(memory, run):
    model, optimizer = run
    train(model, optimizer, 1)
    model(torch.randn(6, 4)).sum().backward()
    with torch.no_grad():
        for _ in range(20):
            model(torch.randn(6, 4))
    optimizer.step()
    assert counts(memory) == {TRAINING: 1, ("evaluation", "no_grad", "bn drop", ""): 20}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_statistics_that_are_computed_anew_are_no_evaluation(memory, run):
    model, optimizer = run
    train(model, optimizer, 2)
    torch.optim.swa_utils.update_bn([torch.randn(6, 4) for _ in range(3)], model)
    assert counts(memory) == {TRAINING: 2}


def test_a_step_of_lbfgs_is_one_of_all_its_forwards(memory, watcher):
    model = Net()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    watcher.watch(model, optimizer)
    batch = torch.randn(6, 4)

    def closure():
        optimizer.zero_grad()
        loss = model(batch).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert counts(memory)[TRAINING] >= 2


def test_two_networks_that_train_each_other(memory, watcher):
    generator, judge = Net(), nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.3), nn.Linear(4, 1))
    first = torch.optim.SGD(generator.parameters(), lr=0.01)
    second = torch.optim.SGD(judge.parameters(), lr=0.01)
    watcher.watch(generator, first, name="g")
    watcher.watch(judge, second, name="d")
    for _ in range(3):
        second.zero_grad()
        (judge(torch.randn(6, 2)) - judge(generator(torch.randn(6, 4)).detach())).sum().backward()
        second.step()
        first.zero_grad()
        judge(generator(torch.randn(6, 4))).sum().backward()
        first.step()
    # The judge's last forward was followed by no step of its own.
    assert counts(memory) == {("train", "step", "g/bn g/drop", ""): 6, ("train", "step", "d/1", ""): 8}
    assert {one.model for one in uses(memory).values()} == {"g", "d"}


@pytest.mark.parametrize(
    ("module", "counts_it"),
    [
        (nn.Dropout(0.0), False),
        (nn.Dropout2d(0.1), True),
        (nn.BatchNorm1d(3, track_running_stats=False), False),
        (nn.InstanceNorm1d(3), False),
        (nn.InstanceNorm1d(3, track_running_stats=True), True),
        (nn.RReLU(), True),
        (nn.LSTM(3, 3, 2, dropout=0.1), True),
        (nn.LSTM(3, 3, 2), False),
        (nn.MultiheadAttention(4, 2, dropout=0.1), True),
        (nn.MultiheadAttention(4, 2), False),
        (nn.LayerNorm(3), False),
    ],
)
def test_which_modules_have_a_mode(module, counts_it):
    from reportgen.collect.evidence.mode_flags import depends_on_mode

    assert depends_on_mode(module) is counts_it


def test_modules_of_libraries_that_are_called_so_have_a_mode():
    from torchvision.ops import FrozenBatchNorm2d, StochasticDepth

    from reportgen.collect.evidence.mode_flags import depends_on_mode

    class DropPath(nn.Module):
        def __init__(self, drop_prob):
            super().__init__()
            self.drop_prob = drop_prob

    assert depends_on_mode(StochasticDepth(0.1, "row"))
    assert not depends_on_mode(StochasticDepth(0.0, "row"))
    assert depends_on_mode(DropPath(0.1))
    assert not depends_on_mode(DropPath(None))
    assert not depends_on_mode(FrozenBatchNorm2d(3))


def test_a_module_that_is_replaced_is_noticed(memory, run):
    model, optimizer = run
    train(model, optimizer, 2)
    model.drop = nn.Identity()
    train(model, optimizer, 2)
    assert counts(memory) == {TRAINING: 2, ("train", "step", "bn", ""): 2}


def test_names_stay_those_of_several_models_after_the_end():
    memory = Memory()
    memory.asked = False
    watcher = Watcher(memory)
    for name in "ab":
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        watcher.watch(model, optimizer, name=name)
        train(model, optimizer, 1)
    watcher.close()
    memory.asked = True
    assert counts(memory) == {
        ("train", "step", "a/bn a/drop", ""): 1,
        ("train", "step", "b/bn b/drop", ""): 1,
    }


def test_the_mode_of_the_model_itself_is_told(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = reportgen.Report("run", folder=tmp_path / "run", strict=True)
    report.watch(model, optimizer)
    model.eval()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).sum().backward()
        optimizer.step()
    report._end("finished")
    report.close()

    (use,) = reportgen.load(tmp_path / "run").evidence.modes
    assert (use.phase, use.root, use.evaluating, use.forwards) == ("train", False, ("1",), 3)
    (note,) = reportgen.load(tmp_path / "run").notes
    assert "was in eval mode whenever it trained" in note.what
