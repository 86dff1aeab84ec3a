"""Sounds: an encoded one with its rate, or a table of strings whose first column is encoded sounds."""

from __future__ import annotations

import io
import wave
from array import array
from dataclasses import dataclass, field

import numpy as np

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import AUDIO, TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import BYTES, FIXED32, VARINT, Malformed, fields, single
from reportgen.readers.prepare_audio import HIGHEST_RATE
from reportgen.run.logged import Audio

STRETCHES, HEIGHTS = 400, 256  # of the waveform, as where a run is recorded
FULL = 32768
NO_WAVE = "It is no 16-bit WAV file: its waveform is not drawn, and a browser may not play it."
WAV_TYPES = ("", "audio/wav", "audio/x-wav", "audio/wave")


def _floats() -> array[float]:
    return array("f")


@dataclass(frozen=True, slots=True)
class Sound:
    """Where an encoded sound is (offset in the file, length), and what is known of it."""

    offset: int
    length: int
    rate: int = 0
    channels: int = 1
    frames: int = 0
    wav: bool = False
    low: array[float] = field(default_factory=_floats)
    high: array[float] = field(default_factory=_floats)


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft the sounds of a value. Raises Malformed."""
    if value.kind == AUDIO:
        entry.draft = [_of_audio(value, offset)]
    elif value.kind == TENSOR:
        tensor = read_tensor(value.data, value.start, value.end)
        # One column of sounds, or two: sounds and what is said of them.
        step = tensor.shape[1] if len(tensor.shape) == 2 else 1
        if step < 1 or len(tensor.strings) != tensor.size:
            raise Malformed("sounds that are no table")
        entry.draft = [_sound(value.data, a, b, offset) for a, b in tensor.strings[::step]]


def _of_audio(value: Value, offset: int) -> Sound:
    rate, channels, frames, place, kind_of = 0, 1, 0, (0, 0), ""
    for number, kind, a, b in fields(value.data, value.start, value.end):
        if number == 1 and kind == FIXED32:
            given = single(value.data, kind, a)
            rate = round(given) if 0 < given < HIGHEST_RATE else 0
        elif number == 2 and kind == VARINT:
            channels = a if 0 < a <= 1024 else 1
        elif number == 3 and kind == VARINT:
            frames = a if a < 1 << 40 else 0
        elif number == 4 and kind == BYTES:
            place = (a, b)
        elif number == 5 and kind == BYTES:
            kind_of = value.data[a:b].decode("utf-8", "replace")
    if kind_of in WAV_TYPES:
        sound = _sound(value.data, *place, offset)
        if sound.wav:
            return sound
    return Sound(offset + place[0], place[1] - place[0], rate, channels, frames)


def _sound(data: bytes, at: int, end: int, offset: int) -> Sound:
    try:
        with wave.open(io.BytesIO(data[at:end])) as file:
            rate, channels = file.getframerate(), file.getnchannels()
            if file.getsampwidth() != 2 or not 0 < rate < HIGHEST_RATE:
                return Sound(offset + at, end - at, rate if 0 < rate < HIGHEST_RATE else 0, channels, file.getnframes())
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (wave.Error, EOFError, ValueError, RuntimeError):  # the last where its chunks lead out of it
        return Sound(offset + at, end - at)
    samples = samples[: len(samples) // channels * channels].reshape(-1, channels)
    low, high = _waveform(samples)
    return Sound(offset + at, end - at, rate, channels, len(samples), True, low, high)


def _waveform(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> tuple[array[float], array[float]]:
    """Least and greatest value, -1 to 1 and rounded outwards, of equal stretches of (frames, channels)."""
    frames = len(samples)
    if not frames:
        return array("f"), array("f")
    starts = np.arange(min(STRETCHES, frames)) * frames // min(STRETCHES, frames)
    low = np.floor(np.minimum.reduceat(samples.min(axis=1), starts) / FULL * HEIGHTS) / HEIGHTS
    high = np.ceil(np.maximum.reduceat(samples.max(axis=1), starts) / FULL * HEIGHTS) / HEIGHTS
    return array("f", low.tolist()), array("f", high.tolist())


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of sounds; several of one step have tags of their own."""
    for entry in entries:
        sounds: list[Sound] = entry.draft
        for number, sound in enumerate(sounds):
            tag = builder.tag(entry.tag)
            builder.add(
                "audio",
                Audio(
                    tag=f"{tag}/{number}" if len(sounds) > 1 else tag,
                    stamp=builder.stamp(entry),
                    media=builder.store(entry, (sound.offset, sound.length), "wav" if sound.wav else "bin"),
                    rate=sound.rate,
                    channels=sound.channels,
                    frames=sound.frames,
                    low=sound.low,
                    high=sound.high,
                    notes=() if sound.wav else (NO_WAVE,),
                ),
            )
