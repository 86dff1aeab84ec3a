import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.readers.events import framing
from reportgen.readers.events.framing import Frames
from tests.readers.events.writing import frame


def frames_of(data, **more):
    return Frames(io.BytesIO(data), len(data), **more)


def each(frames):
    """(offset, payload) of all records."""
    for batch in frames.batches():
        for index, payload in enumerate(batch.payloads):
            yield batch.offset(index), payload


def read(data, **more):
    frames = frames_of(data, **more)
    return [payload for _, payload in each(frames)], [(loss.start, loss.end, loss.torn) for loss in frames.losses]


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(13, 200))
def test_all_payloads_come_back_with_their_places_whatever_the_size_of_a_block(payloads, block):
    data = b"".join(frame(payload) for payload in payloads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "BLOCK", block)
        found = list(each(frames_of(data)))
    assert [payload for _, payload in found] == payloads
    assert [data[at : at + len(payload)] for at, payload in found] == payloads


@given(st.binary(max_size=400))
def test_no_bytes_stop_the_reader_and_every_byte_is_read_or_told(data):
    frames = frames_of(data)
    covered = [(at - 12, at + len(payload) + 4) for at, payload in each(frames)]
    covered += [(loss.start, loss.end) for loss in frames.losses]
    at = 0
    for start, end in sorted(covered):
        assert start == at
        at = end
    assert at == len(data)


@given(st.data())
def test_a_flipped_byte_costs_one_record_and_no_other(data):
    payloads = data.draw(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8))
    whole = bytearray(b"".join(frame(payload) for payload in payloads))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    ends = [sum(len(payload) + 16 for payload in payloads[: n + 1]) for n in range(len(payloads))]
    hit = next(n for n, end in enumerate(ends) if place < end)
    found, losses = read(bytes(whole))
    assert found == payloads[:hit] + payloads[hit + 1 :]
    assert [loss[:2] for loss in losses] == [(ends[hit] - len(payloads[hit]) - 16, ends[hit])]


@given(st.data())
def test_bytes_missing_from_the_middle_cost_only_the_records_they_were_of(data):
    payloads = [bytes([65 + n]) * (20 + n) for n in range(8)]
    frames = [frame(payload) for payload in payloads]
    whole = b"".join(frames)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    at, intact = 0, []
    for one, payload in zip(frames, payloads, strict=True):
        if at + len(one) <= start or at >= end:
            intact.append(payload)
        at += len(one)
    rest = whole[:start] + whole[end:]
    found, losses = read(rest)
    assert found == intact
    assert sum(stop - begin for begin, stop, _ in losses) == len(rest) - sum(len(frame(one)) for one in intact)


@pytest.mark.parametrize("hole", [1, 100, 5000])
def test_a_stretch_of_zeros_is_passed_over(monkeypatch, hole):
    monkeypatch.setattr(framing, "BLOCK", 256)
    found, losses = read(frame(b"before") + bytes(hole) + frame(b"after"))
    assert found == [b"before", b"after"]
    assert losses == [(22, 22 + hole, False)]


def test_a_file_that_ends_inside_of_a_record_is_torn_there():
    data = frame(b"first") + frame(b"second")
    for end in range(len(frame(b"first")) + 1, len(data)):
        found, losses = read(data[:end])
        assert found == [b"first"]
        assert losses == [(len(frame(b"first")), end, True)]


def test_a_large_length_without_its_bytes_takes_no_memory():
    found, losses = read(frame(b"x" * 10)[:12] + b"y")
    assert found == []
    assert losses == [(0, 13, True)]


def test_without_fast_checksums_a_damaged_payload_is_given_and_can_be_rejected(monkeypatch):
    monkeypatch.setattr(framing, "fast_crc32c", lambda: None)
    damaged = bytearray(frame(b"payload"))
    damaged[14] ^= 1
    frames = frames_of(frame(b"before") + bytes(damaged) + frame(b"after"))
    assert not frames.checked
    found = []
    for batch in frames.batches():
        for index, payload in enumerate(batch.payloads):
            if not frames.intact(batch, index):
                batch.reject(index, "it is broken")
                break
            found.append(payload)
    assert found == [b"before", b"after"]
    assert [(loss.start, loss.end, loss.why) for loss in frames.losses] == [(22, 45, "it is broken")]


def test_only_as_much_is_read_as_the_file_had_when_it_was_opened():
    data = frame(b"first") + frame(b"second")
    frames = Frames(io.BytesIO(data), len(frame(b"first")))
    assert [payload for _, payload in each(frames)] == [b"first"]
    assert frames.losses == []
