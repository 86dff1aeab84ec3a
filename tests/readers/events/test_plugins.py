"""What torch's writer logs is what is read back, for every method."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from reportgen import load
from reportgen.run.thin_distributions import HISTOGRAM_SNAPSHOTS


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path) as made:
        yield made


def read(writer):
    writer.flush()
    return load(writer.get_logdir())


def pixels(run, name):
    return np.asarray(Image.open(io.BytesIO(run.media[name])))


def npy(run, name):
    return np.load(io.BytesIO(run.media[name]))


def test_pictures(writer):
    generator = np.random.default_rng(0)
    one = generator.integers(0, 256, (3, 7, 9), dtype=np.uint8)
    batch = generator.integers(0, 256, (5, 3, 4, 4), dtype=np.uint8)
    writer.add_image("one", one, 3, walltime=50.0)
    writer.add_images("batch", batch, 4)
    writer.add_image("alpha", generator.integers(0, 256, (4, 5, 6), dtype=np.uint8), 5)
    run = read(writer)
    first, second, third = run.images
    assert (first.tag, first.stamp.step, first.stamp.time, first.sizes, first.total) == ("one", 3, 50.0, ((9, 7),), 1)
    assert (pixels(run, first.media[0]) == one.transpose(1, 2, 0)).all()
    assert pixels(run, second.media[0]).shape == (4, 20, 3)
    assert pixels(run, third.media[0]).shape == (5, 6, 4)
    assert all(name.endswith(".png") for name in run.media)


def test_figures_and_pictures_with_boxes(writer):
    from matplotlib.figure import Figure

    writer.add_figure("figure", Figure(figsize=(2, 1), dpi=50), 1, close=False)
    writer.add_image_with_boxes("boxes", torch.zeros(3, 20, 30), torch.tensor([[2.0, 2.0, 10.0, 10.0]]), 2)
    run = read(writer)
    assert [(one.tag, one.sizes) for one in run.images] == [("figure", ((100, 50),)), ("boxes", ((30, 20),))]
    assert pixels(run, run.images[1].media[0]).max() == 255


def test_a_video_that_torch_could_not_encode_is_told(writer):
    writer.add_video("video", torch.zeros(1, 4, 3, 8, 8), 1)
    writer.add_video("video", torch.zeros(1, 4, 3, 8, 8), 2)
    run = read(writer)
    assert (run.images, run.videos) == ((), ())
    (note,) = (note for note in run.notes if "add_video" in note.what)
    assert "'video'" in note.what
    assert note.times == 2


def test_an_animated_picture_is_a_video(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    from tests.readers.events.writing import version, write

    frames = [Image.new("RGB", (6, 4), (40 * at, 0, 0)) for at in range(5)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=250)
    image = Summary.Image(height=4, width=6, colorspace=3, encoded_image_string=data.getvalue())
    summary = Summary(value=[Summary.Value(tag="film", image=image)])
    write(tmp_path, version(), Event(wall_time=1.0, step=2, summary=summary).SerializeToString())
    run = load(tmp_path)
    (video,) = run.videos
    assert (video.tag, video.frames, video.fps, video.width, video.height) == ("film", 5, 4.0, 6, 4)
    assert run.media[video.media] == data.getvalue()
    assert run.images == ()


def test_sounds(writer):
    wave = np.sin(np.arange(4000) / 20).astype(np.float32) * 0.5
    writer.add_audio("sound", wave[None], 2, sample_rate=8000)
    run = read(writer)
    (sound,) = run.audio
    assert (sound.tag, sound.stamp.step, sound.rate, sound.channels, sound.frames) == ("sound", 2, 8000, 1, 4000)
    assert run.media[sound.media][:4] == b"RIFF"
    samples = np.frombuffer(run.media[sound.media][44:], "<i2")
    assert (samples == (wave * 32767).astype("<i2")).all()
    assert len(sound.low) == len(sound.high) == 400
    # Rounded outwards to what can be told apart where it is drawn.
    assert min(sound.low) == np.floor(samples.min() / 128) / 256
    assert max(sound.high) == np.ceil(samples.max() / 128) / 256
    assert sound.notes == ()


def test_texts_are_markdown(writer):
    texts = ["plain", "| a | b |\n|---|---|\n| 1 | 2 |", "ü <b>", ""]
    for step, text in enumerate(texts):
        writer.add_text("said/so", text, step)
    run = read(writer)
    assert [(one.tag, one.stamp.step, one.text, one.markdown) for one in run.texts] == [
        ("said/so", step, text, True) for step, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(0, 0.02, 5000),
        np.zeros(10),
        np.array([0.0, 1.0, -1.0, 5.0]),
        np.array([-3.0, np.inf, 1.0]),
        np.array([1.0, 2.0, np.nan]),
        np.random.default_rng(0).integers(-50, 50, 300),
        np.array([1e25, 1.0]),
    ],
    ids=["normal", "zeros", "few", "infinite", "nan", "integers", "beyond the buckets"],
)
def test_histograms_keep_their_numbers(writer, values):
    writer.add_histogram("h", values, 3)
    writer.add_histogram("h", values, 4)
    run = read(writer)
    series = run.distributions["histogram"]["h"]
    assert list(series.steps) == [3, 4]
    assert series.logged == 2
    one = series.snapshots[0]
    finite = values[np.isfinite(values)]
    assert one.count == len(values)
    assert sum(one.counts) == one.finite == len(finite)
    assert one.nans + one.positive_infinities == len(values) - len(finite)
    assert one.minimum == pytest.approx(finite.min(), rel=0.11)
    if len(finite) == len(values):
        assert (one.minimum, one.maximum) == (finite.min(), finite.max())
        assert one.total == pytest.approx(finite.sum(), rel=1e-12, abs=1e-12)
        assert one.squares == pytest.approx((finite.astype(float) ** 2).sum(), rel=1e-12)
    assert any(note.where == "histograms" and note.kind == "reading" for note in run.notes)


def test_a_histogram_given_by_its_buckets(writer):
    writer.add_histogram_raw("raw", 0.0, 4.0, 6, 10.0, 30.0, [1.0, 2.0, 4.0], [1, 2, 3], 1)
    (one,) = read(writer).distributions["histogram"]["raw"].snapshots
    assert (one.count, one.minimum, one.maximum, one.total, one.squares) == (6, 0.0, 4.0, 10.0, 30.0)
    assert sum(count for index, count in zip(one.bins, one.counts, strict=True) if index >= 1024) == 3  # 2.0 and more


def test_only_the_histograms_that_a_page_shows_are_decoded_for_it(writer):
    from reportgen.readers.load import load_for_page

    for step in range(100):
        writer.add_histogram("h", np.array([1.0, np.nan if step == 57 else 2.0]), step)
    writer.flush()
    whole = load(writer.get_logdir()).distributions["histogram"]["h"]
    series = load_for_page(writer.get_logdir()).distributions["histogram"]["h"]
    assert len(whole.snapshots) == whole.logged == series.logged == 100
    assert len(series.snapshots) == HISTOGRAM_SNAPSHOTS
    assert {0, 57, 99} <= set(series.steps)


def test_precision_recall_curves(writer):
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 2, 200), generator.random(200)
    writer.add_pr_curve("pr", labels, predictions, 5, num_thresholds=11)
    writer.add_pr_curve_raw("raw", [3, 2], [2, 1], [0, 1], [0, 1], [0.6, 0.7], [1.0, 0.5], 6, num_thresholds=2)
    first, second = read(writer).pr_curves
    assert (first.tag, first.stamp.step) == ("pr", 5)
    assert list(first.thresholds) == pytest.approx(np.linspace(0, 1, 11))
    picked = np.floor(predictions * 10) >= 5
    assert first.true_positives[5] == (picked & (labels == 1)).sum()
    assert first.false_positives[5] == (picked & (labels == 0)).sum()
    assert first.true_negatives[5] == (~picked & (labels == 0)).sum()
    assert first.false_negatives[5] == (~picked & (labels == 1)).sum()
    assert (list(second.true_positives), list(second.false_negatives)) == ([3, 2], [0, 1])
    assert list(second.precision) == pytest.approx([0.6, 0.7])


def test_custom_layouts(writer):
    writer.add_custom_scalars({"A": {"x": ["Multiline", ["loss/.*", "b"]]}, "B": {"y": ["Margin", ["v", "l", "u"]]}})
    (layout,) = read(writer).layouts
    assert [(one.category, one.title, one.kind, one.tags) for one in layout.charts] == [
        ("A", "x", "multiline", ("loss/.*", "b")),
        ("B", "y", "margin", ("v", "l", "u")),
    ]


def test_all_custom_layouts_are_kept_in_their_order(writer):
    for name in ("first", "last"):
        writer.add_custom_scalars({name: {"x": ["Multiline", ["loss"]]}})
    assert [layout.charts[0].category for layout in read(writer).layouts] == ["first", "last"]


def test_meshes(writer):
    vertices = torch.rand(2, 6, 3)
    colors = torch.randint(0, 256, (2, 6, 3))
    faces = torch.randint(0, 6, (2, 4, 3))
    config = {"camera": {"cls": "PerspectiveCamera", "fov": 75}, "list": [1, 2]}
    writer.add_mesh("mesh", vertices, colors=colors, faces=faces, config_dict=config, global_step=3)
    writer.add_mesh("cloud", vertices[:1], global_step=4)
    run = read(writer)
    first, second, cloud = run.meshes
    assert [(one.tag, one.index, one.of, one.vertex_count, one.face_count) for one in run.meshes] == [
        ("mesh", 0, 2, 6, 4),
        ("mesh", 1, 2, 6, 4),
        ("cloud", 0, 1, 6, 0),
    ]
    for at, one in enumerate((first, second)):
        assert (npy(run, one.vertices) == vertices[at].numpy()).all()
        assert (npy(run, one.colors) == colors[at].numpy()).all()
        assert (npy(run, one.faces) == faces[at].numpy()).all()
    assert npy(run, first.colors).dtype == np.uint8
    assert first.config == {"camera.cls": "PerspectiveCamera", "camera.fov": 75, "list": json.dumps([1, 2])}
    assert (cloud.colors, cloud.faces) == ("", "")


def test_a_mesh_whose_faces_lead_nowhere_is_drawn_without_them(writer):
    writer.add_mesh("mesh", torch.rand(1, 3, 3), faces=torch.tensor([[[0, 1, 7]]]))
    (mesh,) = read(writer).meshes
    assert (mesh.faces, mesh.face_count) == ("", 0)
    assert "faces" in mesh.notes[0]


TENSORS = {
    "float32": torch.tensor([[1.5, float("nan")], [float("inf"), -2.0]]),
    "float64": torch.tensor([1e300, -1e-300], dtype=torch.float64),
    "float16": torch.tensor([0.5, -65504.0], dtype=torch.float16),
    "bfloat16": torch.tensor([0.5, -3.0, 1e30], dtype=torch.bfloat16),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8),
    "int8": torch.tensor([-128, 127], dtype=torch.int8),
    "int16": torch.tensor([-32768, 5], dtype=torch.int16),
    "int32": torch.tensor([-(2**31), 5], dtype=torch.int32),
    "int64": torch.tensor([-(2**63), 2**62], dtype=torch.int64),
    "bool": torch.tensor([True, False, True]),
    "complex64": torch.tensor([1 + 2j, -3j], dtype=torch.complex64),
    "complex128": torch.tensor([1 + 2j], dtype=torch.complex128),
    "scalar": torch.tensor(2.5),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(writer, name):
    tensor = TENSORS[name]
    writer.add_tensor("t", tensor, 7)
    run = read(writer)
    (record,) = run.tensors
    assert record.dtype == str(tensor.dtype).removeprefix("torch.")
    assert (record.tag, record.stamp.step, record.shape) == ("t", 7, tuple(tensor.shape))
    wanted = tensor.float().numpy() if tensor.dtype is torch.bfloat16 else tensor.numpy()
    stored = npy(run, record.media)
    assert stored.dtype == wanted.dtype
    assert np.array_equal(stored, wanted, equal_nan=name not in ("bool",))
    if name == "float32":
        assert record.first == (1.5, "nan", "inf", -2.0)
        assert record.distribution is not None
        assert (record.distribution.nans, record.distribution.positive_infinities) == (1, 1)
        assert (record.distribution.minimum, record.distribution.maximum) == (-2.0, 1.5)


def test_the_distribution_of_a_tensor_is_that_which_a_recorder_makes(writer):
    from reportgen.collect.distribution import distributions_of

    tensor = torch.cat(
        [torch.randn(1000, generator=torch.Generator().manual_seed(0)), torch.tensor([0.0, -0.0, 1e-40])]
    )
    writer.add_tensor("t", tensor, 1)
    (made,) = distributions_of([tensor])
    found = read(writer).tensors[0].distribution
    assert (found.bins, found.counts, found.zeros, found.count) == (made.bins, made.counts, made.zeros, made.count)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Sequential(nn.Linear(16, 8), nn.ReLU())

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).flatten(1)) + 1


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_graph_is_modules_with_the_operations_between_them(writer):
    writer.add_graph(Net(), torch.rand(2, 1, 4, 4))
    graph = read(writer).graph
    nodes = {node.id: node for node in graph.nodes}
    modules = {node.path: node for node in graph.nodes if node.kind == "module"}
    assert {path: node.type for path, node in modules.items()} == {
        "": "Net",
        "conv": "Conv2d",
        "head": "Sequential",
        "head.0": "Linear",
        "head.1": "ReLU",
    }
    assert modules["head.0"].parent == modules["head"].id
    assert modules["head.0"].outputs[0].shape == (2, 8)
    assert [node.type for node in graph.nodes if node.kind == "operation"] == ["relu", "flatten", "add"]
    chain, at = [], "in0"
    while True:
        following = [edge for edge in graph.edges if edge.source == at]
        if not following:
            break
        assert len(following) == 1
        at = following[0].target
        chain.append(nodes[at].path or nodes[at].kind)
    assert chain == ["conv", "relu", "flatten", "head.0", "head.1", "add", "output"]
    assert graph.batch == 2
    assert any("not known" in note for note in graph.notes)


def test_embeddings_are_read_from_the_files_beside_the_events(writer):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(9, 5, generator=generator), torch.rand(4, 3, generator=generator, dtype=torch.float64)
    pictures = torch.rand(9, 3, 8, 8, generator=generator)
    writer.add_embedding(first, metadata=[f"row {at}" for at in range(9)], label_img=pictures, global_step=20)
    rows = [[str(at), "ü"] for at in range(4)]
    writer.add_embedding(second, metadata=rows, metadata_header=["number", "letter"], tag="other")
    run = read(writer)
    one, other = run.embeddings
    assert (one.tag, one.stamp.step, one.rows, one.dimensions) == ("default", 20, 9, 5)
    assert (one.header, one.metadata) == ((), tuple((f"row {at}",) for at in range(9)))
    assert npy(run, one.matrix).dtype == np.float32
    assert (npy(run, one.matrix) == first.numpy()).all()
    assert (one.sprite_columns, one.sprite_width, one.sprite_height) == (3, 8, 8)
    assert pixels(run, one.sprite).shape[1] == 24
    assert (other.tag, other.header, other.metadata) == (
        "other",
        ("number", "letter"),
        tuple(tuple(row) for row in rows),
    )
    assert (npy(run, other.matrix) == second.numpy()).all()


def test_an_embedding_that_cannot_be_read_is_told_and_nothing_outside_of_the_folder_is_read(tmp_path, writer):
    (tmp_path.parent / "secret.tsv").write_text("1\t2\n")
    (tmp_path / "good.tsv").write_text("1\t2\n3\t4\n")
    (tmp_path / "odd.tsv").write_text("1\t2\n3\n")
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "out" tensor_path: "../secret.tsv" }\n'
        'embeddings { tensor_name: "gone" tensor_path: "nothing.tsv" }\n'
        'embeddings { tensor_name: "odd" tensor_path: "odd.tsv" }\n'
        'embeddings { tensor_name: "empty" tensor_path: "empty.tsv" }\n'
        'embeddings { tensor_name: "checkpoint" }\n'
        "# a comment\n"
        "embeddings: { tensor_name: 'good' tensor_path: 'good.tsv' }"
    )
    writer.add_scalar("x", 1.0, 1)
    run = read(writer)
    assert [one.tag for one in run.embeddings] == ["good"]
    told = "\n".join(note.what for note in run.notes if note.where == "embeddings")
    for name in ("out", "gone", "odd", "empty", "checkpoint"):
        assert f"the embedding {name} cannot be read" in told
    assert "outside of the log folder" in told


def test_everything_has_a_name_that_media_may_have_and_that_no_path_is_in(tmp_path):
    from reportgen.readers.media import NAME

    names = []
    for folder in ("a", "b"):
        with SummaryWriter(tmp_path / folder) as writer:
            writer.add_image("i", np.zeros((3, 4, 4), np.uint8), 1, walltime=1.0)
            writer.add_tensor("t", torch.ones(3), 1, walltime=1.0)
        names.append(sorted(load(tmp_path / folder).media))
    assert names[0] == names[1]
    assert all(NAME.fullmatch(name) for name in names[0])


def test_a_file_that_changes_after_it_was_read_is_an_error_that_says_so(tmp_path):
    from reportgen.errors import UnreadableRunError

    with SummaryWriter(tmp_path) as writer:
        writer.add_image("i", np.zeros((3, 4, 4), np.uint8), 1)
    run = load(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableRunError, match="shorter"):
        run.media[run.images[0].media[0]]
    path.unlink()
    with pytest.raises(UnreadableRunError, match="cannot be read"):
        run.media[run.images[0].media[0]]
