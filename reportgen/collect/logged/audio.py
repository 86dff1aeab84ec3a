"""Sound as a 16-bit WAV file and the waveform that is drawn of it."""

from __future__ import annotations

import io
import wave
from array import array

import numpy as np

from reportgen.collect.logged.arrays import finite
from reportgen.collect.predictions.arrays import Array, Shape
from reportgen.collect.predictions.notes import Notes
from reportgen.errors import InvalidArgumentError

# Of the waveform: as many stretches and heights as can be told apart where it is drawn, so that its text stays short.
STRETCHES, HEIGHTS = 400, 256
FULL = 32767
# Beyond this the smaller of two dimensions is no number of channels.
MOST_CHANNELS = 32


def frames_of(sound: Array) -> Array:
    """(L,), (channels, L) or (L, channels), the smaller dimension being channels, as (frames, channels).

    Raises InvalidArgumentError for another shape, and without a sample.
    """
    samples = sound.reshape(1, -1) if sound.ndim < 2 else sound
    if samples.ndim > 2:
        samples = samples.reshape([size for size in samples.shape if size != 1] or [1])
        samples = samples.reshape(1, -1) if samples.ndim == 1 else samples
    if samples.ndim != 2 or not samples.size or min(samples.shape) > MOST_CHANNELS:
        raise InvalidArgumentError("audio", Shape(sound), "sound (L,), (channels, L) or (L, channels)")
    return samples.T if samples.shape[0] <= samples.shape[1] else samples


def sixteen_bits(samples: Array, notes: Notes) -> Array:
    """Sound (frames, channels) as int16.

    Floats are in [-1, 1], clipped otherwise; whole numbers are PCM samples, scaled by the range of their dtype.
    """
    if samples.dtype.kind == "b":
        samples = samples.astype(np.float32)
    if samples.dtype.kind in "iu":
        return _of_whole_numbers(samples)
    known, odd = finite(samples.astype(np.float64) if samples.dtype == np.float16 else samples)
    notes.add("{n} samples are NaN or infinite and silent here.", odd)
    loudest = float(np.abs(known).max())
    if loudest > 1:
        outside = int(np.count_nonzero(np.abs(known) > 1))
        notes.add(f"{{n}} samples beyond [-1, 1] were clipped (the largest is {loudest:.4g}).", outside)
        known = np.clip(known, -1, 1)
    scaled: Array = (known * FULL).astype("<i2")
    return scaled


def _of_whole_numbers(samples: Array) -> Array:
    bits = samples.dtype.itemsize * 8
    wide = samples.astype(np.int64) if bits < 64 else samples.astype(np.float64)
    if samples.dtype.kind == "u":  # unsigned PCM is centred in its range
        wide = wide - 2 ** (bits - 1)
    scaled = wide * 2 ** (16 - bits) if bits <= 16 else np.clip(wide // 2 ** (bits - 16), -FULL - 1, FULL)
    whole: Array = scaled.astype("<i2")
    return whole


def wav(samples: Array, rate: int) -> bytes:
    """The WAV file of int16 (frames, channels)."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples).tobytes())
    return buffer.getvalue()


def waveform(samples: Array) -> tuple[array[float], array[float]]:
    """Least and greatest value of at most STRETCHES equal stretches over all channels, rounded outwards."""
    frames = len(samples)
    starts = np.arange(min(STRETCHES, frames)) * frames // min(STRETCHES, frames)
    scale = (FULL + 1) / HEIGHTS
    low = np.floor(np.minimum.reduceat(samples.min(axis=1), starts) / scale) / HEIGHTS
    high = np.ceil(np.maximum.reduceat(samples.max(axis=1), starts) / scale) / HEIGHTS
    return array("f", low.tolist()), array("f", high.tolist())
