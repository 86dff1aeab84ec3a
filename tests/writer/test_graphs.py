"""add_graph by one forward of our own, and graphs from ONNX files."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.second = nn.Linear(5, 2)

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        out = self.second(self.first(x).relu())
        return out if scale is None else out * scale


class Named(NamedTuple):
    a: Tensor


@dataclasses.dataclass
class Output:
    logits: Tensor


class Returning(nn.Module):
    def __init__(self, make: object) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.make = make

    def forward(self, x: Tensor) -> object:
        return self.make(self.layer(x))


class NoInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self) -> Tensor:
        return self.layer(torch.ones(1, 4))


class TakesDict(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"out": self.layer(batch["x"])}


class KeywordOnly(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, *, x: Tensor) -> Tensor:
        return self.layer(x)


X = torch.rand(3, 4)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (Small(), X),
        (Small(), (X,)),
        (Small(), [X]),
        (Small(), (X, torch.ones(2))),
        (Small(), {"x": X}),
        (Small(), {"x": X, "scale": torch.ones(2)}),
        (TakesDict(), {"x": X}),
        (TakesDict(), ({"x": X},)),
        (KeywordOnly(), {"x": X}),
        (NoInput(), None),
        (Returning(lambda x: {"a": x}), X),
        (Returning(lambda x: Output(x)), X),
        (Returning(lambda x: (x, None)), X),
        (Returning(lambda x: Named(x)), X),
        (nn.LSTM(4, 6), torch.rand(2, 3, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("strict", [True, False])
def test_any_way_to_call_a_model_and_anything_it_returns(written, model, given, strict):
    written.writer.add_graph(model, given, use_strict_trace=strict)
    (graph,) = written.run().graphs
    assert graph.fault is None
    called = [node for node in graph.nodes if node.kind == "module" and node.status == "ok"]
    assert len(called) >= 1
    assert all(node.status == "ok" for node in graph.nodes)


def test_without_an_input_the_modules_of_the_model_are_listed(written):
    written.writer.add_graph(Small())
    (graph,) = written.run().graphs
    assert {node.path for node in graph.nodes if node.status == "not called"} >= {"first", "second"}
    assert "no input was given" in graph.captured
    written.writer.add_graph(model := Small())
    written.writer.add_graph(model, X)
    graphs = written.run().graphs
    assert len(graphs) == 2
    assert all(node.status == "ok" for node in graphs[1].nodes)


def test_a_wrong_size_raises_with_the_layer_and_the_number_and_keeps_the_graph_up_to_there(written):
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(100, 10))
    with pytest.raises(RuntimeError, match=r"Change in_features of 2 from 100 to 5,408") as caught:
        written.writer.add_graph(model, torch.rand(2, 1, 28, 28))
    assert isinstance(caught.value.__cause__, RuntimeError)
    (graph,) = written.run().graphs
    status = {node.path: node.status for node in graph.nodes if node.kind == "module"}
    assert (status["0"], status["2"]) == ("ok", "failed")
    assert not written.run().notes


def test_an_exception_of_the_models_own_type_becomes_a_runtime_error(written):
    class OddError(Exception):
        pass

    class Raising(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise OddError("mine")

    with pytest.raises(RuntimeError, match="OddError: mine") as caught:
        written.writer.add_graph(Raising(), X)
    assert isinstance(caught.value.__cause__, OddError)


def test_modes_buffers_and_random_numbers_are_put_back(written):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    written.writer.add_graph(model, X)
    assert [module.training for module in model] == [True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_verbose_prints_the_graph(written, capsys):
    written.writer.add_graph(Small(), X, verbose=True)
    printed = capsys.readouterr().out
    assert "first (Linear): 3x5" in printed
    assert "37 parameters" in printed
    written.writer.add_graph(Small(), X)
    assert capsys.readouterr().out == ""


def test_a_data_dependent_branch_makes_no_warning(written):
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2 if x.sum() > 0 else x * 3

    written.writer.add_graph(Branch(), X)
    assert len(written.run().graphs) == 1


def onnx_file(folder) -> str:
    import onnx
    from onnx import TensorProto, helper

    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 3], [0.0] * 12)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
        helper.make_node("LeakyRelu", ["h"], ["r"], alpha=0.25),
        helper.make_node("Add", ["r", "r"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])], [weight],
    )  # fmt: skip
    path = str(folder / "net.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_an_onnx_file_is_a_graph_with_operations_shapes_and_parameters(written, tmp_path):
    written.writer.add_onnx_graph(onnx_file(tmp_path))
    (graph,) = written.run().graphs
    operations = [node for node in graph.nodes if node.kind == "operation"]
    assert [(node.path, node.type) for node in operations] == [
        ("fc", "MatMul"), ("LeakyRelu", "LeakyRelu"), ("Add", "Add"),
    ]  # fmt: skip
    assert operations[1].detail == "alpha=0.25"
    assert operations[1].outputs[0].shape == (-1, 3)
    assert operations[1].outputs[0].dtype == "float32"
    assert (graph.parameters, operations[0].parameters, graph.model) == (12, 12, "net")
    names = {node.id: node.path for node in graph.nodes}
    assert [(names[edge.source], names[edge.target]) for edge in graph.edges] == [
        ("x", "fc"), ("fc", "LeakyRelu"), ("LeakyRelu", "Add"), ("LeakyRelu", "Add"), ("Add", "y"),
    ]  # fmt: skip


def test_without_onnx_the_extra_is_named(written, tmp_path, monkeypatch):
    path = onnx_file(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"extra \[onnx\]"):
        written.writer.add_onnx_graph(path)


def test_what_is_no_onnx_file_raises_onnxs_own_error(written, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"hello world")
    with pytest.raises(Exception, match="Error parsing message"):
        written.writer.add_onnx_graph(tmp_path / "bad.onnx")
    assert not written.run().graphs


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
@pytest.mark.parametrize("given", [[], None, X, [X, X]], ids=["empty", "none", "input", "too many"])
@pytest.mark.parametrize("how", ["trace", "script"])
def test_a_model_of_torch_jit_is_listed_under_the_names_of_its_classes_whatever_is_given(written, how, given):
    plain = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
    model = torch.jit.trace(plain, X) if how == "trace" else torch.jit.script(plain)
    written.writer.add_graph(model, given)
    (graph,) = written.run().graphs
    assert [(node.path, node.type, node.detail) for node in graph.nodes] == [("0", "Linear", ""), ("1", "ReLU", "")]
    assert {node.status for node in graph.nodes} == {"not called"}
    assert "torch.jit has compiled it" in graph.autograd_note
