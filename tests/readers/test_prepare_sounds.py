"""Sounds and videos of a page."""

import io
import math
import wave
from array import array

import numpy as np
import pytest
from PIL import Image

from reportgen.readers import prepare_audio, prepare_video
from reportgen.readers.prepare_audio import decoded, prepared_audio
from reportgen.readers.prepare_video import prepared_videos
from reportgen.readers.shelf import Shelf, first_last_rest, level
from reportgen.run.logged import Audio, Video
from reportgen.run.series import Stamp
from reportgen.testing.logged import animation, photograph, wav

RATE = 16_000


def tone(seconds=2.0, channels=1):
    samples = 0.5 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
    return wav(np.repeat(samples, channels), RATE, channels)


def kept(*files, budget=10**6, tags=None):
    media = {f"{k}.wav": data for k, data in enumerate(files)}
    shelf = Shelf(media)
    tags = tags or ["x"] * len(files)
    records = tuple(Audio(tags[k], Stamp(k), f"{k}.wav", RATE, 1, 2 * RATE) for k in range(len(files)))
    made = prepared_audio(records, shelf, budget)
    assert prepared_audio(made, shelf, budget) == made
    return made, shelf


def parameters(data):
    with wave.open(io.BytesIO(data)) as file:
        return file.getnchannels(), file.getframerate(), file.getnframes()


def test_a_small_sound_stays_and_gets_its_waveform():
    (record,), _ = kept(tone())

    assert record.media == "0.wav"
    assert record.notes == ()
    assert len(record.low) == 200
    assert max(record.high) == pytest.approx(0.5, abs=0.01)
    assert min(record.low) == pytest.approx(-0.5, abs=0.01)


def test_a_large_sound_becomes_one_channel_then_slower():
    (record,), shelf = kept(tone(channels=2), budget=40_000)
    data = shelf.get(record.media)

    assert len(data) <= 40_000
    assert parameters(data) == (1, 8000, 16_000)
    assert record.notes == ("The page keeps the sound in one channel, at 8,000 samples a second instead of 16,000.",)
    assert (record.rate, record.frames) == (RATE, 2 * RATE)  # of what was logged


def test_then_only_its_beginning_is_kept():
    (record,), shelf = kept(tone(), budget=16_044)

    assert parameters(shelf.get(record.media)) == (1, 8000, 8000)
    assert record.notes[0].endswith("for its first 1 s of 2 s.")


def test_the_mean_of_neighbours_keeps_the_sound():
    (record,), shelf = kept(tone(), budget=40_000)
    before, after = decoded(tone()).samples[:, 0], decoded(shelf.get(record.media)).samples[:, 0]

    assert after == pytest.approx(before.reshape(-1, 2).mean(axis=1), abs=1e-4)


def test_where_there_is_no_room_the_waveform_remains_the_last_and_first_of_a_tag_go_before():
    made, shelf = kept(*(tone(1 + k / 10) for k in range(6)), budget=25_000)

    assert [bool(record.media) for record in made] == [True, False, False, False, False, True]
    assert made[1].notes == (prepare_audio.SILENT,)
    assert all(len(record.low) for record in made)
    assert sum(len(shelf.get(record.media)) for record in made if record.media) <= 25_000


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width_are_read(width):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(8000)
        half = 192 if width == 1 else 2 ** (8 * width - 2)
        file.writeframes(half.to_bytes(width, "little") + (0 if width > 1 else 128).to_bytes(width, "little"))

    assert decoded(buffer.getvalue()).samples[:, 0] == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"OggS" + b"x" * 100])
def test_other_files_have_no_waveform_and_are_dropped_when_large(data):
    (record,), _ = kept(data)
    (large,), _ = kept(data + b"x" * 50_000, budget=9_000)

    assert record.low == array("f")
    assert large.media == ""


def test_a_long_waveform_becomes_shorter_and_keeps_its_extremes():
    low, high = array("f", [-0.25] * 4000), array("f", [0.25] * 4000)
    high[1234] = 1.0
    (record,) = prepared_audio((Audio("x", Stamp(0), "", RATE, 1, 9, low, high),), Shelf({}), 0)

    assert len(record.high) == 200
    assert max(record.high) == 1.0
    assert set(record.low) == {-0.25}


def test_a_waveform_stays_within_what_a_sound_can_hold():
    low, high = array("f", [-math.inf, -9e30]), array("f", [math.nan, 3e38])
    (record,) = prepared_audio((Audio("x", Stamp(0), "", RATE, 1, 9, low, high),), Shelf({}), 0)

    assert (list(record.low), list(record.high)) == ([-1.0, -1.0], [0.0, 1.0])


# -- videos


def clip(frames=30, width=160, height=120):
    rng = np.random.default_rng(0)
    return animation([photograph(rng, width, height) for _ in range(frames)])


def filmed(*files, budget=10**7, **fields):
    shelf = Shelf({f"{k}.gif": data for k, data in enumerate(files)})
    records = tuple(Video("x", Stamp(k), f"{k}.gif", 30, 10.0, 320, 240, **fields) for k in range(len(files)))
    made = prepared_videos(records, shelf, budget)
    assert prepared_videos(made, shelf, budget) == made
    return made, shelf


@pytest.fixture(scope="module")
def film():
    return clip()


def test_a_small_video_stays_and_gets_a_strip(film):
    (record,), shelf = filmed(film)

    assert record.media == "0.gif"
    assert record.shown == (0, 5, 11, 17, 23, 29)
    pictures = [Image.open(io.BytesIO(shelf.get(name))) for name in record.strip]
    assert {picture.size for picture in pictures} == {(120, 90)}


def test_a_large_video_becomes_smaller_and_keeps_its_pace(film):
    (record,), shelf = filmed(film, budget=40_000)
    data = shelf.get(record.media)
    picture = Image.open(io.BytesIO(data))
    durations = []
    for at in range(picture.n_frames):
        picture.seek(at)
        picture.load()
        durations.append(picture.info["duration"])

    assert len(data) <= 40_000
    assert picture.format == "WEBP"
    assert record.notes == (
        f"The moving picture shows {picture.n_frames} of 30 frames at {picture.width}x{picture.height} pixels.",
    )
    assert sum(durations) == pytest.approx(3000, rel=0.05)


def test_where_there_is_no_room_the_frames_remain(film):
    (record,), _ = filmed(film, budget=100)

    assert record.media == ""
    assert record.notes == (prepare_video.STILL,)
    assert len(record.strip) == 6


def test_a_given_strip_is_kept_and_made_smaller(film):
    frames = {f"f{k}.png": clip(1, 200, 100) for k in range(9)}
    shelf = Shelf(frames)
    video = Video("x", Stamp(0), "", 90, 10.0, 200, 100, tuple(frames), tuple(range(0, 90, 10)))
    (record,) = prepared_videos((video,), shelf, 0)

    assert record.shown == (0, 10, 30, 40, 60, 80)
    assert all(max(Image.open(io.BytesIO(shelf.get(name))).size) == 120 for name in record.strip)


def test_what_is_no_video_has_no_strip():
    (record,), _ = filmed(b"rubbish")

    assert record.strip == ()


# -- shares


def test_small_things_leave_their_share_to_large_ones():
    assert level([10, 20, 1000, 2000], 1030) == 500
    assert level([10, 20], 1000) == 20
    assert level([], 5) == 0
    assert level([100, 100], 50) == 25


def test_last_and_first_of_each_tag_come_first():
    assert first_last_rest(["a", "a", "b", "a", "b"]) == [3, 4, 0, 2, 1]
    assert first_last_rest(["a"] * 9) == [8, 0, 4, 2, 6, 1, 3, 5, 7]  # what finds no room leaves even gaps
