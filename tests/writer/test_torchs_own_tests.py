"""The calls that PyTorch's own tests of its writer make, as tests of ours."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from reportgen import SummaryWriter, load
from reportgen.testing import ReportDoc
from tests.writer.conftest import end


def test_nearly_every_method_once_with_arrays_and_the_page_shows_it(tmp_path):
    step, random = 0, np.random.default_rng(0)
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("data/system_time", 0.1, step)
        writer.add_scalar("data/custom_time", 0.2, step, walltime=step)
        writer.add_scalar("data/new_style", 0.2, step, new_style=True)
        writer.add_scalars("data/group", {"x_sin_x": 0.0, "x_cos_x": 1.0, "arctan_x": np.arctan(step)}, step)
        writer.add_images("Image", np.zeros((32, 3, 64, 64)), step)
        writer.add_image_with_boxes(
            "boxes", np.zeros((3, 64, 64)), np.array([[10, 10, 40, 40], [40, 40, 60, 60]]), step
        )
        writer.add_audio("my_audio", np.zeros(4000), step)
        writer.add_video("my_video", random.random((4, 8, 1, 28, 28)).astype(np.float32), step)
        writer.add_text("Text", f"text logged at step {step}", step)
        writer.add_text("Markdown", "a|b\n-|-\nc|d", step)
        writer.add_histogram("hist", random.random((100, 100)), step)
        writer.add_pr_curve("curve", random.integers(2, size=100), random.random(100), step)
        counts = [[75, 64, 21, 5, 0], [150, 105, 18, 0, 0], [0, 45, 132, 150, 150], [0, 11, 54, 70, 75]]
        rates = [[0.33, 0.38, 0.54, 1.0, 0.0], [1.0, 0.85, 0.28, 0.07, 0.0]]
        writer.add_pr_curve_raw("raw curve", *counts, *rates, step)
        vertices = np.array([[[1, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]]], dtype=float)
        colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 255]]], dtype=int)
        faces = np.array([[[0, 2, 3], [0, 3, 1], [0, 1, 2], [1, 3, 2]]], dtype=int)
        writer.add_mesh("my_mesh", vertices=vertices, colors=colours, faces=faces)
    run = load(tmp_path)
    assert run.notes == ()
    records = (*run.images, *run.audio, *run.videos, *run.texts, *run.pr_curves, *run.meshes)
    assert {record.tag for record in records} == {
        "Image", "boxes", "my_audio", "my_video", "Text", "Markdown", "curve", "raw curve", "my_mesh",
    }  # fmt: skip
    assert run.scalars["data/custom_time"].times[0] == 0
    text = ReportDoc(tmp_path / "report.html").text
    for tag in ("Image", "my_audio", "my_video", "Markdown", "raw curve", "my_mesh", "data/group"):
        assert tag in text


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("close", [None, True, False])
def test_a_figure_is_closed_by_default_and_kept_when_asked(written, several, close):
    figures = [plt.figure(figsize=(1, 1)) for _ in range(3 if several else 1)]
    for figure in figures:
        figure.gca().plot([1, 2])
    options = {} if close is None else {"close": close}
    written.writer.add_figure("f", figures if several else figures[0], 0, **options)
    assert [plt.fignum_exists(figure.number) for figure in figures] == [close is False] * len(figures)
    plt.close("all")
    assert len(written.run().images[0].media) == len(figures)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Dictionary(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": x + 1}


def test_a_linear_layer_in_a_module(written):
    written.writer.add_graph(Linear(), torch.randn(1, 3))
    (graph,) = written.run().graphs
    assert [node.outputs[0].shape for node in graph.nodes if node.path == "layer"] == [(1, 5)]


def test_a_wrong_input_size_raises_runtime_error(written):
    with pytest.raises(RuntimeError, match="expects 3 features"):
        written.writer.add_graph(Linear(), torch.randn(1, 9))


@pytest.mark.parametrize("strict", [True, False])
def test_a_dict_as_output_needs_no_lenient_trace(written, strict):
    written.writer.add_graph(Dictionary(), torch.randn(2, 3), use_strict_trace=strict)
    assert len(written.run().graphs) == 1


@pytest.mark.parametrize(
    "name",
    [
        "alexnet", "resnet34", "resnet152", "densenet121", "vgg16", "vgg19", "vgg16_bn", "vgg19_bn", "mobilenet_v2",
    ],
)  # fmt: skip
def test_the_graphs_of_torchvisions_models(written, name):
    with torch.device("meta"):  # shapes without numbers: the real ones take seconds and half a gigabyte
        model, inputs = getattr(torchvision.models, name)(), torch.empty(2, 3, 224, 224)
    written.writer.add_graph(model, inputs)
    (graph,) = written.run().graphs
    assert graph.fault is None
    assert graph.parameters == sum(one.numel() for one in model.parameters())
    assert [node.outputs[0].shape for node in graph.nodes if node.path == "" and node.kind == "module"] == [(2, 1000)]


def test_scalars_of_one_element_tensors(written):
    for number, value in enumerate((torch.tensor([1.0]), torch.tensor(2.0), torch.tensor([[3]]), np.array([4.0]))):
        written.writer.add_scalar("s", value, number)
    assert list(written.run().scalars["s"].values) == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    "values",
    [torch.randn(1000), torch.randn(1000).bfloat16(), torch.arange(1000), np.arange(1000.0), np.arange(1000)],
    ids=["float", "bfloat16", "int", "array", "array of int"],
)
def test_histograms_of_floats_ints_and_bfloat16(written, values):
    written.writer.add_histogram("h", values, 0, bins="auto")
    assert written.run().distributions["histogram"]["h"].snapshots[0].count == 1000


def test_a_raw_histogram_from_lists(written):
    values = np.repeat(np.arange(50) + 0.001, np.arange(50))
    counts, limits = np.histogram(values, bins=np.arange(52))
    written.writer.add_histogram_raw(
        tag="r", min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=values.dot(values),
        bucket_limits=limits[1:].tolist(), bucket_counts=counts.tolist(), global_step=0,
    )  # fmt: skip
    (found,) = written.run().distributions["histogram"]["r"].snapshots
    assert (found.count, found.minimum, found.maximum) == (1225, 1.001, 49.001)
    assert found.mean == pytest.approx(values.mean())


def test_a_path_and_the_same_folder_again(tmp_path: Path):
    for step in range(2):
        writer = SummaryWriter(Path(tmp_path))
        writer.add_scalar("a", 1.0, step)
        end(writer)
    assert list(load(tmp_path).scalars["a"].steps) == [0, 1]
