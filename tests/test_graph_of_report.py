"""The graph from the script to the page: report.graph, a forward that fails, and the fault in the verdict."""

import pytest
import torch
from torch import nn

import reportgen


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Article(nn.Module):
    """The article's network: its first linear layer takes more features than the pooling leaves."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, 1), nn.Conv2d(32, 64, 3, 1)
        self.fc1, self.fc2 = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        x = torch.flatten(nn.functional.avg_pool2d(x, 8), 1)
        return self.fc2(torch.relu(self.fc1(x)))


def test_a_network_whose_layers_do_not_fit_is_told_what_to_change():
    model = Article()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = reportgen.Report("article", strict=True)

    def script():
        with report:
            report.watch(model, optimizer)
            model(torch.randn(64, 1, 28, 28)).sum().backward()

    with pytest.raises(RuntimeError, match="64x576 and 3136x128"):
        script()
    run = reportgen.load(report.folder)
    assert run.failure.module == "fc1"
    assert run.failure.fault == run.graph.fault
    assert run.graph.fault.code == "nn.Linear(576, 128)"
    (finding,) = [one for one in reportgen.findings(run) if one.id == "shape_mismatch"]
    assert finding.title == "fc1 (Linear) is given float32 (64, 576) and expects 3,136 features in the last dimension"
    assert finding.also == ("The run failed at step 0 in fc1: RuntimeError",)
    assert finding.why == "mat1 and mat2 shapes cannot be multiplied (64x576 and 3136x128)."
    assert finding.fix.startswith("Change in_features of fc1 from 3,136 to 576.")
    assert finding.code == "- nn.Linear(3136, 128)\n+ nn.Linear(576, 128)"
    page = (report.folder / "report.html").read_text()
    assert "nn.Linear(576, 128)" in page
    assert reportgen.load(report.folder / "report.html").failure == run.failure


def test_a_graph_without_training():
    report = reportgen.Report("graph", strict=True)
    report.graph(nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval(), torch.randn(3, 4))
    result = report.build()
    report.close()
    graph = reportgen.load(result.path).graph
    assert graph.captured == "a forward that report.graph ran"
    assert [node.path for node in graph.nodes if node.kind == "module"] == ["", "0", "1"]


def test_arguments_may_have_any_name():
    class Names(nn.Module):
        def forward(self, x, *, model, path=None):
            return x * model

    report = reportgen.Report("names", strict=True)
    report.graph(Names(), torch.ones(2), model=3, path="x")
    result = report.build()
    report.close()
    assert [n.path for n in reportgen.load(result.path).graph.nodes if n.kind == "operation"] == ["mul"]


def test_of_two_watched_models_it_is_said_which_failed():
    models = {name: nn.Sequential(nn.Linear(4, 2)) for name in ("G", "D")}
    report = reportgen.Report("two")

    def script():
        with report:
            for name, model in models.items():
                report.watch(model, name=name)
            models["D"](torch.ones(1, 5))

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        script()
    failure = reportgen.load(report.folder).failure
    assert failure.module == failure.fault.module == "D/0"


def test_nested_tensors_reach_the_page(recwarn):
    report = reportgen.Report("nested", strict=True)
    layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    report.watch(layers)
    with torch.no_grad():
        layers(torch.randn(2, 3, 8), src_key_padding_mask=torch.tensor([[False, False, True], [False] * 3]))
    result = report.build()
    report.close()
    assert reportgen.load(result.path).graph.nodes[1].outputs


def test_a_graph_that_cannot_be_taken_is_a_sentence_on_the_page():
    report = reportgen.Report("graph")
    with pytest.warns(reportgen.ReportgenWarning, match=r"Change in_features of 0 from 4 to 5\."):
        report.graph(nn.Sequential(nn.Linear(4, 2)), torch.randn(3, 5))
    with pytest.warns(reportgen.ReportgenWarning, match=r"model is .*a torch\.nn\.Module"):
        report.graph("resnet18", torch.randn(3, 5))
    result = report.build()
    report.close()
    assert reportgen.load(result.path).graph.fault.code == "nn.Linear(5, 2)"
    assert "rejected_argument" in [finding.id for finding in result.findings]


def test_an_evaluation_script_has_a_graph_and_module_times_reach_the_run():
    report = reportgen.Report("evaluation", strict=True)
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval()
    report.watch(model)
    with torch.no_grad():
        model(torch.randn(3, 4))
    result = report.build()
    assert reportgen.load(result.path).graph.captured == "the first evaluation forward"
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(30):
        model(torch.randn(3, 4)).sum().backward()
        optimizer.step()
    result = report.build()
    report.close()
    graph = reportgen.load(result.path).graph
    assert graph.captured == "the first training forward"
    assert all(node.seconds > 0 for node in graph.nodes if node.kind == "module")
