"""The methods of Report that take what a user logs by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from reportgen import InvalidArgumentError, Report, Run, load
from reportgen.errors import ReportgenWarning
from reportgen.run.logged import Box


class Recorded:
    def __init__(self, folder: Path, strict: bool) -> None:
        self.report = Report("by hand", folder=folder, strict=strict)
        self.folder = folder

    def run(self) -> Run:
        self.report._recorder.flush()
        return load(self.folder)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    made = Recorded(tmp_path / "strict", strict=True)
    yield made
    made.report.close()


def test_each_kind_is_recorded_under_its_tag_and_step(recorded):
    report = recorded.report
    report.audio("sound", torch.zeros(2, 100), 1, rate=8000)
    report.video("film", torch.rand(4, 3, 8, 8), 2, fps=10)
    report.video("films", torch.rand(2, 4, 3, 8, 8), 2)
    report.pr_curve("curve", [0, 1, 1], [0.1, 0.8, 0.7], 3, thresholds=11, weights=[1, 2, 1])
    report.embedding("points", np.eye(4), 4, metadata=["a", "b", "c", "d"], images=torch.rand(4, 1, 8, 8))
    report.mesh(
        "cloud", torch.rand(5, 3), 5, colors=torch.rand(5, 3), faces=torch.tensor([[0, 1, 2]]), config={"fov": 75}
    )
    report.tensor("weights", torch.ones(2, 2), 6)
    report.text("words", "**bold**", 7, markdown=True)
    report.text("plain", "**as it stands**", 7)
    run = recorded.run()
    (audio,), (film, films), (curve,) = run.audio, run.videos, run.pr_curves
    assert (audio.tag, audio.stamp.step, audio.rate, audio.channels, audio.frames) == ("sound", 1, 8000, 2, 100)
    assert (film.frames, film.width, film.fps, films.width, films.fps) == (4, 8, 10.0, 16, 4.0)
    assert (curve.stamp.step, len(curve.thresholds), curve.true_positives[0]) == (3, 11, 3.0)
    (embedding,), (mesh,), (tensor,) = run.embeddings, run.meshes, run.tensors
    assert (embedding.rows, embedding.dimensions, embedding.metadata[3], embedding.sprite_columns) == (4, 4, ("d",), 2)
    assert (mesh.vertex_count, mesh.face_count, mesh.of, mesh.config) == (5, 1, 1, {"fov": 75})
    assert (tensor.shape, tensor.dtype, tensor.stamp.step) == ((2, 2), "float32", 6)
    assert [(text.tag, text.markdown) for text in run.texts] == [("words", True), ("plain", False)]
    assert all(name in run.media for name in (audio.media, film.media, embedding.matrix, mesh.vertices, tensor.media))


def test_boxes_of_one_image_and_of_several(recorded):
    one, batch = torch.rand(3, 40, 50), torch.rand(3, 3, 40, 50)
    boxes = torch.tensor([[1.0, 2.0, 30.0, 20.0]])
    recorded.report.images("one", one, 1, boxes=boxes, labels=["cat"], scores=[0.75])
    recorded.report.images("listed", [one], 1, boxes=[boxes], labels=[["cat"]])
    recorded.report.images("batch", batch, 1, boxes=[boxes, None, np.zeros((0, 4))], captions=["a", "b", "c"])
    single, listed, several = recorded.run().images
    assert single.boxes == ((Box(1, 2, 30, 20, "cat", 0.75),),)
    assert listed.boxes == ((Box(1, 2, 30, 20, "cat"),),)
    assert several.boxes == ((Box(1, 2, 30, 20),), (), ())
    assert several.captions == ("a", "b", "c")
    assert several.sizes == ((50, 40),) * 3


@pytest.mark.parametrize(
    "options",
    [
        {"boxes": torch.rand(2, 3)},
        {"boxes": torch.rand(1, 4), "labels": ["a", "b"]},
        {"boxes": torch.rand(2, 4), "scores": [0.5]},
        {"boxes": "no boxes"},
    ],
)
def test_boxes_that_do_not_fit_are_named(recorded, options):
    with pytest.raises(InvalidArgumentError, match=r"^(boxes|labels|scores) is "):
        recorded.report.images("i", torch.rand(3, 40, 50), 1, **options)
    assert not recorded.run().images


def test_the_size_of_an_image_is_that_which_was_given_also_where_a_smaller_one_is_kept(recorded):
    recorded.report.images("large", torch.rand(3, 400, 800), 1)
    recorded.report.images("mixed", [np.zeros((20, 30)), Image.new("RGB", (8, 9))], 1)
    recorded.report.images("many", torch.rand(50, 1, 8, 8), 1)
    run = recorded.run()
    large, mixed, many = run.images
    assert large.sizes == ((800, 400),)
    assert Image.open(io.BytesIO(run.media[large.media[0]])).size == (320, 160)
    assert mixed.sizes == ((30, 20), (8, 9))
    assert (len(many.media), many.sizes) == (1, (Image.open(io.BytesIO(run.media[many.media[0]])).size,))


def test_a_list_of_figures_is_one_record(recorded):
    figures = [Figure(figsize=(width, 1), dpi=50) for width in (1, 2)]
    figures[1].suptitle("second")
    recorded.report.figure("f", figures, 1)
    (record,) = recorded.run().images
    assert (len(record.media), record.captions, record.sizes) == (2, ("", "second"), ((50, 50), (100, 50)))


WRONG = {
    "audio": lambda report: report.audio("a", torch.rand(50, 50, 50)),
    "audio, rate": lambda report: report.audio("a", torch.rand(50), rate=0),
    "video": lambda report: report.video("v", torch.rand(3, 8, 8)),
    "video, fps": lambda report: report.video("v", torch.rand(2, 3, 8, 8), fps=float("nan")),
    "PR curve": lambda report: report.pr_curve("p", [0, 1], [0.5]),
    "PR curve, thresholds": lambda report: report.pr_curve("p", [0, 1], [0.5, 0.5], thresholds=0),
    "embedding": lambda report: report.embedding("e", torch.rand(4)),
    "embedding, labels": lambda report: report.embedding("e", torch.rand(4, 2), metadata=["a"]),
    "embedding, images": lambda report: report.embedding("e", torch.rand(4, 2), images=torch.rand(3, 1, 4, 4)),
    "embedding, header": lambda report: report.embedding("e", torch.rand(1, 2), metadata=["ab"], header=["x", "y"]),
    "mesh": lambda report: report.mesh("m", torch.rand(4, 2)),
    "tensor": lambda report: report.tensor("t", torch.empty(2, device="meta")),
    "text": lambda report: report.text("t", 5),
    "figure": lambda report: report.figure("f", [5]),
    "step": lambda report: report.audio("a", torch.rand(50), step=1.5),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_recorded_is_a_warning_that_says_what_is_accepted(tmp_path, name):
    made = Recorded(tmp_path, strict=False)
    with pytest.warns(ReportgenWarning, match="accepted: "):
        WRONG[name](made.report)
    run = made.run()
    made.report.close()
    assert [note.kind for note in run.notes] == ["rejected"]
    assert not any(
        (run.audio, run.videos, run.pr_curves, run.embeddings, run.meshes, run.tensors, run.texts, run.images)
    )
