from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from reportgen.collect.media import Media
from reportgen.collect.predictions import vision
from reportgen.errors import InvalidArgumentError
from reportgen.run.records import Images, TextRecord
from tests.collect.fake_recorder import AtOnce, FakeRecorder

GENERATOR = np.random.default_rng(0)


def logged(images: object, **options: object) -> tuple[Images, list[np.ndarray], FakeRecorder]:
    recorder = FakeRecorder()
    Media(recorder, AtOnce()).images("samples", images, step=3, **options)  # type: ignore[arg-type]
    ((kind, record),) = recorder.records
    assert kind == "images"
    return record, [np.array(Image.open(io.BytesIO(recorder.media[name]))) for name in record.media], recorder


@pytest.mark.parametrize(
    ("images", "shapes"),
    [
        (torch.rand(2, 3, 40, 50), [(40, 50, 3)] * 2),
        (torch.rand(2, 40, 50, 3), [(40, 50, 3)] * 2),
        (torch.rand(5, 40, 50), [(40, 50)] * 5),
        (torch.rand(1, 40, 50), [(40, 50)]),
        (torch.rand(3, 40, 50), [(40, 50, 3)]),
        (np.zeros((40, 50, 4)), [(40, 50, 4)]),
        (np.zeros((40, 50), dtype=bool), [(40, 50)]),
        ([torch.rand(3, 40, 50), np.zeros((20, 30)), Image.new("L", (8, 9))], [(40, 50, 3), (20, 30), (9, 8)]),
        (torch.rand(3, 960, 480).bfloat16(), [(320, 160, 3)]),
    ],
)
def test_single_images_batches_and_lists(images, shapes):
    record, found, _ = logged(images)
    assert [picture.shape for picture in found] == shapes
    assert (record.tag, record.stamp.step, record.total) == ("samples", 3, len(shapes))


def test_at_most_36_images_of_a_batch_and_the_total_is_said():
    batch = torch.from_numpy(GENERATOR.random((100, 70, 80)))
    record, found, _ = logged(batch)
    assert (len(found), record.total) == (36, 100)
    assert len(logged(list(batch))[0].media) == 36
    assert logged(list(batch.repeat(3, 1, 1)))[0].total == 300


def test_many_tiny_images_become_one_sheet():
    batch = torch.from_numpy(GENERATOR.random((500, 28, 28)))
    record, (sheet,), _ = logged(batch)
    assert record.total == 500
    assert record.captions == ("the first 144 of 500 images, row by row",)
    assert sheet.shape == (12 * 30 + 2, 12 * 30 + 2)
    second = sheet[2:30, 32:60].astype(int)
    assert np.abs(second - batch[1].numpy() * 255).max() <= 9
    colours, (picture,), _ = logged(torch.rand(40, 3, 8, 8))
    assert (picture.shape[2], colours.total) == (3, 40)


def test_without_torchvision_many_tiny_images_are_single_ones_with_a_note(monkeypatch):
    monkeypatch.setattr(vision, "_found", ["torchvision cannot be imported (RuntimeError: no nms)"])
    record, _, recorder = logged(torch.rand(500, 28, 28))
    assert (len(record.media), record.total) == (36, 500)
    assert "torchvision cannot be imported (RuntimeError: no nms)" in recorder.notes[0][2]


def test_captions_and_notes():
    record, _, _ = logged(torch.randn(2, 40, 50), captions=["one", 2])
    assert record.captions == ("one", "2")
    assert record.notes == (
        "2 shown images have values outside [0, 1]: each is shown from its minimum to its maximum.",
    )
    with pytest.raises(InvalidArgumentError, match="captions is a list of 3; accepted: a list of 2 texts"):
        logged(torch.rand(2, 40, 50), captions=["a", "b", "c"])


@pytest.mark.parametrize(
    "images",
    [
        None,
        "x.png",
        torch.rand(7),
        torch.rand(2, 5, 5, 5),
        torch.rand(0, 3, 8, 8),
        [],
        ["x.png"],
        [torch.rand(3)],
        5,
        torch.rand(()),
    ],
)
def test_what_is_no_image_is_named(images):
    with pytest.raises(InvalidArgumentError, match=r"^images is "):
        logged(images)


def test_a_figure_is_stored_and_left_as_it_was():
    figure = Figure(figsize=(4, 3), dpi=90)
    axes = figure.add_subplot()
    axes.plot([1, 3, 2])
    axes.set_title("loss")
    canvas = FigureCanvasAgg(figure)
    settings = dict(matplotlib.rcParams)
    recorder = FakeRecorder()
    media = Media(recorder, AtOnce())
    media.figure("curve", figure, step=1)
    media.figure("curve", figure, step=2)
    first, second = (record for _, record in recorder.records)
    assert (first.media, first.captions, first.total) == (second.media, ("loss",), 1)
    data = recorder.media[first.media[0]]
    assert Image.open(io.BytesIO(data)).size == (4 * 90 * 2, 3 * 90 * 2)
    assert b"matplotlib" not in data
    assert (figure.dpi, figure.canvas, tuple(figure.get_size_inches())) == (90, canvas, (4, 3))
    assert dict(matplotlib.rcParams) == settings
    assert len(figure.axes) == 1
    assert figure.stale


def test_a_huge_figure_is_bounded():
    recorder = FakeRecorder()
    Media(recorder, AtOnce()).figure("curve", Figure(figsize=(50, 10)))
    assert max(Image.open(io.BytesIO(*recorder.media.values())).size) == 2400


def test_what_is_no_figure_is_named():
    with pytest.raises(InvalidArgumentError, match="fig is a str; accepted: a matplotlib Figure"):
        Media(FakeRecorder(), AtOnce()).figure("curve", "picture.png")


def test_texts():
    recorder = FakeRecorder()
    media = Media(recorder, AtOnce())
    media.text("note", "</script>\ud800", step=4)
    media.text("long", "x" * 200_000)
    (_, short), (_, long) = recorder.records
    assert short == TextRecord("note", recorder.stamp(4), "</script>\ud800")
    assert len(long.text) < 100_100
    assert long.text.endswith("(cut: the text has 200,000 characters)")
    with pytest.raises(InvalidArgumentError, match="text is 5; accepted: a str"):
        media.text("note", 5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="tag is None"):
        media.text(None, "x")  # type: ignore[arg-type]


def test_tables_are_recorded():
    recorder = FakeRecorder()
    Media(recorder, AtOnce()).table("scores", [{"a": 1}])
    ((kind, record),) = recorder.records
    assert (kind, record.tag, record.columns, record.rows) == ("table", "scores", ("a",), ((1,),))


def test_a_forked_child_does_nothing():
    recorder = FakeRecorder()
    recorder.owner = False
    media = Media(recorder, AtOnce())
    media.images("a", torch.rand(3, 8, 8))
    media.figure("a", Figure())
    media.text("a", "b")
    media.table("a", [[1]])
    assert (recorder.records, recorder.media) == ([], {})
