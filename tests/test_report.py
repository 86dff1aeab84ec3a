"""The facade: what a training script sees of reportgen, from the constructor to the end of the process."""

import copy
import pickle
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import reportgen
from reportgen.testing import ReportDoc


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(report, steps=6, model=None):
    torch.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    inputs, labels = torch.randn(12, 4), torch.randint(0, 3, (12,))
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
    report.predictions(inputs, logits, labels, classes=["a", "b", "c"])
    return model


def run_script(body, folder, *options):
    """Run a script in a process of its own, in `folder`; importing torch costs seconds, so few tests do this."""
    script = Path(folder) / "train.py"
    script.write_text(textwrap.dedent(body))
    return subprocess.run(
        [sys.executable, *options, script.name], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_ten_lines_give_a_report_with_every_section():
    report = reportgen.Report("a small run", config={"lr": 0.1}, strict=True)
    train(report)
    result = report.build()
    report.close()
    assert result.path == report.folder / "report.html"
    assert result.bytes == result.path.stat().st_size
    assert result.seconds > 0
    doc = ReportDoc(result.path)
    doc.check()
    run = reportgen.load(result.path)
    assert run.meta.status == "finished"
    assert len(run.scalars["train/loss"]) == 6
    assert run.predictions[0].samples == 12
    assert run.graph is not None
    assert run.graph.parameters == 4 * 8 + 8 + 8 * 3 + 3
    assert set(run.distributions["weight"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_the_run_folder_and_the_page_hold_the_same_run():
    report = reportgen.Report("same", strict=True)
    train(report)
    result = report.build()
    report.close()
    assert (
        reportgen.load(report.folder).scalars["train/loss"].logged
        == reportgen.load(result.path).scalars["train/loss"].logged
    )
    assert [f.id for f in reportgen.findings(reportgen.load(result.path))] == [f.id for f in result.findings]


BAD = [
    ({"train/loss": None}, "None"),
    ({"train/loss": "0.3"}, "'0.3'"),
    ({"train/loss": torch.tensor([0.1, 0.2])}, "2 elements"),
    ({"train/loss": torch.tensor(1j)}, "complex"),
    ("train/loss", "'train/loss'"),
    (None, "None"),
]


@pytest.mark.parametrize(("values", "shown"), BAD, ids=[str(shown) for _, shown in BAD])
def test_a_value_that_cannot_be_logged_is_named_and_training_goes_on(values, shown):
    report = reportgen.Report("bad values")
    with pytest.warns(reportgen.ReportgenWarning) as caught:
        report.log(values, step=1)
    assert shown in str(caught[0].message)
    assert "accepted" in str(caught[0].message)
    report.log({"train/loss": 0.5}, step=2)
    result = report.build()
    report.close()
    assert list(reportgen.load(result.path).scalars["train/loss"].steps) == [2]
    assert shown.strip("'") in ReportDoc(result.path).text


@pytest.mark.parametrize(("values", "shown"), BAD, ids=[str(shown) for _, shown in BAD])
def test_strict_raises_what_otherwise_is_a_warning(values, shown):
    report = reportgen.Report("strict", strict=True)
    with pytest.raises(reportgen.InvalidArgumentError, match="accepted"):
        report.log(values, step=1)
    report.close()


def test_one_bad_value_does_not_cost_the_good_ones_beside_it():
    report = reportgen.Report("mixed")
    with pytest.warns(reportgen.ReportgenWarning):
        report.log({"train/loss": 0.5, "name": "resnet", "lr": 0.1}, step=1)
    result = report.build()
    report.close()
    assert set(reportgen.load(result.path).scalars) == {"train/loss", "lr"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"task": "clasification"}, "clasification"),
        ({"targets": torch.tensor([0, 1])}, "2"),
        ({"split": "val", "targets": torch.tensor([0, 1, 9])}, "9"),
    ],
    ids=["unknown task", "mismatched lengths", "label out of range"],
)
def test_predictions_that_cannot_be_used_are_named(arguments, said):
    report = reportgen.Report("bad predictions")
    given = {"inputs": None, "outputs": torch.randn(3, 3), "targets": torch.tensor([0, 1, 2]), **arguments}
    with pytest.warns(reportgen.ReportgenWarning, match=said):
        report.predictions(**given)
    assert report.build().path.exists()
    report.close()


def test_a_folder_that_cannot_be_made_costs_the_report_and_not_the_training(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(reportgen.ReportgenWarning, match="file"):
        report = reportgen.Report("x", folder=tmp_path / "file" / "run")
    train(report)
    assert report.build() is None
    report.close()
    with pytest.raises(reportgen.OutputError):
        reportgen.Report("x", folder=tmp_path / "file" / "run", strict=True)


def test_an_unwritable_path_for_the_page_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("no folder")
    report = reportgen.Report("x")
    with pytest.warns(reportgen.ReportgenWarning, match="report.html"):
        assert report.build(tmp_path / "file" / "report.html") is None
    report.close()


class NoParameters(nn.Module):
    def forward(self, x):
        return x * 2


def test_an_empty_run_a_single_step_and_nan_alone_give_a_report():
    for title, points in (("empty", []), ("one", [0.5]), ("nan", [float("nan")] * 5)):
        report = reportgen.Report(title, strict=True)
        report.watch(NoParameters())
        for step, value in enumerate(points):
            report.log({"train/loss": value}, step=step)
        result = report.build()
        report.close()
        ReportDoc(result.path).check()


def quantised():
    with warnings.catch_warnings():  # torch is about to move these away; runs of today still hold them
        warnings.simplefilter("ignore", UserWarning)
        return torch.quantize_per_tensor(torch.randn(5), 0.1, 0, torch.qint8)


ODD = {
    "bfloat16": torch.randn(5).bfloat16(),
    "float8": torch.randn(5).to(torch.float8_e4m3fn),
    "float16": torch.randn(5).half(),
    "float64": torch.tensor([1e300, -1e300, 1.0], dtype=torch.float64),
    "complex": torch.randn(5, dtype=torch.complex64),
    "sparse": torch.eye(4).to_sparse(),
    "quantised": quantised(),
    "meta": torch.empty(5, device="meta"),
    "empty": torch.empty(0),
    "bool": torch.tensor([True, False]),
    "nan": torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0]),
}


def test_tensors_of_every_kind_are_counted_or_named_as_left_out():
    report = reportgen.Report("odd tensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", reportgen.ReportgenWarning)
        for kind, tensor in ODD.items():
            report.histogram(kind, tensor, step=0)
        result = report.build()
    report.close()
    run = reportgen.load(report.folder)
    recorded = run.distributions["histogram"]
    said = " ".join(note.what for note in run.notes)
    for kind in ODD:
        assert kind in recorded or kind in said, f"{kind} is neither recorded nor named as left out"
    for kind in ("bfloat16", "float8", "float16", "float64", "sparse", "quantised", "bool", "nan"):
        assert kind in recorded
    nan = recorded["nan"].snapshots[0]
    assert (nan.nans, nan.positive_infinities, nan.negative_infinities, nan.zeros) == (1, 1, 1, 1)
    ReportDoc(result.path).check()


def test_with_builds_on_exit_and_lets_the_exception_through():
    def train_into_a_wall():
        nonlocal report
        with reportgen.Report("crash", strict=True) as report:
            report.log({"train/loss": 1.0}, step=0)
            raise ValueError("shapes do not fit")

    report = None
    with pytest.raises(ValueError, match="shapes do not fit"):
        train_into_a_wall()
    run = reportgen.load(report.folder / "report.html")
    assert run.meta.status == "failed"
    assert run.failure.type == "ValueError"
    assert run.failure.message == "shapes do not fit"
    assert run.failure.frames[-1].path.endswith("test_report.py")
    with reportgen.Report("fine", strict=True) as report:
        report.log({"train/loss": 1.0}, step=0)
    assert reportgen.load(report.folder / "report.html").meta.status == "finished"


def test_ctrl_c_is_told_from_a_failure():
    with pytest.raises(KeyboardInterrupt), reportgen.Report("stopped", strict=True) as report:
        raise KeyboardInterrupt
    assert reportgen.load(report.folder / "report.html").meta.status == "stopped by the user"


def test_building_inside_an_unfinished_loop_leaves_the_run_running():
    report = reportgen.Report("epochs", strict=True)
    for epoch in range(2):
        for batch in report.track([1, 2, 3]):
            report.log({"train/loss": float(batch)})
            if batch == 2 and epoch == 0:
                report.build()
                assert reportgen.load(report.folder / "report.html").meta.status == "running"
    report.build(final=False)
    assert reportgen.load(report.folder / "report.html").meta.status == "running"
    report.build()
    run = reportgen.load(report.folder / "report.html")
    assert run.meta.status == "finished"
    assert run.scalars["train/loss"].epochs[-1] == 1.0
    assert 0.0 <= run.measures["data_wait"]["train"].last <= 1.0
    report.log({"train/loss": 0.1})
    report.build(final=False)
    assert reportgen.load(report.folder / "report.html").meta.status == "running"
    report.close()


def test_track_yields_the_loaders_own_batches_and_lets_its_errors_through():
    report = reportgen.Report("loader", strict=True)
    batches = [torch.ones(2), torch.zeros(2)]
    tracked = report.track(batches)
    assert len(tracked) == 2
    assert all(given is got for given, got in zip(batches, tracked, strict=True))

    def broken():
        yield 1
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        list(report.track(broken(), split="val"))
    with pytest.raises(TypeError):
        len(report.track(iter([])))
    report.close()


def test_a_model_that_holds_the_report_can_be_copied_saved_and_loaded(tmp_path):
    report = reportgen.Report("held", strict=True)
    model = nn.Linear(2, 2)
    model.report = report
    report.watch(model)
    assert copy.deepcopy(model).report is report
    torch.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    loaded.report.log({"train/loss": 1.0})
    assert loaded.report.build() is None
    assert pickle.loads(pickle.dumps(report)).folder is None
    report.close()


def test_rng_warnings_filters_and_matplotlib_are_as_they_were_after_a_build():
    import matplotlib

    report = reportgen.Report("state", strict=True)
    train(report)
    before = torch.get_rng_state(), dict(matplotlib.rcParams), list(warnings.filters), torch.is_grad_enabled()
    report.build()
    after = torch.get_rng_state(), dict(matplotlib.rcParams), list(warnings.filters), torch.is_grad_enabled()
    report.close()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_the_end_of_a_process_says_how_the_run_ended(tmp_path):
    body = """
        import os, sys, threading, reportgen
        report = reportgen.Report("done", folder="done")
        report.log({"train/loss": 1.0}, step=0)
        print(report.build().path)
        report.close()
        if os.fork() == 0:  # one import of torch, and of what builds, serves all endings
            report = reportgen.Report("crash", folder="crashed")
            report.log({"train/loss": 1.0}, step=0)
            raise RuntimeError("the third batch is broken")
        os.wait()
        if os.fork() == 0:
            report = reportgen.Report("hidden", folder="hidden")
            sys.excepthook = lambda *error: None  # another library's, which calls nobody
            report.log({"train/loss": 1.0}, step=0)
            raise RuntimeError("nobody prints this")
        os.wait()
        if os.fork() == 0:
            def train():
                report.log({"train/loss": 1.0}, step=0)
                raise RuntimeError("the thread that trains is gone")

            report = reportgen.Report("thread", folder="thread")
            thread = threading.Thread(target=train)
            thread.start()
            thread.join()
            report.build()
            sys.exit(0)
        os.wait()
        if os.fork() == 0:
            report = reportgen.Report("forgot", folder="forgotten")
            report.log({"train/loss": 1.0}, step=0)
            sys.exit(0)
        os.wait()
        report = reportgen.Report("open", folder="open")
        report.log({"train/loss": 1.0}, step=0)
        report.build()
    """
    finished = run_script(body, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "the third batch is broken" in finished.stderr
    crashed = reportgen.load(tmp_path / "crashed")
    assert crashed.meta.status == "failed"
    assert crashed.failure.frames[-1].path == "train.py"
    assert finished.stderr.index("the third batch") < finished.stderr.index("reportgen: what failed is told in")
    for folder, message in (
        ("crashed", "the third batch is broken"),
        ("hidden", "nobody prints this"),
        ("thread", "the thread that trains is gone"),
    ):
        told = reportgen.load(tmp_path / folder / "report.html")
        assert (told.meta.status, told.failure.message) == ("failed", message)
    assert not (tmp_path / "forgotten" / "report.html").exists()
    assert reportgen.load(tmp_path / "forgotten").meta.status == "ended without build()"
    assert reportgen.load(tmp_path / "done").meta.status == "finished"
    assert reportgen.load(tmp_path / "open").meta.status == "finished"


def test_the_last_weights_are_those_that_training_arrived_at():
    report = reportgen.Report("weights at the end", strict=True)
    model = train(report, steps=30)
    report.build()
    report.build()
    report.close()
    weights = reportgen.load(report.folder).distributions["weight"]["0.weight"]
    assert list(weights.steps)[-2:] != [30, 30]  # building twice looks once
    assert weights.steps[-1] == 30
    assert weights.snapshots[-1].total == pytest.approx(float(model[0].weight.detach().double().sum()), abs=1e-5)


class Unnameable:
    def __str__(self):
        raise TypeError("no text")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"title": Unnameable()}, ""),
        ({"folder": 3.5}, "folder"),
        ({"folder": "a\0b"}, "folder"),
        ({"direction": {"fid": "down"}}, "down"),
        ({"direction": ["fid"]}, ""),
        ({"config": "lr=0.1"}, "config"),
    ],
    ids=["title", "folder type", "folder name", "direction", "direction type", "config"],
)
def test_no_argument_of_the_constructor_ends_a_training(arguments, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = reportgen.Report(**{"config": {"lr": 0.5}, **arguments})
        report.log({"train/loss": 1.0}, step=1)
        result = report.build()
        report.close()
    assert said in " ".join(str(warning.message) for warning in caught)
    if result is not None:
        meta = reportgen.load(result.path).meta
        assert meta.environment.python  # what was right is recorded all the same
        assert meta.config == ({} if "config" in arguments else {"lr": 0.5})


def test_a_fraction_is_no_step():
    report = reportgen.Report("steps")
    with pytest.warns(reportgen.ReportgenWarning, match=r"step is 0\.5"):
        report.log({"train/loss": 1.0}, step=0.5)
    report.log({"train/loss": 2.0}, step=torch.tensor(3))
    report.build()
    report.close()
    assert list(reportgen.load(report.folder).scalars["train/loss"].steps) == [3]


def test_the_seed_shown_is_the_one_that_was_used():
    report = reportgen.Report("seeded late", strict=True)
    torch.manual_seed(77)
    report.log({"train/loss": 1.0}, step=0)
    report.build()
    report.close()
    assert reportgen.load(report.folder).meta.environment.seeds["torch"] == 77


def test_what_the_disk_could_not_take_is_on_the_page(tmp_path, monkeypatch):
    report = reportgen.Report("full disk", folder=tmp_path / "run")
    report.log({"train/loss": 1.0}, step=0)
    report.build(final=False)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken, warnings.catch_warnings():
        warnings.simplefilter("ignore", reportgen.ReportgenWarning)
        broken.setattr("reportgen.run.journal.os.write", full)
        report.log({"train/loss": 2.0}, step=1)
        result = report.build(tmp_path / "elsewhere.html")
    report.close()
    assert "No space left on device" in ReportDoc(result.path).text
    assert any(finding.severity == "warning" for finding in result.findings)


def test_a_model_that_is_never_called_itself_is_told_on_the_page():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    torch.manual_seed(0)
    model = Parts()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = reportgen.Report("parts", strict=True)
    report.watch(model, optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        model.head(model.body(torch.randn(2, 4))).sum().backward()
        optimizer.step()
    result = report.build()
    report.close()
    assert "Parts itself was never called in training" in ReportDoc(result.path).text
    assert not result.findings or all(finding.severity == "info" for finding in result.findings)
