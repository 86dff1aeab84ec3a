"""Logged sounds as a page carries them: their waveforms, and as much of the sound itself as the page has room for."""

from __future__ import annotations

import io
import wave
from array import array
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from reportgen.blocks.wording import number
from reportgen.readers.shelf import Shelf, first_last_rest, level
from reportgen.run.logged import Audio

# Sounds get at least so many bytes each; those that find no such room are waveforms alone.
LEAST_BYTES = 12_000
HEAD_BYTES = 44
# Speech is understood at this rate, and not below.
LEAST_RATE = 8_000
HIGHEST_RATE = 10_000_000  # what is beyond is no sound but a damaged header
SHORTEST = 0.5  # s
STRETCHES, MOST_STRETCHES = 200, 400
PARTS = 128  # waveforms are drawn about 40 px high

Samples = npt.NDArray[np.float64]
SILENT = "The page keeps the waveform alone, not the sound."


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded sound: samples (frames, channels) from -1 to 1, and how many frames a second."""

    samples: Samples
    rate: int


def prepared_audio(records: tuple[Audio, ...], shelf: Shelf, budget: int) -> tuple[Audio, ...]:
    """`records` with sounds that take at most `budget` bytes together, and with their waveforms."""
    order = first_last_rest([record.tag for record in records])
    names = dict.fromkeys(records[place].media for place in order if records[place].media)
    known = {name: data for name in names if (data := shelf.get(name)) is not None}
    kept = list(known)[: max(1, budget // LEAST_BYTES)]
    most = level([len(known[name]) for name in kept], budget)
    return tuple(_prepared(record, known, kept, most, shelf) for record in records)


def _prepared(record: Audio, known: dict[str, bytes], kept: list[str], most: int, shelf: Shelf) -> Audio:
    data = known.get(record.media)
    record = _with_waveform(record, data)
    if not record.media or data is None:
        return record
    if record.media in kept and len(data) <= most:
        return record
    made = smaller(data, most) if record.media in kept else None
    if made is None:
        return replace(record, media="", notes=(*record.notes, SILENT))
    return replace(record, media=shelf.put(made[0], "wav"), notes=(*record.notes, made[1]))


def smaller(data: bytes, most: int) -> tuple[bytes, str] | None:
    """A WAV file of at most `most` bytes, with a sentence that says what was done; None when it would say nothing.

    One channel, then fewer samples a second (the means of neighbours), then the beginning alone.
    """
    sound = decoded(data)
    if sound is None or not len(sound.samples):
        return None
    room = (most - HEAD_BYTES) // 2
    one = sound.samples.mean(axis=1)
    every = min(max(1, -(-len(one) // max(1, room))), max(1, sound.rate // LEAST_RATE))
    rate = sound.rate // every
    fewer = one[: len(one) // every * every].reshape(-1, every).mean(axis=1)
    whole = len(fewer) <= room
    if not whole and room < SHORTEST * rate:
        return None
    told = []
    if sound.samples.shape[1] > 1:
        told.append("in one channel")
    if every > 1:
        told.append(f"at {rate:,} samples a second instead of {sound.rate:,}")
    if not whole:
        told.append(f"for its first {number(room / rate)} s of {number(len(one) / sound.rate)} s")
    return encoded(fewer[:room], rate), f"The page keeps the sound {', '.join(told)}."


def decoded(data: bytes) -> Sound | None:
    """The sound in a WAV file of whole numbers of 8 to 32 bits; None for anything else."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError, OSError, RuntimeError):  # the last where its chunks lead out of it
        return None
    size = width * channels
    if width not in (1, 2, 3, 4) or size == 0 or not 0 < rate < HIGHEST_RATE:
        return None
    numbers = np.frombuffer(raw[: len(raw) // size * size], np.uint8).reshape(-1, width)
    if width == 1:
        values = numbers[:, 0].astype(np.float64) / 128.0 - 1.0
    else:
        wide = np.zeros((len(numbers), 4), np.uint8)
        wide[:, 4 - width :] = numbers
        values = wide.view("<i4")[:, 0].astype(np.float64) / 2.0**31
    return Sound(values.reshape(-1, channels), rate)


def encoded(samples: Samples, rate: int) -> bytes:
    """A WAV file of 16 bits and one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _with_waveform(record: Audio, data: bytes | None) -> Audio:
    """The record with least and greatest values of at most MOST_STRETCHES stretches, in parts of 1/PARTS."""
    low, high = np.array(record.low, np.float64), np.array(record.high, np.float64)
    if not len(low) or len(low) != len(high):
        sound = decoded(data) if data is not None else None
        if sound is None or not len(sound.samples):
            return record
        low, high = sound.samples.min(axis=1), sound.samples.max(axis=1)
    if len(low) > MOST_STRETCHES:
        starts = np.arange(STRETCHES) * len(low) // STRETCHES
        low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    found = [array("f", np.rint(np.clip(np.nan_to_num(column), -1, 1) * PARTS) / PARTS) for column in (low, high)]
    if (found[0], found[1]) == (record.low, record.high):
        return record
    return replace(record, low=found[0], high=found[1])
