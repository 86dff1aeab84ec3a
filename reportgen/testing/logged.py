"""What a run logs to look at and listen to, made of a seed: pictures, sounds, videos, curves, embeddings, meshes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import wave
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.run.logged import Audio, Box, Embedding, Mesh, PRCurve, TensorRecord, Video
from reportgen.run.records import Images, Run, TextRecord
from reportgen.run.series import Stamp
from reportgen.testing.run import distribution_of

STEPS = (0, 120, 450)
MARKDOWN = """\
# Notes on the run

The **loss** falls after the *warm-up*; `lr` is ~~0.1~~ 0.05. See [the paper](https://example.org/paper).

1. Check the data
2. Train
   - with augmentation
   - without

| split | samples | accuracy |
|:------|--------:|---------:|
| train | 60,000  | 98.1 %   |
| test  | 10,000  | 97.4 %   |

> Never trust a single seed.

```
model = Net()
```
"""


def with_logged(run: Run, steps: Sequence[int] = STEPS, seed: int = 0) -> Run:
    """`run` with two or more records of every kind that can be logged, one at each of `steps`, as a folder has them."""
    rng = np.random.default_rng(seed)
    media: dict[str, bytes] = {}
    fields: dict[str, list[Any]] = {}
    for part, step in enumerate(steps):
        stamp = Stamp(step, step, None, run.meta.started + step)
        share = part / max(1, len(steps) - 1)
        for name, records in _at(stamp, share, rng, media).items():
            fields.setdefault(name, []).extend(records)
    added: dict[str, Any] = {name: (*getattr(run, name), *records) for name, records in fields.items()}
    return dataclasses.replace(run, **added, media={**run.media, **media})


def _at(stamp: Stamp, share: float, rng: np.random.Generator, media: dict[str, bytes]) -> dict[str, list[Any]]:
    photos = tuple(_put(media, png(photograph(rng)), "png") for _ in range(4))
    boxes = (
        Box(20.0, 30.0, 120.0, 140.0, "cat", 0.5 + 0.4 * share),
        Box(100.0, 60.0, 300.0, 220.0, "dog", 0.91),
        Box(10.0, 200.0, 60.0, 235.0, "", None),
    )
    return {
        "images": [
            Images("samples", stamp, photos, ("a", "b", "c", "d"), 4, sizes=((320, 240),) * 4),
            Images("detections", stamp, photos[:1], ("the first photograph",), 1, (), ((320, 240),), (boxes,)),
        ],
        "audio": [_sound(stamp, share, media)],
        "videos": [_video(stamp, share, media)],
        "pr_curves": [pr_curve("val/digits", stamp, 1.0 + 2 * share, rng)],
        "embeddings": [_embedding(stamp, share, rng, media)],
        "meshes": [_cube(stamp, share, media), _cloud(stamp, share, rng, media)],
        "tensors": [_tensor(stamp, rng, media)],
        "texts": [TextRecord("notes", stamp, f"{MARKDOWN}\nStep {stamp.step}.", True)],
    }


def _put(media: dict[str, bytes], data: bytes, suffix: str) -> str:
    name = f"{hashlib.sha256(data).hexdigest()[:20]}.{suffix}"
    media[name] = data
    return name


def npy(values: npt.NDArray[Any]) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels (H, W) or (H, W, 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def photograph(rng: np.random.Generator, width: int = 320, height: int = 240) -> npt.NDArray[np.uint8]:
    """Smooth colours with noise, as little compressible as a photograph: (height, width, 3)."""
    small = Image.fromarray(rng.integers(30, 226, (6, 8, 3), np.uint8))
    smooth = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    pixels: npt.NDArray[np.uint8] = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    return pixels


def wav(samples: npt.ArrayLike, rate: int = 16_000, channels: int = 1) -> bytes:
    """Samples from -1 to 1, (frames * channels,), as a WAV file of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def animation(frames: Sequence[npt.NDArray[np.uint8]], fps: float = 8.0) -> bytes:
    """Frames (H, W, 3) as a GIF that moves."""
    buffer = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)
    return buffer.getvalue()


def _sound(stamp: Stamp, share: float, media: dict[str, bytes]) -> Audio:
    time = np.arange(32_000) / 16_000
    samples = 0.8 * np.exp(-time * 2) * np.sin(2 * np.pi * (220 + 220 * share) * time)
    parts = samples.reshape(400, -1)
    return Audio(
        "tone",
        stamp,
        _put(media, wav(samples), "wav"),
        16_000,
        1,
        len(samples),
        array("f", parts.min(axis=1).tolist()),
        array("f", parts.max(axis=1).tolist()),
    )


def _video(stamp: Stamp, share: float, media: dict[str, bytes]) -> Video:
    frames = []
    for at in range(24):
        pixels = np.full((72, 96, 3), 240, np.uint8)
        left = round(4 + at * 3 * (0.5 + share / 2))
        pixels[28:44, left : left + 16] = (11, 107, 203)
        frames.append(pixels)
    strip = tuple(_put(media, png(frames[at]), "png") for at in (0, 12, 23))
    return Video("ball", stamp, _put(media, animation(frames), "gif"), 24, 8.0, 96, 72, strip, (0, 12, 23))


def pr_curve(tag: str, stamp: Stamp, distance: float, rng: np.random.Generator, thresholds: int = 51) -> PRCurve:
    """The curve of scores of 400 samples whose classes lie `distance` standard deviations apart."""
    truth = rng.random(400) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(0, 1, 400) + distance * (truth - 0.5))))
    at = np.linspace(0, 1, thresholds)
    called = scores[None, :] >= at[:, None]
    hits, wrong = (called & truth).sum(axis=1), (called & ~truth).sum(axis=1)
    columns = {
        "thresholds": at,
        "true_positives": hits,
        "false_positives": wrong,
        "true_negatives": (~truth).sum() - wrong,
        "false_negatives": truth.sum() - hits,
        "precision": np.where(hits + wrong > 0, hits / np.maximum(hits + wrong, 1), 1.0),
        "recall": hits / truth.sum(),
    }
    packed: dict[str, Any] = {name: array("d", column.tolist()) for name, column in columns.items()}
    return PRCurve(tag, stamp, **packed)


def _embedding(stamp: Stamp, share: float, rng: np.random.Generator, media: dict[str, bytes]) -> Embedding:
    rows, kinds = 120, ("zero", "one", "two", "three")
    centres = rng.normal(0, 1 + 4 * share, (len(kinds), 8))
    of = np.arange(rows) % len(kinds)
    matrix = (centres[of] + rng.normal(0, 1, (rows, 8))).astype(np.float32)
    tiles = np.zeros((10 * 16, 12 * 16), np.uint8)
    for row in range(rows):
        top, left = row // 12 * 16, row % 12 * 16
        tiles[top + 2 : top + 14, left + 2 : left + 4 + 3 * int(of[row])] = 255 - row
    return Embedding(
        "features",
        stamp,
        _put(media, npy(matrix), "npy"),
        rows,
        8,
        ("digit", "file"),
        tuple((kinds[kind], f"{row:04d}.png") for row, kind in enumerate(of)),
        _put(media, png(tiles), "png"),
        12,
        16,
        16,
    )


def _cube(stamp: Stamp, share: float, media: dict[str, bytes]) -> Mesh:
    vertices = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    turn = 0.3 + share
    turned = vertices @ np.array(
        [[math.cos(turn), 0, -math.sin(turn)], [0, 1, 0], [math.sin(turn), 0, math.cos(turn)]], np.float32
    )
    sides = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
    faces = np.array([corners for a, b, c, d in sides for corners in ((a, b, c), (a, c, d))], np.int64)
    colors = ((vertices + 1) * 127).astype(np.uint8)
    files = [_put(media, npy(values), "npy") for values in (turned, colors, faces)]
    return Mesh("cube", stamp, files[0], 8, 12, files[1], files[2])


def _cloud(stamp: Stamp, share: float, rng: np.random.Generator, media: dict[str, bytes]) -> Mesh:
    angle, height = rng.random((2, 1500)) * np.array([[2 * math.pi], [2.0]])
    radius = 0.3 + share * height
    points = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1).astype(np.float32)
    return Mesh("cloud", stamp, _put(media, npy(points), "npy"), len(points))


def _tensor(stamp: Stamp, rng: np.random.Generator, media: dict[str, bytes]) -> TensorRecord:
    values = rng.normal(0, 1, (16, 8)).astype(np.float32)
    values[0, :2] = math.nan, 0.0
    first = tuple(float(value) for value in values.ravel()[:6])
    return TensorRecord(
        "logits", stamp, _put(media, npy(values), "npy"), values.shape, "float32", distribution_of(values), first
    )
