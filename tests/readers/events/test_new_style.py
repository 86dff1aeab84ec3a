"""Summaries as TensorFlow 2 and Keras write them: everything is a tensor, its plugin stands in its metadata."""

import io

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import summary_v2 as hp
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from reportgen import load, load_all
from tests.readers.events.writing import points, version, write

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def logged(summary, step=0, time=1.0):
    return Event(wall_time=time, step=step, summary=summary).SerializeToString()


def plugin(tag, name, values, content=b"", known=True):
    """A summary of a tensor; known: with the metadata that only the first event of a tag needs."""
    data = SummaryMetadata.PluginData(plugin_name=name, content=content)
    metadata = SummaryMetadata(plugin_data=data) if known else None
    return Summary(value=[Summary.Value(tag=tag, tensor=make_tensor_proto(values), metadata=metadata)])


def test_pictures_of_a_batch(tmp_path):
    first = plugin("digits", "images", [b"28", b"14", PNG, PNG + b"2"])
    later = plugin("digits", "images", [b"28", b"14", b"\xff\xd8\xff rest"], known=False)
    write(tmp_path, version(), logged(first, 1), logged(later, 2))
    run = load(tmp_path)
    one, two = run.images
    assert (one.tag, one.total, one.sizes) == ("digits", 2, ((28, 14), (28, 14)))
    assert [run.media[name] for name in one.media] == [PNG, PNG + b"2"]
    assert two.media[0].endswith(".jpg")
    assert run.media[two.media[0]] == b"\xff\xd8\xff rest"


def test_histograms(tmp_path):
    values = np.random.default_rng(0).normal(size=1000)
    payloads = [logged(histogram_pb("h", values * (1 + step), buckets=30), step) for step in range(3)]
    payloads.append(logged(histogram_pb("same", np.full(7, 2.5)), 1))
    payloads.append(logged(histogram_pb("none", np.zeros(0)), 1))
    write(tmp_path, version(), *payloads)
    found = load(tmp_path).distributions["histogram"]
    assert [one.count for one in found["h"].snapshots] == [1000] * 3
    assert found["h"].snapshots[0].minimum == pytest.approx(values.min())
    assert found["h"].snapshots[0].maximum == pytest.approx(values.max())
    assert found["h"].snapshots[2].quantiles([0.5])[0] == pytest.approx(3 * np.median(values), abs=0.2)
    assert (found["same"].snapshots[0].count, found["same"].snapshots[0].mean) == (7, pytest.approx(2.5))
    assert found["none"].snapshots[0].count == 0


def test_texts_of_several_strings_are_a_table(tmp_path):
    write(
        tmp_path,
        version(),
        logged(text_pb("one", "hello"), 1),
        logged(text_pb("row", ["a", "b|c"]), 2),
        logged(text_pb("table", [["a", "b"], ["c\nd", "e"]]), 3),
    )
    one, row, table = load(tmp_path).texts
    assert (one.text, one.markdown) == ("hello", True)
    assert row.text == "|  |\n| --- |\n| a |\n| b\\|c |"
    assert table.text == "|  |  |\n| --- | --- |\n| a | b |\n| c d | e |"


def test_sounds_with_labels(tmp_path):
    import wave

    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.array([[0, 16384], [-32768, 0]], "<i2").tobytes())
    table = [[data.getvalue(), b"label"], [b"no wav", b""]]
    write(tmp_path, version(), logged(plugin("a", "audio", table), 1))
    run = load(tmp_path)
    first, second = run.audio
    assert (first.tag, first.rate, first.channels, first.frames) == ("a/0", 16000, 2, 2)
    assert (list(first.low), list(first.high)) == ([0.0, -1.0], [0.5, 0.0])
    assert run.media[first.media] == data.getvalue()
    assert (second.tag, second.rate, len(second.notes)) == ("a/1", 0, 1)


def test_hyperparameters_keep_their_types_and_meet_their_metrics(tmp_path):
    config = hp.hparams_config_pb(
        [hp.HParam("lr", hp.Discrete([0.1, 0.2])), hp.HParam("name", hp.Discrete(["a", "b"]))],
        [hp.Metric("epoch_accuracy", group="validation"), hp.Metric("missing")],
    )
    session = hp.hparams_pb({"lr": 0.1, "flag": True, "name": "a"}, trial_id="t", start_time_secs=1.0)
    write(tmp_path, version(), logged(config), logged(session))
    for split, value in (("train", 0.9), ("validation", 0.8)):
        write(
            tmp_path / split, version(), *(logged(scalar_pb("epoch_accuracy", value + at / 100), at) for at in range(3))
        )
    run = load(tmp_path)
    (one,) = run.hparams
    assert one.params == {"flag": True, "lr": 0.1, "name": "a"}
    assert one.params["flag"] is True
    assert one.domains == {"lr": (0.1, 0.2), "name": ("a", "b")}
    assert one.metrics == {"validation/epoch_accuracy": pytest.approx(0.82)}
    assert one.name == ""


def test_trials_of_one_point_each_are_sessions_of_one_run(tmp_path):
    write(tmp_path, version(), logged(hp.hparams_config_pb([hp.HParam("lr")], [hp.Metric("accuracy")])))
    for number in range(3):
        session = hp.hparams_pb({"lr": 0.1 * number}, trial_id=str(number), start_time_secs=1.0)
        write(tmp_path / f"run-{number}", version(), logged(session), logged(scalar_pb("accuracy", number / 4), 1))
    (run,) = load_all(tmp_path)
    assert [(one.name, one.metrics) for one in run.hparams] == [
        (f"run-{number}", {"accuracy": number / 4}) for number in range(3)
    ]
    assert [value for _, value in points(run, "accuracy")] == [0.0, 0.25, 0.5]


def test_layouts_and_meshes(tmp_path):
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title="A",
                chart=[layout_pb2.Chart(title="x", multiline=layout_pb2.MultilineChartContent(tag=[r"loss.*"]))],
            )
        ]
    )
    vertices = np.random.default_rng(0).random((1, 5, 3)).astype("f4")
    faces = np.array([[[0, 1, 2], [2, 3, 4]]], "i4")
    colors = np.full((1, 5, 3), 200, "u1")
    payloads = [logged(plugin("custom_scalars__config__", "custom_scalars", layout.SerializeToString()), 0)]
    kinds = ((vertices, MeshPluginData.VERTEX), (faces, MeshPluginData.FACE), (colors, MeshPluginData.COLOR))
    components = mesh_metadata.get_components_bitmask([kind for _, kind in kinds])
    for step in (1, 2):
        for values, kind in kinds:
            metadata = mesh_metadata.create_summary_metadata(
                "m", None, kind, components, values.shape, None, json_config="{}"
            )
            tag = mesh_metadata.get_instance_name("m", kind)
            value = Summary.Value(tag=tag, tensor=make_tensor_proto(values), metadata=metadata if step == 1 else None)
            payloads.append(logged(Summary(value=[value]), step))
    write(tmp_path, version(), *payloads)
    run = load(tmp_path)
    assert [(chart.category, chart.title, chart.tags) for chart in run.layouts[0].charts] == [("A", "x", ("loss.*",))]
    assert [(one.tag, one.stamp.step, one.vertex_count, one.face_count) for one in run.meshes] == [
        ("m", 1, 5, 2),
        ("m", 2, 5, 2),
    ]
    mesh = run.meshes[1]
    files = [np.load(io.BytesIO(run.media[name])) for name in (mesh.vertices, mesh.faces, mesh.colors)]
    assert all(np.array_equal(read, written[0]) for read, (written, _) in zip(files, kinds, strict=True))


def test_what_no_page_shows_is_counted(tmp_path):
    write(
        tmp_path,
        version(),
        logged(scalar_pb("loss", 1.0), 1),
        logged(plugin("k", "graph_keras_model", b"{}"), 1),
        logged(plugin("k", "graph_keras_model", b"{}", known=False), 2),
        Event(wall_time=1.0, tagged_run_metadata={"tag": "step1", "run_metadata": b"abc"}).SerializeToString(),
    )
    notes = {note.what: note.times for note in load(tmp_path).notes if note.kind == "omission"}
    assert notes == {
        "records of the plugin 'graph_keras_model' have no place on the page": 2,
        "run metadata are not shown": 1,
    }


def test_a_graph_of_tensorflow(tmp_path):
    graph = GraphDef()
    for name, op, inputs in (
        ("x", "Placeholder", []),
        ("dense/kernel", "VarHandleOp", []),
        ("dense/MatMul/ReadVariableOp", "ReadVariableOp", ["dense/kernel"]),
        ("dense/MatMul", "MatMul", ["x", "dense/MatMul/ReadVariableOp"]),
        ("dense/Relu", "Relu", ["dense/MatMul:0"]),
        ("head/Softmax", "Softmax", ["dense/Relu", "^x"]),
    ):
        node = graph.node.add(name=name, op=op, input=inputs)
        node.attr["T"].type = 1
    graph.node[0].attr["shape"].shape.dim.add(size=-1)
    shape = graph.node[3].attr["_output_shapes"].list.shape.add()
    for size in (1, 10):
        shape.dim.add(size=size)
    write(tmp_path, version(), Event(wall_time=1.0, graph_def=graph.SerializeToString()).SerializeToString())
    run = load(tmp_path)
    nodes = {node.id: node for node in run.graph.nodes}
    edges = {(nodes[edge.source].type, nodes[edge.target].type) for edge in run.graph.edges}
    assert edges == {("input", "MatMul"), ("MatMul", "Relu"), ("Relu", "head"), ("input", "head")}
    matmul = next(node for node in nodes.values() if node.type == "MatMul")
    assert (nodes[matmul.parent].path, matmul.outputs[0].shape, matmul.outputs[0].dtype) == (
        "dense",
        (1, 10),
        "float32",
    )
    assert [node.path for node in nodes.values() if node.kind == "module"] == ["", "dense", "head"]
