"""Event files written by hand: frames, and just enough of protobuf."""

import struct

from reportgen.readers.events.checksum import crc32c, masked

NAME = "events.out.tfevents.1700000000.host.1.0"
VERSION = "brain.Event:2"


def checksum(data):
    return struct.pack("<I", masked(crc32c(data)))


def frame(payload):
    length = struct.pack("<Q", len(payload))
    return length + checksum(length) + payload + checksum(payload)


def varint(value):
    value %= 1 << 64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def single(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def event(*parts, time=100.0, step=0):
    """An event as protobuf writes it: zeros are left out."""
    head = (double(1, time) if time else b"") + (number(2, step) if step else b"")
    return head + b"".join(parts)


def version(time=100.0, **more):
    return event(text(3, VERSION), time=time, **more)


def summary(*values):
    return text(5, b"".join(text(1, value) for value in values))


def scalar(tag, value, step, time=100.0):
    return event(summary(text(1, tag) + single(2, value)), time=time, step=step)


def session(step, time=100.0, status=1):
    return event(text(7, number(1, status)), time=time, step=step)


def write(folder, *payloads, name=NAME, tail=b""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(frame(payload) for payload in payloads) + tail)
    return folder / name


def points(run, tag):
    """A tag's (step, value) pairs."""
    series = run.scalars[tag]
    return list(zip(series.steps, series.values, strict=True))
