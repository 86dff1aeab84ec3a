"""What torch's writer refuses is refused with the same type of exception, before anything is recorded."""

from __future__ import annotations

import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reportgen import SummaryWriter, load


class Raising(nn.Module):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


IMAGE = torch.rand(3, 8, 8)
BOXES = torch.tensor([[1.0, 1.0, 4.0, 4.0]])
LABELS, SCORES = torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.5, 0.9])
POINTS = torch.rand(4, 2)
LINEAR = nn.Linear(2, 2)

# Each is wrong for both writers.
CALLS: dict[str, Callable[[Any], object]] = {
    "scalar: None": lambda w: w.add_scalar("a", None),
    "scalar: list": lambda w: w.add_scalar("a", [1.0]),
    "scalar: dict": lambda w: w.add_scalar("a", {}),
    "scalar: object": lambda w: w.add_scalar("a", object()),
    "scalar: two elements": lambda w: w.add_scalar("a", torch.tensor([1.0, 2.0])),
    "scalar: three elements, new style": lambda w: w.add_scalar("a", torch.zeros(3), new_style=True),
    "scalar: no element": lambda w: w.add_scalar("a", torch.tensor([])),
    "scalar: array of two": lambda w: w.add_scalar("a", np.ones(2)),
    "scalar: no number": lambda w: w.add_scalar("a", "abc"),
    "scalar: complex": lambda w: w.add_scalar("a", 1j),
    "scalar: complex tensor": lambda w: w.add_scalar("a", torch.tensor(1j)),
    "scalar: beyond float64": lambda w: w.add_scalar("a", 10**400),
    "tag: int": lambda w: w.add_scalar(5, 1.0),
    "step: text": lambda w: w.add_scalar("a", 1.0, "abc"),
    "step: list": lambda w: w.add_scalar("a", 1.0, [1]),
    "step: NaN": lambda w: w.add_scalar("a", 1.0, float("nan")),
    "step: infinite": lambda w: w.add_scalar("a", 1.0, float("inf")),
    "step: 65 bits": lambda w: w.add_scalar("a", 1.0, 2**63),
    "step: two elements": lambda w: w.add_scalar("a", 1.0, torch.tensor([1, 2])),
    "walltime: text": lambda w: w.add_scalar("a", 1.0, 1, "x"),
    "scalars: list": lambda w: w.add_scalars("a", [1]),
    "scalars: tag": lambda w: w.add_scalars(5, {"a": 1}),
    "scalars: key": lambda w: w.add_scalars("a", {5: 1}),
    "scalars: value": lambda w: w.add_scalars("a", {"y": None}),
    "hparams: list": lambda w: w.add_hparams([], {}),
    "hparams: OrderedDict": lambda w: w.add_hparams(OrderedDict(), {}),
    "hparams: metrics": lambda w: w.add_hparams({}, [1]),
    "hparams: value": lambda w: w.add_hparams({"a": [1]}, {}),
    "hparams: metric": lambda w: w.add_hparams({"a": 1}, {"m": None}),
    "hparams: key": lambda w: w.add_hparams({5: 1}, {}),
    "hparams: metric's key": lambda w: w.add_hparams({"a": 1}, {5: 1}),
    "hparams: domain of another": lambda w: w.add_hparams({"a": 1}, {}, {"b": [1]}),
    "hparams: domain no list": lambda w: w.add_hparams({"a": 1}, {}, {"a": 1}),
    "hparams: domain of another type": lambda w: w.add_hparams({"a": 1}, {}, {"a": ["x"]}),
    "hparams: domains no dict": lambda w: w.add_hparams({"a": 1}, {}, [1]),
    "histogram: list": lambda w: w.add_histogram("a", [1, 2]),
    "histogram: None": lambda w: w.add_histogram("a", None),
    "histogram: empty": lambda w: w.add_histogram("a", torch.tensor([])),
    "histogram: text": lambda w: w.add_histogram("a", "abc"),
    "histogram: objects": lambda w: w.add_histogram("a", np.array([object()])),
    "histogram: unknown bins": lambda w: w.add_histogram("a", LABELS, bins="nope"),
    "histogram: no bins": lambda w: w.add_histogram("a", LABELS, bins=0),
    "histogram: bins None": lambda w: w.add_histogram("a", LABELS, bins=None),
    "histogram: bins a float": lambda w: w.add_histogram("a", LABELS, bins=1.5),
    "histogram: bins descend": lambda w: w.add_histogram("a", LABELS, bins=[3, 2, 1]),
    "histogram: max_bins 0": lambda w: w.add_histogram("a", LABELS, max_bins=0),
    "histogram: max_bins text": lambda w: w.add_histogram("a", LABELS, max_bins="x"),
    "raw histogram: lengths": lambda w: w.add_histogram_raw("a", 0, 1, 1, 1, 1, [1, 2], [1]),
    "raw histogram: text": lambda w: w.add_histogram_raw("a", "x", 1, 1, 1, 1, [1], [1]),
    "raw histogram: limits text": lambda w: w.add_histogram_raw("a", 0, 1, 1, 1, 1, ["x"], ["y"]),
    "raw histogram: no lists": lambda w: w.add_histogram_raw("a", 0, 1, 1, 1, 1, 1, 1),
    "image: list": lambda w: w.add_image("a", [[1]]),
    "image: None": lambda w: w.add_image("a", None),
    "image: text": lambda w: w.add_image("a", "x.png"),
    "image: rank": lambda w: w.add_image("a", IMAGE[0]),
    "image: letter twice": lambda w: w.add_image("a", IMAGE, dataformats="CCW"),
    "image: no such letters": lambda w: w.add_image("a", IMAGE, dataformats="XYZ"),
    "image: five letters": lambda w: w.add_image("a", IMAGE[None, None], dataformats="NTCHW"),
    "image: one letter": lambda w: w.add_image("a", torch.rand(4), dataformats="C"),
    "image: format None": lambda w: w.add_image("a", IMAGE, dataformats=None),
    "image: five channels": lambda w: w.add_image("a", torch.rand(5, 8, 8)),
    "image: no pixel": lambda w: w.add_image("a", torch.rand(3, 0, 0)),
    "images: five channels": lambda w: w.add_images("a", torch.rand(2, 5, 8, 8)),
    "images: rank": lambda w: w.add_images("a", IMAGE),
    "images: unknown letter": lambda w: w.add_images("a", IMAGE[None], dataformats="NHWX"),
    "boxes: list": lambda w: w.add_image_with_boxes("a", IMAGE, [[1, 1, 2, 2]]),
    "boxes: list with labels": lambda w: w.add_image_with_boxes("a", IMAGE, [[1, 1, 2, 2]], labels=["x"]),
    "boxes: one dimension": lambda w: w.add_image_with_boxes("a", IMAGE, BOXES[0]),
    "boxes: three columns": lambda w: w.add_image_with_boxes("a", IMAGE, BOXES[:, :3]),
    "boxes: rescale 0": lambda w: w.add_image_with_boxes("a", IMAGE, BOXES, rescale=0),
    "boxes: rescale text": lambda w: w.add_image_with_boxes("a", IMAGE, BOXES, rescale="x"),
    "figure: text": lambda w: w.add_figure("a", "x"),
    "figure: no figures": lambda w: w.add_figure("a", []),
    "video: four dimensions": lambda w: w.add_video("a", torch.rand(2, 3, 8, 8)),
    "video: list": lambda w: w.add_video("a", [1]),
    "video: empty batch": lambda w: w.add_video("a", torch.rand(0, 2, 3, 8, 8)),
    "audio: list": lambda w: w.add_audio("a", [1.0]),
    "audio: three dimensions": lambda w: w.add_audio("a", torch.rand(2, 2, 100)),
    "audio: empty": lambda w: w.add_audio("a", torch.rand(1, 0)),
    "audio: one sample": lambda w: w.add_audio("a", torch.rand(1, 1)),
    "audio: number": lambda w: w.add_audio("a", 0.5),
    "audio: rate 0": lambda w: w.add_audio("a", torch.rand(1, 10), sample_rate=0),
    "audio: rate text": lambda w: w.add_audio("a", torch.rand(1, 10), sample_rate="x"),
    "audio: rate None": lambda w: w.add_audio("a", torch.rand(1, 10), sample_rate=None),
    "text: int": lambda w: w.add_text("a", 5),
    "text: bytes": lambda w: w.add_text("a", b"x"),
    "text: None": lambda w: w.add_text("a", None),
    "text: tag": lambda w: w.add_text(5, "x"),
    "text: surrogate": lambda w: w.add_text("a", "\ud800"),
    "tensor: list": lambda w: w.add_tensor("a", [1]),
    "tensor: array": lambda w: w.add_tensor("a", np.zeros(3)),
    "tensor: 4 GiB": lambda w: w.add_tensor("a", torch.empty(1).expand(2**30)),
    "graph: text": lambda w: w.add_graph("x", torch.rand(1)),
    "graph: function": lambda w: w.add_graph(lambda x: x, torch.rand(1)),
    "graph: wrong size": lambda w: w.add_graph(LINEAR, torch.rand(1, 3)),
    "graph: no arguments": lambda w: w.add_graph(LINEAR, ()),
    "graph: too many arguments": lambda w: w.add_graph(LINEAR, (torch.rand(1, 2), torch.rand(1, 2))),
    "graph: ValueError": lambda w: w.add_graph(Raising(ValueError("no")), torch.rand(1)),
    "graph: KeyError": lambda w: w.add_graph(Raising(KeyError("no")), torch.rand(1)),
    "graph: IndexError": lambda w: w.add_graph(Raising(IndexError("no")), torch.rand(1)),
    "graph: AssertionError": lambda w: w.add_graph(Raising(AssertionError("no")), torch.rand(1)),
    "graph: NotImplementedError": lambda w: w.add_graph(Raising(NotImplementedError("no")), torch.rand(1)),
    "onnx: no file": lambda w: w.add_onnx_graph("there/is/none.onnx"),
    "onnx: None": lambda w: w.add_onnx_graph(None),
    "embedding: list": lambda w: w.add_embedding([[1.0]]),
    "embedding: one dimension": lambda w: w.add_embedding(torch.rand(4)),
    "embedding: labels": lambda w: w.add_embedding(POINTS, metadata=["a"]),
    "embedding: labels a number": lambda w: w.add_embedding(POINTS, metadata=5),
    "embedding: images": lambda w: w.add_embedding(POINTS, label_img=torch.rand(3, 3, 8, 8)),
    "embedding: images a list": lambda w: w.add_embedding(POINTS, label_img=[1, 2, 3, 4]),
    "embedding: header": lambda w: w.add_embedding(POINTS, metadata=[["a", "b"]] * 4, metadata_header=["x"]),
    "embedding: tag": lambda w: w.add_embedding(POINTS, tag=5),
    "PR curve: lists": lambda w: w.add_pr_curve("a", [0, 1], [0.1, 0.2]),
    "PR curve: lengths": lambda w: w.add_pr_curve("a", LABELS, SCORES[:2]),
    "PR curve: no threshold": lambda w: w.add_pr_curve("a", LABELS, SCORES, num_thresholds=0),
    "PR curve: thresholds text": lambda w: w.add_pr_curve("a", LABELS, SCORES, num_thresholds="x"),
    "PR curve: thresholds a fraction": lambda w: w.add_pr_curve("a", LABELS, SCORES, num_thresholds=10.5),
    "PR curve: weights": lambda w: w.add_pr_curve("a", LABELS, SCORES, weights=np.array([1, 2])),
    "raw PR curve: lengths": lambda w: w.add_pr_curve_raw("a", [1], [1], [1], [1], [1], [1, 2]),
    "raw PR curve: numbers": lambda w: w.add_pr_curve_raw("a", 1, 1, 1, 1, 1, 1),
    "raw PR curve: None": lambda w: w.add_pr_curve_raw("a", *[None] * 6),
    "raw PR curve: texts": lambda w: w.add_pr_curve_raw("a", *[["x"]] * 6),
    "layout: list": lambda w: w.add_custom_scalars([1]),
    "layout: None": lambda w: w.add_custom_scalars(None),
    "layout: list inside": lambda w: w.add_custom_scalars({"a": [1]}),
    "layout: kind alone": lambda w: w.add_custom_scalars({"a": {"b": ["Multiline"]}}),
    "layout: two margin tags": lambda w: w.add_custom_scalars({"a": {"b": ["Margin", ["x", "y"]]}}),
    "layout: tag a number": lambda w: w.add_custom_scalars({"a": {"b": ["Multiline", [5]]}}),
    "layout: tags a number": lambda w: w.add_custom_scalars({"a": {"b": ["Multiline", 5]}}),
    "layout: chart a number": lambda w: w.add_custom_scalars({"a": {"b": 5}}),
    "layout: category a number": lambda w: w.add_custom_scalars({5: {"b": ["Multiline", ["x"]]}}),
    "margin chart: one tag": lambda w: w.add_custom_scalars_marginchart(["x"]),
    "margin chart: None": lambda w: w.add_custom_scalars_marginchart(None),
    "mesh: two dimensions": lambda w: w.add_mesh("a", torch.rand(4, 3)),
    "mesh: text": lambda w: w.add_mesh("a", "x"),
    "mesh: colors of two dimensions": lambda w: w.add_mesh("a", torch.rand(1, 4, 3), colors=torch.rand(4, 3)),
    "mesh: config": lambda w: w.add_mesh("a", torch.rand(1, 4, 3), config_dict={"a": object()}),
}


@pytest.fixture(scope="module")
def peer() -> Iterator[Any]:
    from torch.utils.tensorboard import SummaryWriter as Peer

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer = Peer(folder)
        yield writer
        writer.close()


@pytest.fixture(scope="module")
def ours() -> Iterator[tuple[SummaryWriter, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder, strict=True)
        yield writer, Path(folder)
        writer._report.close()


def raised(call: Callable[[Any], object], writer: object) -> BaseException | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(writer)
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize("name", CALLS)
def test_the_same_type_of_exception_as_torchs_writer_and_nothing_recorded(name, peer, ours, capsys):
    writer, folder = ours
    theirs, mine = raised(CALLS[name], peer), raised(CALLS[name], writer)
    capsys.readouterr()  # torch's writer prints
    assert theirs is not None, "torch's writer takes it"
    assert type(mine) is type(theirs), f"{theirs!r} there, {mine!r} here"
    if not name.startswith("graph"):  # of a failed forward the graph up to there is kept
        writer.flush()
        run = load(folder)
        recorded = (run.scalars, run.distributions, run.images, run.texts, run.hparams, run.groups, run.layouts)
        assert not any(recorded)
        assert not any((run.audio, run.videos, run.meshes, run.embeddings, run.pr_curves, run.tensors))


@pytest.mark.parametrize(
    "name", [name for name in CALLS if name.partition(":")[0] not in ("graph", "onnx") and name != "text: surrogate"]
)
def test_the_sentence_names_the_argument_and_what_is_accepted(name, ours):
    error = raised(CALLS[name], ours[0])
    if type(error).__module__ == "builtins" and name not in ("mesh: text", "mesh: config"):  # torch's and json's own
        assert "accepted:" in str(error), str(error)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"purge_step": "x"}, TypeError),
        ({"purge_step": 1.5}, TypeError),
        ({"max_queue": "x"}, TypeError),
        ({"filename_suffix": 5}, TypeError),
    ],
)
def test_the_constructor_refuses_what_torchs_does(tmp_path, options, kind):
    from torch.utils.tensorboard import SummaryWriter as Peer

    for writer in (Peer, SummaryWriter):
        with pytest.raises(kind):
            writer(tmp_path / "run", **options)


def test_a_log_dir_that_is_a_file_is_refused(tmp_path):
    from torch.utils.tensorboard import SummaryWriter as Peer

    file = tmp_path / "file"
    file.write_text("no folder")
    for writer in (Peer, SummaryWriter):
        with pytest.raises(FileExistsError):
            writer(file)
    assert file.read_text() == "no folder"


def test_log_dir_and_logdir_that_differ_are_refused(tmp_path):
    with pytest.raises(ValueError, match="accepted: one of them"):
        SummaryWriter(tmp_path / "a", logdir=tmp_path / "b")


def test_openvino_graphs_say_what_to_do_instead(ours):
    with pytest.raises(NotImplementedError, match="add_onnx_graph"):
        ours[0].add_openvino_graph("model.xml")
