"""Pictures, texts, sounds and films."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from reportgen.run.records import Images
from tests.writer.examples.comparing.sides import Sides, moments

# torch lays pictures of a batch beside each other in at most so many columns.
COLUMNS = 8
# How many levels of 255 pixels are apart in the mean, where they show the same.
ALIKE = 5.0
# How far the heights of a waveform may be rounded.
HEIGHT = 1 / 128


def picture(data: bytes) -> np.ndarray[Any, Any]:
    """(H, W, 4), uint8, with or without transparency."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def grid(pictures: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Pictures of one size as torch lays them out: rows of at most eight, black where there is none."""
    if len(pictures) == 1:
        return pictures[0]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    whole = np.zeros((rows * height, columns * width, 4), np.uint8)
    whole[..., 3] = 255
    for place, one in enumerate(pictures):
        row, column = divmod(place, columns)
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = one
    return whole


def pixels(there: np.ndarray[Any, Any], here: np.ndarray[Any, Any]) -> str:
    """What differs, "" for the same; one level of 255 is rounding."""
    if there.shape != here.shape:
        return f"{there.shape[1]}x{there.shape[0]} pixels in torch's, {here.shape[1]}x{here.shape[0]} in ours"
    apart = np.abs(there.astype(int) - here.astype(int)).max(axis=2)
    if apart.max(initial=0) <= 1:
        return ""
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    return (
        f"{int((apart > 1).sum())} pixels differ, most at x={column} y={row}: "
        f"{there[row, column].tolist()} in torch's, {here[row, column].tolist()} in ours"
    )


def images(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.images)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            yield from (f"{where}: {what}" for what in of_images(sides, one, two))


def of_images(sides: Sides, one: Images, two: Images) -> Iterator[str]:
    if len(one.media) != 1:
        yield f"{len(one.media)} pictures in torch's"
        return
    if two.total != len(two.media):
        yield f"{len(two.media)} of {two.total} images are in ours"
        return
    there = picture(sides.theirs.media[one.media[0]])
    here = [picture(sides.ours.media[name]) for name in two.media]
    if one.sizes != ((there.shape[1], there.shape[0]),):
        yield f"sizes {one.sizes} in torch's"
    whole = grid(here)
    fine = 2 if whole.shape[0] == 2 * there.shape[0] else 1
    if two.sizes != tuple((each.shape[1] // fine, each.shape[0] // fine) for each in here):
        yield f"sizes {two.sizes} in ours"
    if fine == 2:
        shown = "alike" if alike(there, halved(whole)) else "of something else"
        yield f"twice as many pixels each way in ours, {shown}"
        return
    what = pixels(there, whole)
    if what:
        yield what


def halved(one: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Each two by two pixels as their mean."""
    height, width, channels = one.shape
    mean: np.ndarray[Any, Any] = one.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))
    return mean


def alike(there: np.ndarray[Any, Any], here: np.ndarray[Any, Any]) -> bool:
    """Whether two pictures show the same: drawn in other sizes, or kept with loss."""
    if there.shape != here.shape:
        return False
    return bool(np.abs(there[..., :3].astype(float) - here[..., :3].astype(float)).mean() < ALIKE)


def texts(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.texts)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            if one.text != two.text:
                yield f"{where}: {one.text[:60]!r} in torch's, {two.text[:60]!r} in ours"
            if one.markdown != two.markdown:
                yield f"{where}: Markdown {one.markdown} in torch's, {two.markdown} in ours"


def samples(data: bytes) -> tuple[tuple[int, int, int], np.ndarray[Any, Any]]:
    with wave.open(io.BytesIO(data)) as file:
        shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        return shape, np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(int)


def audio(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.audio)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            for name in ("rate", "channels", "frames"):
                if getattr(one, name) != getattr(two, name):
                    yield f"{where}: {name} {getattr(one, name)} in torch's, {getattr(two, name)} in ours"
            (shape, there), (other, here) = samples(sides.theirs.media[one.media]), samples(sides.ours.media[two.media])
            if shape != other:
                yield f"{where}: WAV of {shape} in torch's, {other} in ours"
            elif len(there) != len(here) or np.abs(there - here).max(initial=0) > 1:
                yield f"{where}: samples differ"
            if len(one.low) != len(two.low) or len(one.high) != len(two.high):
                yield f"{where}: a waveform of {len(one.low)} stretches in torch's, of {len(two.low)} in ours"
                continue
            for name in ("low", "high"):
                if not np.allclose(getattr(one, name), getattr(two, name), atol=HEIGHT):
                    yield f"{where}: the waveform's {name} differs"


def videos(sides: Sides) -> Iterator[str]:
    told, both = moments(sides, lambda run: run.videos)
    yield from told
    for where, theirs, ours in both:
        for one, two in zip(theirs, ours, strict=True):
            for name in ("frames", "fps", "width", "height"):
                if getattr(one, name) != getattr(two, name):
                    yield f"{where}: {name} {getattr(one, name)} in torch's, {getattr(two, name)} in ours"
