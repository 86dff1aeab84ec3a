"""What is logged to look at or to listen to equals what reportgen.load gives back."""

from __future__ import annotations

import io
import math
import wave

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch.utils.tensorboard._utils import _prepare_video
from torch.utils.tensorboard.summary import image as peers_image

from reportgen.errors import ReportgenWarning
from reportgen.run.logged import Box

NAN, INF = math.nan, math.inf
RANDOM = np.random.default_rng(5)


def pixels(run, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(run.media[name])))


def array_in(run, name: str) -> np.ndarray:
    return np.load(io.BytesIO(run.media[name]), allow_pickle=False)


def peers_pixels(values: object, dataformats: str) -> np.ndarray:
    made = peers_image("a", values, dataformats=dataformats)
    return np.asarray(Image.open(io.BytesIO(made.value[0].image.encoded_image_string)))


# -- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dataformats"),
    [
        (torch.rand(3, 40, 50), "CHW"),
        (torch.rand(3, 40, 50) * 3 - 1, "CHW"),
        (torch.rand(40, 50, 3).double(), "HWC"),
        (torch.rand(40, 50, 3).numpy(), "hwc"),
        (torch.rand(50, 3, 40).half(), "WCH"),
        (torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8), "CHW"),
        (torch.randint(0, 2, (3, 40, 50)), "CHW"),
        (torch.rand(4, 40, 50), "CHW"),
        (torch.rand(2, 40, 50), "CHW"),
    ],
)
def test_an_image_has_the_pixels_that_torchs_writer_gives_it(written, values, dataformats):
    written.writer.add_image("i", values, 7, dataformats=dataformats)
    run = written.run()
    (record,) = run.images
    assert (record.tag, record.stamp.step, record.total, record.sizes) == ("i", 7, 1, ((50, 40),))
    assert (pixels(run, record.media[0]) == peers_pixels(values, dataformats)).all()


@pytest.mark.parametrize(("values", "dataformats"), [(torch.rand(1, 40, 50), "CHW"), (torch.rand(40, 50), "HW")])
def test_an_image_of_one_channel_is_grey(written, values, dataformats):
    written.writer.add_image("i", values, 0, dataformats=dataformats)
    run = written.run()
    assert (pixels(run, run.images[0].media[0]) == peers_pixels(values, dataformats)[:, :, 0]).all()


def test_whole_numbers_up_to_255_are_not_multiplied_by_255(written):
    values = torch.randint(0, 256, (3, 30, 20))
    for dtype in (torch.int64, torch.int16, torch.int32):
        written.writer.add_image("i", values.to(dtype), 0)
    written.writer.add_image("over", values * 2, 0)
    run = written.run()
    for record in run.images[:3]:
        assert (pixels(run, record.media[0]) == values.permute(1, 2, 0).numpy()).all()
        assert record.notes == ()
    assert (pixels(run, run.images[3].media[0]) == (values * 2).clamp(0, 255).permute(1, 2, 0).numpy()).all()
    assert "were clipped to 0 to 255" in run.images[3].notes[0]


def test_floats_outside_0_to_1_are_clipped_and_pixels_that_are_not_finite_black_and_both_is_said(written):
    values = torch.tensor([[[-1.5, 0.5], [NAN, 2.0]]])
    written.writer.add_image("i", values, 0)
    run = written.run()
    assert pixels(run, run.images[0].media[0]).tolist() == [[0, 127], [0, 255]]
    odd, clipped = run.images[0].notes
    assert odd.startswith("1 pixel values are NaN or infinite")
    assert clipped == "Values from -1.5 to 2 were clipped to the range 0 to 1."


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dataformats", ["NCHW", "NHWC", "HWCN"])
def test_each_image_of_a_batch_is_kept_by_itself(written, channels, dataformats):
    batch = torch.randint(0, 256, (9, channels, 12, 10), dtype=torch.uint8)
    order = ["NCHW".index(letter) for letter in dataformats]
    written.writer.add_images("b", batch.permute(order), 1, dataformats=dataformats)
    run = written.run()
    (record,) = run.images
    assert (len(record.media), record.total, set(record.sizes)) == (9, 9, {(10, 12)})
    for name, one in zip(record.media, batch.permute(0, 2, 3, 1).numpy(), strict=True):
        assert (pixels(run, name).reshape(12, 10, channels) == one).all()


def test_an_empty_batch_is_a_record_of_no_image(written):
    written.writer.add_images("b", torch.rand(0, 3, 8, 8), 2)
    (record,) = written.run().images
    assert (record.media, record.total, record.notes) == ((), 0, ("The batch was empty.",))


def test_of_a_large_batch_the_first_hundred_are_kept_and_the_total_is_said(written):
    batch = torch.arange(130, dtype=torch.uint8).reshape(130, 1, 1, 1).expand(130, 1, 4, 4)
    written.writer.add_images("b", batch, 2)
    written.writer.add_images("b", batch.numpy(), 3)
    run = written.run()
    for record in run.images:
        assert (len(record.media), record.total) == (100, 130)
        assert record.notes == ("The first 100 of 130 images are kept.",)
        assert [int(pixels(run, name)[0, 0]) for name in record.media] == list(range(100))


@pytest.mark.parametrize(
    "values",
    [
        torch.rand(3, 8, 8, requires_grad=True),
        torch.rand(3, 8, 8).bfloat16(),
        torch.rand(3, 8, 8).to(torch.float8_e4m3fn),
        torch.rand(3, 8, 8) > 0.5,
        torch.rand(3, 8, 8).to_sparse(),
        torch.rand(3, 8, 8).flip(0),
        torch.rand(8, 8, 3).permute(2, 0, 1),
        torch.rand(1, 1, 1),
    ],
    ids=["grad", "bfloat16", "float8", "bool", "sparse", "flipped", "strided", "one pixel"],
)
def test_images_of_odd_tensors(written, values):
    written.writer.add_image("i", values, 0)
    run = written.run()
    dense = (values.to_dense() if values.layout is not torch.strided else values).detach().float()
    found = pixels(run, run.images[0].media[0]).reshape(dense.permute(1, 2, 0).shape)
    assert (found == (dense.permute(1, 2, 0) * 255).to(torch.uint8).numpy()).all()


def test_an_image_changed_after_the_call_does_not_change_what_was_logged(written):
    values = torch.zeros(3, 8, 8)
    written.writer.add_image("i", values, 0)
    values += 1
    run = written.run()
    assert not pixels(run, run.images[0].media[0]).any()


def test_boxes_labels_and_scores_lie_beside_the_image(written):
    image, boxes = torch.rand(3, 60, 80), torch.tensor([[5, 6, 30, 31], [10, 20, 50, 55]])
    written.writer.add_image_with_boxes("b", image, boxes, 1, labels=["cat", "dog"], scores=torch.tensor([0.5, 0.25]))
    written.writer.add_image_with_boxes("plain", image, boxes.float().numpy(), 1)
    written.writer.add_image_with_boxes("none", image, torch.zeros(0, 4), 1)
    written.writer.add_image_with_boxes("one", image, boxes[:1], 1, labels="cat")
    run = written.run()
    told, plain, none, one = run.images
    assert (pixels(run, told.media[0]) == peers_pixels(image, "CHW")).all()
    assert told.boxes == ((Box(5, 6, 30, 31, "cat", 0.5), Box(10, 20, 50, 55, "dog", 0.25)),)
    assert plain.boxes == ((Box(5, 6, 30, 31), Box(10, 20, 50, 55)),)
    assert none.boxes == ((),)
    assert one.boxes == ((Box(5, 6, 30, 31, "cat"),),)


def test_labels_that_are_not_as_many_as_boxes_are_left_out_and_said(written):
    boxes = torch.tensor([[5, 6, 30, 31], [10, 20, 50, 55]])
    written.writer.add_image_with_boxes("b", torch.rand(3, 60, 80), boxes, 1, labels=["cat"])
    (record,) = written.run().images
    assert [box.label for box in record.boxes[0]] == ["", ""]
    assert record.notes == ("labels were left out: 1 of them for 2 boxes.",)


def test_a_rescaled_image_has_its_boxes_scaled_alike(written):
    written.writer.add_image_with_boxes("b", torch.rand(3, 60, 80), torch.tensor([[4, 8, 40, 20]]), 1, rescale=0.5)
    run = written.run()
    assert run.images[0].sizes == ((40, 30),)
    assert pixels(run, run.images[0].media[0]).shape == (30, 40, 3)
    assert run.images[0].boxes == ((Box(2, 4, 20, 10),),)


def test_a_batch_with_boxes_is_one_picture_as_torchs(written):
    batch = torch.rand(10, 3, 6, 5)
    written.writer.add_image_with_boxes("b", batch, torch.tensor([[4, 8, 30, 10]]), 1, dataformats="NCHW")
    run = written.run()
    assert (pixels(run, run.images[0].media[0]) == peers_pixels(batch, "NCHW")).all()


# -- figures --------------------------------------------------------------------------------------------------------


def test_figures_are_drawn_and_closed_unless_they_are_kept(written):
    kept, closed = plt.figure(figsize=(2, 1), dpi=50), plt.figure(figsize=(3, 1), dpi=50)
    kept.add_subplot().set_title("a title")
    written.writer.add_figure("f", kept, 1, close=False)
    assert plt.fignum_exists(kept.number)
    written.writer.add_figure("f", [kept, closed], 2)
    assert not plt.fignum_exists(kept.number)
    assert not plt.fignum_exists(closed.number)
    written.writer.add_figure("f", Figure(figsize=(2, 2), dpi=50), 3)  # pyplot does not know it
    run = written.run()
    assert [record.stamp.step for record in run.images] == [1, 2, 3]
    assert [record.sizes for record in run.images] == [((100, 50),), ((100, 50), (150, 50)), ((100, 100),)]
    assert run.images[0].captions == ("a title",)
    assert [pixels(run, name).shape[:2] for name in run.images[1].media] == [(100, 200), (100, 300)]


# -- video ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_videos_lie_beside_each_other_as_torch_lays_them_out(written, count):
    video = torch.randint(0, 256, (count, 5, 3, 6, 8), dtype=torch.uint8)
    written.writer.add_video("v", video, 3, fps=10)
    run = written.run()
    (record,) = run.videos
    frames = np.asarray(_prepare_video(video.numpy().astype(np.float64)))
    assert (record.frames, record.fps, record.height, record.width) == (5, 10.0, *frames.shape[1:3])
    shown = Image.open(io.BytesIO(run.media[record.media]))
    assert (shown.format, shown.n_frames) == ("WEBP", 5)
    for place, frame in enumerate(frames):
        shown.seek(place)
        assert (np.asarray(shown.convert("RGB")) == frame).all()
    assert record.shown == (0, 1, 2, 3, 4)
    assert [pixels(run, name).shape[:2] for name in record.strip] == [frames.shape[1:3]] * 5


def test_a_long_and_large_video_is_bounded_and_says_so(written):
    video = np.zeros((1, 500, 1, 6, 600), dtype=np.uint8)
    video[0, -1] = 255
    written.writer.add_video("v", video, 0, fps=25)
    run = written.run()
    (record,) = run.videos
    shown = Image.open(io.BytesIO(run.media[record.media]))
    assert (record.frames, record.width, record.height) == (500, 600, 6)
    assert shown.size[0] == 480
    assert shown.n_frames <= 240
    assert (record.shown[0], record.shown[-1], len(record.shown)) == (0, 499, 8)
    assert pixels(run, record.strip[-1]).min() > 200
    assert len(record.notes) == 2


def test_a_video_in_another_order_of_dimensions(written):
    video = torch.randint(0, 256, (1, 4, 3, 6, 8), dtype=torch.uint8)
    written.writer.add_video("v", video.permute(0, 1, 3, 4, 2), 0, dataformats="NTHWC")
    written.writer.add_video("v", video.permute(0, 1, 3, 4, 2).numpy(), 1, dataformats="nthwc")
    written.writer.add_video("v", video, 2)
    assert len({record.media for record in written.run().videos}) == 1


def test_a_video_that_cannot_be_is_left_out_and_said(lenient):
    with pytest.warns(ReportgenWarning, match="1, 2, 3 or 4 channels"):
        lenient.writer.add_video("v", torch.rand(1, 2, 7, 8, 8), 0)
    with pytest.warns(ReportgenWarning, match="frames a second"):
        lenient.writer.add_video("v", torch.rand(1, 2, 3, 8, 8), 0, fps=0)
    assert not lenient.run().videos


# -- audio ----------------------------------------------------------------------------------------------------------


def sound_in(run, name: str) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(run.media[name])) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return frames.reshape(-1, file.getnchannels()), file.getframerate()


@pytest.mark.parametrize("shape", [(1, 1000), (1000,), (1000, 1), (1, 1, 1000)])
def test_sound_is_the_sixteen_bits_of_torchs_writer(written, shape):
    sound = torch.rand(shape) * 2 - 1
    written.writer.add_audio("s", sound, 4, 8000)
    run = written.run()
    (record,) = run.audio
    samples, rate = sound_in(run, record.media)
    assert (rate, record.rate, record.frames, record.channels, record.stamp.step) == (8000, 8000, 1000, 1, 4)
    assert (samples[:, 0] == (sound.reshape(-1).numpy() * 32767).astype("<i2")).all()
    assert len(record.low) == len(record.high) == 400
    starts = [place * 1000 // 400 for place in range(401)]
    for place, (low, high) in enumerate(zip(record.low, record.high, strict=True)):
        part = samples[starts[place] : starts[place + 1]] / 32768
        assert 0 <= part.min() - low <= 1 / 256
        assert 0 <= high - part.max() <= 1 / 256
    assert record.notes == ()


@pytest.mark.parametrize("turned", [False, True])
def test_stereo_keeps_its_channels(written, turned):
    sound = torch.stack((torch.linspace(-1, 1, 300), torch.linspace(1, -1, 300)))
    written.writer.add_audio("s", sound.T if turned else sound, 0, 8000)
    run = written.run()
    samples, _ = sound_in(run, run.audio[0].media)
    assert run.audio[0].channels == 2
    assert (samples == (sound.T.numpy() * 32767).astype("<i2")).all()


@pytest.mark.parametrize(
    ("dtype", "given", "wanted"),
    [
        (np.int16, [-32768, 0, 32767], [-32768, 0, 32767]),
        (np.int32, [-(2**31), 0, 2**31 - 1], [-32768, 0, 32767]),
        (np.uint8, [0, 128, 255], [-32768, 0, 127 * 256]),
        (np.int8, [-128, 0, 127], [-32768, 0, 127 * 256]),
    ],
)
def test_pcm_samples_are_scaled_by_their_range_and_not_clipped(written, dtype, given, wanted):
    written.writer.add_audio("s", np.array(given, dtype=dtype), 0)
    run = written.run()
    assert sound_in(run, run.audio[0].media)[0][:, 0].tolist() == wanted
    assert run.audio[0].notes == ()


def test_loud_and_broken_samples_are_said(written):
    written.writer.add_audio("s", torch.tensor([0.5, 2.0, -3.0, NAN]), 0)
    run = written.run()
    assert sound_in(run, run.audio[0].media)[0][:, 0].tolist() == [16383, 32767, -32767, 0]
    broken, loud = run.audio[0].notes
    assert broken == "1 samples are NaN or infinite and silent here."
    assert loud == "2 samples beyond [-1, 1] were clipped (the largest is 3)."


# -- texts and tensors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# a\n\n|a|b|\n|-|-|\n|1|2|", "<script>alert(1)</script>", "标签 \x00 \u2028 😀"])
def test_a_text_is_kept_as_it_is_and_shown_as_markdown(written, text):
    written.writer.add_text("t", text, 3)
    (record,) = written.run().texts
    assert (record.tag, record.text, record.markdown, record.stamp.step) == ("t", text, True, 3)


def test_a_very_long_text_is_cut_and_says_so(written):
    written.writer.add_text("t", "x" * 300_000, 0)
    (record,) = written.run().texts
    assert len(record.text) < 101_000
    assert record.text.endswith("(cut: the text has 300,000 characters)")


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
        torch.bool, torch.complex64, torch.complex128,
    ],
)  # fmt: skip
def test_a_tensor_of_any_dtype(written, dtype):
    tensor = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).to(dtype)
    written.writer.add_tensor("t", tensor, 5)
    run = written.run()
    (record,) = run.tensors
    found = array_in(run, record.media)
    assert (record.shape, record.dtype, record.stamp.step) == ((2, 3), str(dtype).removeprefix("torch."), 5)
    wanted = tensor.to(torch.complex128) if dtype.is_complex else tensor.to(torch.float64)
    assert (found == wanted.numpy()).all()
    assert len(record.first) == 6
    assert record.first[3] == (True if dtype is torch.bool else "3+0j" if dtype.is_complex else 3)
    if dtype is torch.bool:
        assert record.distribution is None
    else:
        assert (record.distribution.count, record.distribution.maximum) == (6, 5.0)


def test_tensors_of_other_layouts_and_numbers_that_are_not_finite(written):
    sparse = torch.tensor([0.0, NAN, -INF]).to_sparse()
    written.writer.add_tensor("sparse", sparse, 0)
    written.writer.add_tensor("empty", torch.zeros(0, 3), 0)
    written.writer.add_tensor("scalar", torch.tensor(2.5, requires_grad=True), 0)
    written.writer.add_tensor("conj", torch.tensor([1 + 2j]).conj(), 0)
    run = written.run()
    first, empty, scalar, conj = run.tensors
    assert np.array_equal(array_in(run, first.media), [0.0, NAN, -INF], equal_nan=True)
    assert first.first == (0.0, "nan", "-inf")
    assert (first.distribution.nans, first.distribution.negative_infinities) == (1, 1)
    assert first.notes == ("Stored with its zeros: its layout was sparse_coo.",)
    assert (empty.shape, empty.first, empty.distribution) == ((0, 3), (), None)
    assert array_in(run, empty.media).shape == (0, 3)
    assert (scalar.shape, scalar.first, array_in(run, scalar.media).shape) == ((), (2.5,), ())
    assert array_in(run, conj.media).tolist() == [1 - 2j]


# -- embeddings and meshes ------------------------------------------------------------------------------------------


def test_an_embedding_keeps_its_matrix_labels_and_thumbnails(written):
    matrix, images = torch.randn(10, 5), torch.rand(10, 3, 16, 12)
    written.writer.add_embedding(matrix, [f"label {row}" for row in range(10)], images, 3, "e")
    run = written.run()
    (record,) = run.embeddings
    assert (record.tag, record.stamp.step, record.rows, record.dimensions) == ("e", 3, 10, 5)
    assert (array_in(run, record.matrix) == matrix.numpy()).all()
    assert record.metadata == tuple((f"label {row}",) for row in range(10))
    assert (record.sprite_columns, record.sprite_width, record.sprite_height) == (4, 12, 16)
    sprite = pixels(run, record.sprite)
    assert sprite.shape == (3 * 16, 4 * 12, 3)
    fifth = (images[5].permute(1, 2, 0) * 255).to(torch.uint8).numpy()
    assert (sprite[16:32, 12:24] == fifth).all()
    assert not sprite[32:, 24:].any()


def test_metadata_of_several_columns_with_and_without_a_header(written):
    rows = [["a", 1], ["b", 2.5]]
    written.writer.add_embedding(np.eye(2), rows, metadata_header=["name", "number"])
    written.writer.add_embedding(np.eye(2, dtype=np.int64), rows, tag="no header")
    written.writer.add_embedding(torch.eye(2).bfloat16(), torch.tensor([3, 4]), tag="numbers")
    written.writer.add_embedding(torch.zeros(0, 4), tag="empty")
    run = written.run()
    named, unnamed, numbers, empty = run.embeddings
    assert (named.tag, named.header, named.metadata) == ("default", ("name", "number"), (("a", "1"), ("b", "2.5")))
    assert (unnamed.header, unnamed.metadata) == ((), (("a", "1"), ("b", "2.5")))
    assert numbers.metadata == (("3",), ("4",))
    assert [array_in(run, one.matrix).dtype for one in run.embeddings] == [np.float64, *[np.float32] * 3]
    assert (empty.rows, empty.dimensions, empty.metadata) == (0, 4, ())


def test_many_thumbnails_are_made_small_and_too_many_are_left_out_and_said(written):
    written.writer.add_embedding(torch.zeros(1000, 2), label_img=torch.rand(1000, 1, 100, 80))
    written.writer.add_embedding(torch.zeros(70_000, 2), label_img=torch.zeros(70_000, 1, 1, 1), tag="many")
    run = written.run()
    small, none = run.embeddings
    assert (small.sprite_columns, small.sprite_width, small.sprite_height) == (32, 51, 64)
    assert max(pixels(run, small.sprite).shape) <= 2048
    assert none.sprite == ""
    assert none.notes[0].startswith("No thumbnails: 70,000")


def test_a_mesh_keeps_vertices_colours_faces_and_settings_one_record_each(written):
    vertices, faces = torch.rand(2, 5, 3), torch.tensor([[[0, 1, 2]], [[2, 3, 4]]])
    colours = torch.randint(0, 256, (2, 5, 3))
    config = {"camera": {"cls": "PerspectiveCamera", "fov": 75}, "lights": [1, 2]}
    written.writer.add_mesh("m", vertices, colours, faces, config, 6)
    run = written.run()
    assert [(one.index, one.of, one.stamp.step) for one in run.meshes] == [(0, 2, 6), (1, 2, 6)]
    for one, points, shades, triangles in zip(run.meshes, vertices, colours, faces, strict=True):
        assert (one.vertex_count, one.face_count) == (5, 1)
        assert (array_in(run, one.vertices) == points.numpy()).all()
        assert (array_in(run, one.colors) == shades.numpy()).all()
        assert (array_in(run, one.faces) == triangles.numpy()).all()
        assert one.config == {"camera.cls": "PerspectiveCamera", "camera.fov": 75, "lights": "[1, 2]"}


def test_colours_as_floats_and_vertices_as_a_list(written):
    written.writer.add_mesh(
        "m", [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]], torch.tensor([[[0.0, 0.5, 1.0], [2.0, NAN, 0.0]]])
    )
    run = written.run()
    assert array_in(run, run.meshes[0].vertices).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert array_in(run, run.meshes[0].colors).tolist() == [[0, 128, 255], [255, 0, 0]]


def test_colours_and_faces_that_do_not_fit_are_left_out_and_said(lenient):
    vertices = torch.rand(1, 4, 3)
    with pytest.warns(ReportgenWarning, match="colors is"):
        lenient.writer.add_mesh("m", vertices, colors=torch.rand(1, 3, 3))
    with pytest.warns(ReportgenWarning, match="indices of 4 vertices"):
        lenient.writer.add_mesh("m", vertices, faces=torch.tensor([[[0, 1, 4]]]))
    with pytest.warns(ReportgenWarning, match="vertices is"):
        lenient.writer.add_mesh("m", None)
    with pytest.warns(ReportgenWarning, match="vertices is"):
        lenient.writer.add_mesh("m", torch.rand(1, 4, 4))
    run = lenient.run()
    assert [(one.vertex_count, one.colors, one.faces) for one in run.meshes] == [(4, "", ""), (4, "", "")]
    assert all(one.notes for one in run.meshes)
