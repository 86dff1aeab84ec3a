"""The comparison of two Runs tells each kind of difference, and none between equal ones."""

from __future__ import annotations

import io
import wave
from array import array
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from reportgen.run.distribution import Distribution, DistributionSeries, bin_of
from reportgen.run.logged import (
    Audio,
    Embedding,
    HParams,
    Layout,
    LayoutChart,
    Mesh,
    PRCurve,
    TagGroup,
    TensorRecord,
    Video,
)
from reportgen.run.records import SCHEMA, Images, Meta, Run, TextRecord
from reportgen.run.series import Series, Stamp
from tests.writer.examples.comparing import Sides, differences
from tests.writer.examples.comparing.pages import page_differences
from tests.writer.examples.wanted import Wanted, unexplained

STAMP = Stamp(3, time=100.0)
GIVEN = 1000.0


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def wav(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.asarray(samples, "<i2").tobytes())
    return file.getvalue()


def scalar(*values, steps=(0, 1), times=(10.0, 11.0)):
    return Series(array("q", steps), array("d", values), array("d", times), array("d", [0, 0]), array("q", [0, 0]), 2)


def counted(*values):
    bins = sorted({bin_of(value) for value in values})
    counts = [sum(bin_of(value) == one for value in values) for one in bins]
    return Distribution(
        count=len(values),
        elements=len(values),
        minimum=min(values),
        maximum=max(values),
        total=sum(values),
        squares=sum(value**2 for value in values),
        zeros=values.count(0.0),
        bins=array("h", bins),
        counts=array("q", counts),
    )


def histogram(*values):
    series = DistributionSeries("histogram", "h", array("q", [1]), array("q", [0]), (counted(*values),), 1)
    return {"histogram": {"h": series}}


PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
RUN = Run(
    schema=SCHEMA,
    meta=Meta("a run", "finished", 0.0),
    scalars={"loss": scalar(1.0, 0.5)},
    distributions=histogram(-1.0, 0.0, 0.5, 2.0),
    images=(Images("image", STAMP, ("a.png",), total=1, sizes=((4, 4),)),),
    texts=(TextRecord("text", STAMP, "words", markdown=True),),
    audio=(Audio("sound", STAMP, "a.wav", 8000, frames=4, low=array("f", [0.0]), high=array("f", [1.0])),),
    videos=(Video("film", STAMP, "a.gif", frames=3, fps=4.0, width=8, height=8),),
    pr_curves=(PRCurve("curve", STAMP, precision=array("d", [0.25, 1.0]), recall=array("d", [1.0, 0.0])),),
    embeddings=(Embedding("words", STAMP, "matrix.npy", 2, 2, metadata=(("a",), ("b",))),),
    meshes=(Mesh("mesh", STAMP, "vertices.npy", 2),),
    tensors=(TensorRecord("tensor", STAMP, "tensor.npy", (2,), "float32", counted(1.0, 2.0), (1.0, 2.0)),),
    hparams=(HParams(STAMP, {"deep": True}, {"accuracy": 0.5}),),
    layouts=(Layout(STAMP, (LayoutChart("category", "title", "multiline", ("loss",)),)),),
    groups=(TagGroup("both", ("both/a", "both/b")),),
    media={
        "a.png": png(PIXELS),
        "a.wav": wav([0, 100, 200, 300]),
        "matrix.npy": npy(np.eye(2)),
        "vertices.npy": npy(np.zeros((2, 3))),
        "tensor.npy": npy(np.float32([1, 2])),
    },
)


def test_equal_runs_do_not_differ():
    assert differences(Sides(RUN, RUN, GIVEN)) == []


def test_a_double_is_equal_to_its_float32():
    theirs = replace(RUN, scalars={"loss": scalar(np.float32(0.1), float("inf"))})
    ours = replace(RUN, scalars={"loss": scalar(0.1, 1e300)})
    assert differences(Sides(theirs, ours, GIVEN)) == []


def test_a_batch_is_equal_to_torchs_grid_of_it():
    one, two = PIXELS, 255 - PIXELS
    theirs = replace(
        RUN,
        images=(Images("image", STAMP, ("grid.png",), total=1, sizes=((8, 4),)),),
        media=RUN.media | {"grid.png": png(np.concatenate([one, two], axis=1))},
    )
    ours = replace(
        RUN,
        images=(Images("image", STAMP, ("a.png", "b.png"), total=2, sizes=((4, 4), (4, 4))),),
        media=RUN.media | {"b.png": png(two)},
    )
    assert differences(Sides(theirs, ours, GIVEN)) == []


def test_values_within_one_bucket_of_torchs_are_equal():
    ours = replace(RUN, distributions=histogram(-1.0, 0.0, 0.52, 2.0))
    found = differences(Sides(RUN, ours, GIVEN))
    assert [sentence.split(" at ")[0] for sentence in found] == ["histograms 'h'"] * 2
    assert any("total" in sentence for sentence in found)
    assert any("squares" in sentence for sentence in found)


def figure(dots, size):
    """White, size x size, with dots of a fifth of its side in black."""
    side = size // 5
    pixels = np.full((size, size, 3), 255, np.uint8)
    for row, column in dots:
        pixels[row * side : (row + 1) * side, column * side : (column + 1) * side] = 0
    return png(pixels)


@pytest.mark.parametrize(("drawn", "told"), [(((1, 2), (3, 4)), "alike"), (((2, 2),), "of something else")])
def test_a_figure_with_twice_the_pixels_is_known_again(drawn, told):
    record = Images("figure", STAMP, ("figure.png",), total=1, sizes=((20, 20),))
    theirs = replace(RUN, images=(record,), media=RUN.media | {"figure.png": figure(((1, 2), (3, 4)), 20)})
    ours = replace(theirs, media=RUN.media | {"figure.png": figure(drawn, 40)})
    found = differences(Sides(theirs, ours, GIVEN))
    assert found == [f"images 'figure' at step 3: twice as many pixels each way in ours, {told}"]


def test_differences_need_a_reason_and_reasons_a_difference():
    wanted = [Wanted(r"scalars 'a'.*", "it is so"), Wanted(r"texts .*", "it was so")]
    found = ["scalars 'a' at step 1:\nodd", "scalars 'b': only in ours"]
    assert unexplained(found, wanted) == ["scalars 'b': only in ours", "no longer different: texts .*"]


CHANGES = {
    "scalars 'loss': only in torch's": {"scalars": {}},
    "scalars 'loss': steps [0, 1] in torch's, [0, 2] in ours": {"scalars": {"loss": scalar(1.0, 0.5, steps=(0, 2))}},
    "scalars 'loss' at step 1: 0.5 in torch's, nan in ours": {"scalars": {"loss": scalar(1.0, float("nan"))}},
    "scalars 'loss' at step 0: time 10.0 in torch's, 9.0 in ours": {
        "scalars": {"loss": scalar(1.0, 0.5, times=(9.0, 11.0))}
    },
    "histograms 'h' at step 1: count 4 in torch's, 3 in ours": {"distributions": histogram(-1.0, 0.0, 2.0)},
    "histograms 'h' at step 1: zeros 1 in torch's, 0 in ours": {"distributions": histogram(-1.0, 0.1, 0.5, 2.0)},
    "histograms 'h' at step 1: 3 values up to 0.5625 in torch's, fewer in the other even up to 0.6748": {
        "distributions": histogram(-1.0, 0.0, 0.9, 2.0)
    },
    "images 'image' at step 3: 16 pixels differ, most at x=0 y=0: [0, 5, 10, 255] in torch's, "
    "[255, 250, 245, 255] in ours": {"media": RUN.media | {"a.png": png(255 - PIXELS)}},
    "images 'image' at step 3: 4x4 pixels in torch's, 2x4 in ours": {
        "media": RUN.media | {"a.png": png(np.ascontiguousarray(PIXELS[:, :2]))}
    },
    "texts 'text' at step 3: Markdown True in torch's, False in ours": {"texts": (TextRecord("text", STAMP, "words"),)},
    "texts 'text' at step 3: time 100.0 in torch's, 99.0 in ours": {
        "texts": (TextRecord("text", Stamp(3, time=99.0), "words", True),)
    },
    "audio 'sound' at step 3: samples differ": {"media": RUN.media | {"a.wav": wav([0, 100, 200, 310])}},
    "videos 'film' at step 3: fps 4.0 in torch's, 2.0 in ours": {"videos": (replace(RUN.videos[0], fps=2.0),)},
    "PR curves 'curve' at step 3: precision [0.25, 1.0] in torch's, [0.5, 1.0] in ours": {
        "pr_curves": (replace(RUN.pr_curves[0], precision=array("d", [0.5, 1.0])),)
    },
    "embeddings 'words' at step 3: the matrix differs": {
        "media": RUN.media | {"matrix.npy": npy(np.array([[1.0, 0.0], [0.0, 1.001]]))}
    },
    "meshes 'mesh' at step 3: vertices differ": {"media": RUN.media | {"vertices.npy": npy(np.ones((2, 3)))}},
    "tensors 'tensor' at step 3: dtype float32 in torch's, float64 in ours": {
        "tensors": (replace(RUN.tensors[0], dtype="float64"),)
    },
    "hyperparameters '': params {'deep': True} in torch's, {'deep': 1} in ours": {
        "hparams": (HParams(STAMP, {"deep": 1}, {"accuracy": 0.5}),)
    },
    "groups 'both': ['both/a', 'both/b'] in torch's, ['both/a'] in ours": {"groups": (TagGroup("both", ("both/a",)),)},
    "layouts : [(LayoutChart(category='category', title='title', kind='multiline', tags=('loss',)),)] in torch's, "
    "[] in ours": {"layouts": ()},
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_each_kind_of_difference_is_told(sentence):
    assert sentence in differences(Sides(RUN, replace(RUN, **CHANGES[sentence]), GIVEN))


def test_pages_differ_where_a_line_does():
    theirs = replace(RUN, images=(), audio=(), videos=(), embeddings=(), meshes=(), tensors=(), pr_curves=())
    assert page_differences(theirs, theirs) == []
    ours = replace(theirs, scalars={"loss": scalar(1.0, 0.75)})
    found = page_differences(theirs, ours)
    assert "metrics[LineChart title].lines[Line loss].y[1]: 0.5 in torch's, 0.75 in ours" in found
