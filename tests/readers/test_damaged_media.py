"""Files of a run's media that are not what they say: nothing is drawn of them, and the page is built."""

import io
import random
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from reportgen.readers import prepare_video
from reportgen.readers.prepare_audio import decoded, smaller
from reportgen.readers.prepare_embeddings import prepared_embeddings
from reportgen.readers.prepare_video import prepared_videos
from reportgen.readers.shelf import Shelf
from reportgen.readers.stored_array import stored_array
from reportgen.run.logged import Embedding, Video
from reportgen.run.series import Stamp
from reportgen.testing.logged import npy, png, wav


def header(text, body=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + body


def gif(count, size=(16, 16)):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)) for _ in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04" + bytes(100),
        b"\x80\x04cposix\nsystem\n.",
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1, 3)}", b"cposix\nsystem\n."),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 3)}"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", bytes(40)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3)}", bytes(40)),
        header("{'descr': "),
        header("(" * 9000),
        header("-" * 5000 + "1"),
    ],
)
def test_what_is_no_array_of_numbers_is_none(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stored_array(data) is None


def test_an_array_damaged_anywhere_is_none_or_an_array():
    draw, whole = random.Random(1), npy(np.arange(12.0).reshape(4, 3))
    kept = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[draw.randrange(len(data))] = draw.randrange(256)
        found = stored_array(bytes(data))
        kept += found is not None and found.ndim == 2
    assert kept


@pytest.mark.parametrize(
    ("place", "value"),
    [(24, b"\xff\xff\xff\xff"), (40, b"\xff\xff\xff\xff"), (4, b"\x08\0\0\0"), (22, b"\0\0"), (34, b"\xff\xff")],
)
def test_a_sound_whose_header_lies_is_none_or_as_long_as_its_file(place, value):
    data = bytearray(wav(np.zeros(4000)))
    data[place : place + len(value)] = value
    sound = decoded(bytes(data))
    assert sound is None or sound.samples.size <= 8000
    assert sound is not None or smaller(bytes(data), 2000) is None


def test_a_sound_of_a_rate_that_no_sound_has_is_none():
    data = bytearray(wav(np.zeros(4000)))
    data[24:28] = struct.pack("<I", 4_000_000_000)
    assert decoded(bytes(data)) is None


def test_a_moving_picture_damaged_anywhere_keeps_what_can_be_read():
    draw, whole = random.Random(2), gif(5)
    record = Video("v", Stamp(1), "a.gif", frames=5, fps=5.0, width=16, height=16)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(4):
            data[draw.randrange(6, 800)] = draw.choice((0, 127, 255))
        (made,) = prepared_videos((record,), Shelf({"a.gif": bytes(data)}), 100)
        assert made.strip or made.notes


def test_a_moving_picture_of_too_many_pixels_is_not_decoded(monkeypatch):
    record = Video("v", Stamp(1), "a.gif", frames=5, fps=5.0, width=16, height=16)
    shelf = Shelf({"a.gif": gif(5)})
    (made,) = prepared_videos((record,), shelf, 100)
    assert (len(made.strip), made.notes) == (5, (prepare_video.STILL,))
    monkeypatch.setattr(prepare_video, "MOST_DECODED", 16 * 16 * 4)
    (made,) = prepared_videos((record,), shelf, 100)
    assert (made.media, made.strip, made.notes) == ("", (), (prepare_video.NOTHING,))


@pytest.mark.parametrize("width", [9, 2**63 - 1])
def test_thumbnails_that_do_not_fit_their_picture_are_left_out(width):
    media = {"m.npy": npy(np.arange(12.0).reshape(4, 3)), "s.png": png(np.zeros((16, 16, 3), np.uint8))}
    record = Embedding(
        "e", Stamp(1), "m.npy", 4, 3, sprite="s.png", sprite_columns=2, sprite_width=width, sprite_height=8
    )
    (made,) = prepared_embeddings((record,), Shelf(media))
    assert (made.thumbs, len(made.projections[0].x)) == ((), 4)
