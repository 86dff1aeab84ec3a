"""Logged videos as a page carries them: a strip of frames, and the moving picture as the page has room for it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image, features

from reportgen.readers.prepare_pictures import thumbnail
from reportgen.readers.shelf import Shelf, first_last_rest, level
from reportgen.readers.smaller_picture import UNREADABLE, opened, plain
from reportgen.run.logged import Video
from reportgen.run.thin_series import even_choice

LEAST_BYTES = 6_000
# Longest side, frames and quality of WebP: the first that fits is taken.
LADDER = ((240, 48, 60), (200, 36, 55), (160, 28, 50), (120, 24, 45), (96, 16, 40), (64, 12, 35), (48, 8, 30))
# Frames of one strip and of all strips together, and the side of one.
STRIP, STRIPS, STRIP_SIDE = 6, 40, 120
FASTEST = 20  # ms: browsers slow down what is quicker
STILL = "The page keeps some of its frames, not the moving picture."
NOTHING = "It cannot be read, or is too large to be decoded for a page."
# Pixels of all frames of a video that are decoded: seconds.
MOST_DECODED = 1 << 30


def prepared_videos(records: tuple[Video, ...], shelf: Shelf, budget: int) -> tuple[Video, ...]:
    """`records` with moving pictures that take at most `budget` bytes together, and with strips of frames."""
    order = first_last_rest([record.tag for record in records])
    names = dict.fromkeys(records[place].media for place in order if records[place].media)
    known = {name: data for name in names if (data := shelf.get(name)) is not None}
    kept = list(known)[: max(1, budget // LEAST_BYTES)]
    most = level([len(known[name]) for name in kept], budget)
    frames = min(STRIP, max(2, STRIPS // max(1, len(records))))
    return tuple(_prepared(record, known, kept, most, frames, shelf) for record in records)


def _prepared(record: Video, known: dict[str, bytes], kept: list[str], most: int, frames: int, shelf: Shelf) -> Video:
    data = known.get(record.media)
    record = _with_strip(record, data, frames, shelf)
    if not record.media or data is None or (record.media in kept and len(data) <= most):
        return record
    made = smaller(data, record, most) if record.media in kept else None
    if made is None:
        return replace(record, media="", notes=(*record.notes, STILL if record.strip else NOTHING))
    return replace(record, media=shelf.put(made[0], "webp"), notes=(*record.notes, made[1]))


def smaller(data: bytes, record: Video, most: int) -> tuple[bytes, str] | None:
    """An animated WebP of at most `most` bytes with a sentence on what it leaves out; None when none is that small."""
    if not features.check("webp"):
        return None
    known = _count(data)
    pictures = _frames(data, even_choice(known, LADDER[0][1]), LADDER[0][0]) if known else []
    if not pictures:
        return None
    seconds = known / record.fps if record.fps > 0 else known / 4
    estimate = 0.0
    for side, frames, quality in LADDER:
        chosen = [pictures[at] for at in even_choice(len(pictures), frames)]
        weight = side**2 * len(chosen) * quality
        # Bytes fall about with pixels and quality: steps that cannot be enough are not tried.
        if estimate * weight > 2.5 * most and (side, frames, quality) != LADDER[-1]:
            continue
        made = _animated(chosen, side, quality, max(FASTEST, round(1000 * seconds / len(chosen))))
        estimate = len(made) / weight
        if len(made) <= most:
            size = "x".join(str(length) for length in _fitted(pictures[0], side).size)
            return made, f"The moving picture shows {len(chosen)} of {known:,} frames at {size} pixels."
    return None


def _with_strip(record: Video, data: bytes | None, frames: int, shelf: Shelf) -> Video:
    """The record with at most `frames` small pictures of frames, taken from the moving picture where it has none."""
    if not record.strip:
        return _strip_of(record, data, frames, shelf) if data is not None else record
    places = even_choice(len(record.strip), frames)
    strip = []
    for place in places:
        name = record.strip[place]
        made, suffix = thumbnail(shelf.get(name) or b"", STRIP_SIDE)
        strip.append(shelf.put(made, suffix) if suffix else name)
    shown = tuple(record.shown[place] for place in places if place < len(record.shown))
    if tuple(strip) == record.strip:
        return record
    return replace(record, strip=tuple(strip), shown=shown)


def _strip_of(record: Video, data: bytes, frames: int, shelf: Shelf) -> Video:
    known = _count(data)
    shown = even_choice(known, frames) if known else []
    pictures = _frames(data, shown, STRIP_SIDE)
    if not pictures:
        return record
    strip = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", optimize=True)
        made, suffix = thumbnail(buffer.getvalue(), STRIP_SIDE)
        strip.append(shelf.put(made, suffix or "png"))
    return replace(record, strip=tuple(strip), shown=tuple(shown[: len(strip)]))


def _count(data: bytes) -> int:
    """How many frames the picture has; 0 when it is none."""
    picture = opened(data)
    try:
        return int(getattr(picture, "n_frames", 1)) if picture is not None else 0
    except UNREADABLE:
        return 0


def _frames(data: bytes, places: Sequence[int], side: int) -> list[Image.Image]:
    """The frames at `places`, ascending, each at most `side` pixels long; those before the damage of a damaged file.

    None where all before the last of them, which must be decoded as well, have more pixels than MOST_DECODED.
    """
    picture = opened(data)
    found: list[Image.Image] = []
    if picture is None or not places or picture.width * picture.height * (places[-1] + 1) > MOST_DECODED:
        return found
    try:
        for place in places:
            picture.seek(place)
            found.append(_fitted(plain(picture), side))
    except UNREADABLE:
        return found
    return found


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    fitted = picture.copy()
    fitted.thumbnail((side, side), Image.Resampling.BOX)
    return fitted


def _animated(pictures: Sequence[Image.Image], side: int, quality: int, duration: int) -> bytes:
    buffer = io.BytesIO()
    first, *rest = [_fitted(picture, side).convert("RGB") for picture in pictures]
    first.save(buffer, "WEBP", save_all=True, append_images=rest, duration=duration, loop=0, quality=quality, method=4)
    return buffer.getvalue()
