import pytest
from google.protobuf.internal import encoder
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event

from reportgen.readers.events.event import read_event, values
from reportgen.readers.events.tensor import array, read_tensor
from reportgen.readers.events.wire import BYTES, FIXED32, FIXED64, VARINT, Malformed, fields, signed, varint
from tests.readers.events import writing


@given(st.integers(0, 2**64 - 1), st.binary(max_size=4))
def test_a_varint_is_what_protobuf_wrote(value, more):
    out = []
    encoder._VarintEncoder()(out.append, value)
    data = b"".join(out)
    assert varint(data + more, 0, len(data) + len(more)) == (value, len(data))
    assert varint(b"x" + data, 1, len(data) + 1) == (value, len(data) + 1)


@given(st.integers(-(2**63), 2**63 - 1))
def test_negative_numbers_are_ten_bytes_and_come_back(value):
    data = writing.varint(value)
    assert signed(varint(data, 0, len(data))[0]) == value


def test_a_varint_that_does_not_end_is_refused():
    for data in (b"", b"\x80", b"\xff" * 9, b"\x80" * 11 + b"\x01"):
        with pytest.raises(Malformed, match="does not end"):
            varint(data, 0, len(data))


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300), max_size=20))
def test_packed_numbers_are_each_what_a_varint_is(wanted):
    packed = b"".join(map(writing.varint, wanted))
    data = writing.number(1, 23) + writing.text(2, writing.text(2, writing.number(1, len(wanted))))
    data += writing.text(17, packed)
    assert array(read_tensor(data, 0, len(data))).tolist() == wanted


@pytest.mark.parametrize("packed", [b"\x80", b"\x01\x80", b"\x80" * 10 + b"\x01"])
def test_packed_numbers_that_do_not_end_are_refused(packed):
    data = writing.number(1, 9) + writing.text(2, writing.text(2, writing.number(1, 2))) + writing.text(10, packed)
    with pytest.raises(Malformed, match="does not end"):
        array(read_tensor(data, 0, len(data)))


def test_fields_of_all_kinds_are_told_with_their_places():
    data = writing.number(1, 300) + writing.double(2, 0.5) + writing.text(3, "ab") + writing.single(4, 0.5)
    assert list(fields(data, 0, len(data))) == [
        (1, VARINT, 300, 3),
        (2, FIXED64, 4, 12),
        (3, BYTES, 14, 16),
        (4, FIXED32, 17, 21),
    ]


@pytest.mark.parametrize("data", [b"\x0b", b"\x0c", b"\x0e", b"\x0a\x05ab", b"\x09abc", b"\x0d123", b"\x0a"])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(Malformed):
        list(fields(data, 0, len(data)))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_do_anything_but_refuse(data):
    try:
        event = read_event(data)
        for number, start, end in event.parts:
            assert 0 <= start <= end <= len(data)
            if number == 5:
                for value in values(data, start, end):
                    assert 0 <= value.start <= value.end <= len(data)
    except Malformed:
        pass


@given(
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.tuples(st.text(max_size=20), st.floats(width=32, allow_nan=False)), max_size=4),
)
def test_an_event_is_what_protobuf_wrote(time, step, scalars):
    written = Event(wall_time=time, step=step)
    for tag, value in scalars:
        written.summary.value.add(tag=tag, simple_value=value)
    data = written.SerializeToString()
    event = read_event(data)
    assert (event.time, event.step) == (time, step)
    place = event.part(5)
    read = [] if place is None else [value.tag for value in values(data, *place)]
    assert read == [tag for tag, _ in scalars]
