"""Scripts that crash, each in another place and way, without a `with`: all leave a report that says what happened."""

import builtins
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

import reportgen
from reportgen.testing import ReportDoc


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def crash(script, *, within=False):
    """Run `script(report, model, optimizer)`, which raises and is caught by nobody; the run on the page it left."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = reportgen.Report("crash", folder="run", strict=True)
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    try:
        if within:
            with report:
                script(report, model, optimizer)
        else:
            script(report, model, optimizer)
    except BaseException:
        if not within:
            sys.excepthook(*sys.exc_info())  # what the interpreter does with it
    else:
        raise AssertionError("it did not raise")
    report.close()
    ReportDoc(Path("run/report.html")).check()
    return reportgen.load("run/report.html")


def step(model, optimizer):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(5, 4)), torch.zeros(5, dtype=torch.int64))
    loss.backward()
    optimizer.step()
    return loss


def finding_of(run):
    return next(one for one in reportgen.findings(run) if one.id == "run_failed" or one.also)


def test_before_any_step(capfd):
    run = crash(lambda report, model, optimizer: {"lr": 0.1}["learning_rate"])
    assert (run.meta.status, run.failure.type, run.failure.module) == ("failed", "KeyError", "")
    assert finding_of(run).id == "run_failed"
    assert "KeyError: 'learning_rate'" in capfd.readouterr().err


def test_in_the_first_forward_and_in_a_later_one(capfd):
    def script(report, model, optimizer):
        report.log({"train/loss": step(model, optimizer)})
        model(torch.randn(5, 7))

    run = crash(script)
    assert (run.failure.stamp.step, run.failure.module) == (1, "0")
    assert finding_of(run).code == "- nn.Linear(4, 8)\n+ nn.Linear(7, 8)"
    assert len(run.scalars["train/loss"]) == 1
    first = crash_in_first_forward()
    assert finding_of(first).code == "- nn.Linear(4, 8)\n+ nn.Linear(7, 8)"
    assert [node.status for node in first.graph.nodes if node.kind == "module"][:2] == ["failed", "failed"]


def crash_in_first_forward():
    model = nn.Sequential(nn.Linear(4, 8))
    report = reportgen.Report("first", folder="first", strict=True)
    report.watch(model)
    try:
        model(torch.randn(5, 7))
    except RuntimeError:
        sys.excepthook(*sys.exc_info())
    report.close()
    return reportgen.load("first/report.html")


class Breaks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        raise ArithmeticError("no derivative")


def test_in_backward(capfd):
    run = crash(lambda report, model, optimizer: Breaks.apply(model(torch.randn(5, 4))).sum().backward())
    assert run.failure.type == "ArithmeticError"
    assert [frame.function for frame in run.failure.frames if frame.own][-1] == "backward"


def test_in_the_optimizers_step(capfd):
    def script(report, model, optimizer):
        step(model, optimizer)
        optimizer.param_groups[0]["lr"] = "0.1"
        step(model, optimizer)

    run = crash(script)
    assert run.failure.type == "TypeError"
    assert finding_of(run).id == "run_failed"


def test_inside_validation(capfd):
    def script(report, model, optimizer):
        report.log({"train/loss": step(model, optimizer)})
        model.eval()
        with torch.no_grad():
            for inputs in report.track([torch.randn(5, 4), torch.randn(5, 4).double()], split="val", progress=False):
                model(inputs)

    run = crash(script)
    finding = finding_of(run)
    assert (finding.id, finding.where.module) == ("dtype_mismatch", "0")
    assert not any("reportgen/" in frame.path for frame in run.failure.frames)


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"a": 1}["b"]


def test_in_a_worker_of_a_loader(capfd):
    def script(report, model, optimizer):
        for _ in report.track(torch.utils.data.DataLoader(Rows(), 2, num_workers=1), progress=False):
            pass

    run = crash(script)
    assert run.failure.message == "Caught KeyError in DataLoader worker process 0."
    (cause,) = run.failure.causes
    assert (cause.type, cause.message, cause.how) == ("KeyError", "'b'", "worker")
    assert (cause.frames[-1].function, cause.frames[-1].code) == ("__getitem__", 'return {"a": 1}["b"]')
    assert "in __getitem__" in finding_of(run).fix


def test_ctrl_c_leaves_a_report_of_a_run_that_was_stopped(capfd):
    def script(report, model, optimizer):
        report.log({"train/loss": step(model, optimizer)})
        raise KeyboardInterrupt

    run = crash(script)
    assert run.meta.status == "stopped by the user"
    assert run.failure is None


def test_an_exit_status_in_the_block_is_a_failure(capfd):
    def script(report, model, optimizer):
        sys.exit(1)

    run = crash(script, within=True)
    assert (run.meta.status, run.failure.type, run.failure.message) == ("failed", "SystemExit", "1")


class Unsayable(Exception):  # noqa: N818
    def __str__(self):
        raise TypeError("no text")


def test_an_exception_that_cannot_be_shown(capfd):
    def script(report, model, optimizer):
        raise Unsayable

    run = crash(script)
    assert run.failure.message == "(its message cannot be shown: TypeError)"


def test_a_chain_shows_its_cause(capfd):
    def script(report, model, optimizer):
        try:
            model(torch.randn(5, 7))
        except RuntimeError as error:
            raise ValueError("epoch 3 failed") from error

    run = crash(script)
    finding = finding_of(run)
    assert (finding.id, finding.code, finding.where.module) == (
        "shape_mismatch",
        "- nn.Linear(4, 8)\n+ nn.Linear(7, 8)",
        "0",
    )
    assert [(cause.type, cause.how) for cause in run.failure.causes] == [("RuntimeError", "cause")]
    assert "ValueError: epoch 3 failed" in finding.evidence.text
    assert "It was raised from RuntimeError" in finding.evidence.text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_a_group_shows_what_it_holds(capfd):
    def script(report, model, optimizer):
        raise builtins.ExceptionGroup("two tasks", [KeyError("a"), IndexError("Target 9 is out of bounds.")])

    run = crash(script)
    assert [(cause.type, cause.how) for cause in run.failure.causes] == [("KeyError", "group"), ("IndexError", "group")]
    assert finding_of(run).id == "labels_out_of_range"


def test_a_recursion_and_a_syntax_error(capfd, tmp_path, monkeypatch):
    def deeper(depth):
        return deeper(depth + 1)

    run = crash(lambda report, model, optimizer: deeper(0))
    assert run.failure.type == "RecursionError"
    (tmp_path / "broken_net.py").write_text("class Net:\n    def forward(self, x)\n        return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    report = reportgen.Report("syntax", folder="syntax", strict=True)
    try:
        __import__("broken_net")
    except SyntaxError:
        sys.excepthook(*sys.exc_info())
    report.close()
    failure = reportgen.load("syntax/report.html").failure
    assert (failure.frames[-1].path, failure.frames[-1].line) == ("broken_net.py", 2)
    assert failure.frames[-1].code == "def forward(self, x)"


def test_training_in_a_thread_and_a_thread_that_has_nothing_to_do_with_it(monkeypatch):
    printed = []
    monkeypatch.setattr(threading, "excepthook", lambda args: printed.append(str(args.exc_value)))
    model = nn.Sequential(nn.Linear(4, 8))
    report = reportgen.Report("threads", folder="threads", strict=True)
    report.watch(model)

    def in_a_thread(target):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()

    in_a_thread(lambda: {}["elsewhere"])
    report.log({"train/loss": 1.0}, step=0)
    report.build(final=False)
    assert reportgen.load("threads/report.html").meta.status == "running"
    in_a_thread(lambda: model(torch.randn(5, 7)))
    assert reportgen.load("threads/report.html").meta.status == "failed"
    report.build()  # the thread that waited for it goes on to the end
    run = reportgen.load("threads/report.html")
    assert (run.meta.status, run.failure.module) == ("failed", "0")
    assert [text[:10] for text in printed] == ["'elsewhere", "mat1 and m"]
    report.log({"train/loss": 0.5}, step=1)
    report.build()
    assert reportgen.load("threads/report.html").meta.status == "finished"
    report.close()


def test_a_failure_that_was_caught_is_none():
    model = nn.Sequential(nn.Linear(4, 8))
    report = reportgen.Report("caught", folder="caught", strict=True)
    report.watch(model)
    with pytest.raises(RuntimeError):
        model(torch.randn(5, 7))
    report.build()
    report.close()
    run = reportgen.load("caught/report.html")
    assert (run.meta.status, run.failure) == ("finished", None)
