import math
import struct

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from torch.utils.tensorboard import SummaryWriter

from reportgen import load
from reportgen.readers.events import framing
from tests.readers.events.writing import double, event, number, points, scalar, single, summary, text, version, write

STYLES = {
    "old": {},
    "new": {"new_style": True},
    "double": {"new_style": True, "double_precision": True},
}
VALUES = [
    0.1,
    -0.0,
    3.4028235e38,
    -3.4028235e38,
    1e-45,
    1.17549435e-38,
    math.inf,
    -math.inf,
    math.nan,
    16777217.0,
    1e300,
]


def same(read, written):
    return read == written or (math.isnan(read) and math.isnan(written))


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("style", STYLES)
def test_every_number_comes_back_as_the_file_holds_it(tmp_path, style):
    with SummaryWriter(tmp_path) as writer:
        for step, value in enumerate(VALUES):
            writer.add_scalar("a/b c", value, step, walltime=1000.5 + step, **STYLES[style])
    series = load(tmp_path).scalars["a/b c"]
    with np.errstate(over="ignore"):
        kept = VALUES if style == "double" else [float(np.float32(value)) for value in VALUES]
    assert list(series.steps) == list(range(len(VALUES)))
    assert list(series.times) == [1000.5 + step for step in range(len(VALUES))]
    assert all(same(read, value) for read, value in zip(series.values, kept, strict=True))
    assert math.copysign(1, series.values[1]) == -1
    assert series.logged == len(VALUES)
    assert series.restarts == ()


STEPS = [0, 1, 127, 128, 255, 16383, 16384, 2097151, 2097152, 2**31, 2**62, 2**63 - 1]


def test_steps_of_every_length_come_back(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for repeat in range(2):  # the second time the tag is known
            for step in STEPS:
                writer.add_scalar(f"tag/{repeat}", 0.5, step)
                writer.add_scalar(f"tag/{repeat}", 0.25, step)
    run = load(tmp_path)
    for repeat in range(2):
        assert list(run.scalars[f"tag/{repeat}"].steps) == [step for step in STEPS for _ in range(2)]


def test_negative_steps_and_no_step(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in (-(2**63), -300, -2, -1, 0, None, 5):
            writer.add_scalar("loss", 1.0, step)
    assert list(load(tmp_path).scalars["loss"].steps) == [-(2**63), -300, -2, -1, 0, 0, 5]


def test_several_numbers_of_one_event_and_tags_of_any_sign(tmp_path):
    tags = ["a", "ü/λ 🎉", "line\nbreak", "<b>", "x" * 5000, ""]
    write(
        tmp_path,
        version(),
        *(event(summary(*(text(1, tag) + single(2, step) for tag in tags)), step=step) for step in range(3)),
    )
    run = load(tmp_path)
    assert list(run.scalars) == tags
    assert all(points(run, tag) == [(0, 0.0), (1, 1.0), (2, 2.0)] for tag in tags)


def test_events_with_fields_in_another_order_are_read_as_well(tmp_path):
    value = single(2, 7.5) + text(1, "loss")
    write(tmp_path, version(), number(2, 3) + summary(value) + double(1, 55.0), scalar("loss", 8.5, 4, time=56.0))
    run = load(tmp_path)
    assert points(run, "loss") == [(3, 7.5), (4, 8.5)]
    assert list(run.scalars["loss"].times) == [55.0, 56.0]


def test_the_plugin_may_stand_in_the_first_event_of_a_tag_only(tmp_path):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    payloads = []
    for step in range(4):
        tensor = TensorProto(dtype="DT_FLOAT", tensor_content=struct.pack("<f", step / 2))
        value = Summary.Value(tag="epoch_loss", tensor=tensor, metadata=None if step else metadata)
        payloads.append(Event(wall_time=1.0, step=step, summary=Summary(value=[value])).SerializeToString())
    write(tmp_path, version(), *payloads)
    run = load(tmp_path)
    assert points(run, "epoch_loss") == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    assert run.tensors == ()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "i8", "u1", "?"])
def test_new_style_numbers_of_every_type(tmp_path, dtype):
    from tensorboard.util.tensor_util import make_tensor_proto

    payloads = []
    for step, value in enumerate((0, 1, 1)):
        written = scalar_pb("x", 0.0)
        written.value[0].tensor.CopyFrom(make_tensor_proto(np.array(value, dtype)))
        payloads.append(Event(wall_time=1.0, step=step, summary=written).SerializeToString())
    write(tmp_path, version(), *payloads)
    assert points(load(tmp_path), "x") == [(0, 0.0), (1, 1.0), (2, 1.0)]


def test_tags_that_differ_in_nothing_but_their_layout_are_kept_apart(tmp_path):
    # Events of one length: the number stands at the end in one, and inside in the other.
    with SummaryWriter(tmp_path) as writer:
        for step in range(1, 5):
            writer.add_scalar("t" * 24, step, step)
            writer.add_scalar("new", 10 + step, step, new_style=True)
            writer.add_scalar("neu", 20 + step, step, new_style=True, double_precision=True)
    run = load(tmp_path)
    assert points(run, "t" * 24) == [(step, float(step)) for step in range(1, 5)]
    assert points(run, "new") == [(step, 10.0 + step) for step in range(1, 5)]
    assert points(run, "neu") == [(step, 20.0 + step) for step in range(1, 5)]


def test_a_block_may_end_anywhere(tmp_path, monkeypatch):
    payloads = [version(), *(scalar(f"tag/{step % 3}", step, step) for step in range(200))]
    write(tmp_path, *payloads)
    whole = load(tmp_path).scalars
    for block in (13, 61, 127):
        monkeypatch.setattr(framing, "BLOCK", block)
        assert load(tmp_path).scalars.keys() == whole.keys()
        assert [list(load(tmp_path).scalars[tag].values) for tag in whole] == [
            list(one.values) for one in whole.values()
        ]


def test_very_many_tags_are_all_read(tmp_path):
    write(tmp_path, version(), *(scalar(f"tag {number}", number, 1) for number in range(5_000)))
    run = load(tmp_path)
    assert len(run.scalars) == 5_000
    assert points(run, "tag 4999") == [(1, 4999.0)]


def test_the_tag_epoch_tells_the_epoch_of_what_is_logged_after_it(tmp_path):
    write(
        tmp_path,
        version(),
        scalar("loss", 1.0, 1, time=10.0),
        scalar("epoch", 0.0, 1, time=11.0),
        scalar("loss", 0.9, 2, time=12.0),
        scalar("epoch", 1.0, 2, time=13.0),
        scalar("loss", 0.8, 3, time=13.0),
    )
    epochs = load(tmp_path).scalars["loss"].epochs
    assert math.isnan(epochs[0])
    assert list(epochs[1:]) == [0.0, 1.0]


def test_numbers_whose_first_event_with_the_plugin_is_lost_are_numbers_still(tmp_path):
    payloads = []
    for step in range(3):
        tensor = TensorProto(dtype="DT_FLOAT", tensor_shape={}, float_val=[step / 2])
        value = Summary.Value(tag="epoch_loss", tensor=tensor)
        payloads.append(Event(wall_time=1.0, step=step, summary=Summary(value=[value])).SerializeToString())
    write(tmp_path, version(), *payloads)
    run = load(tmp_path)
    assert points(run, "epoch_loss") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert run.tensors == ()
