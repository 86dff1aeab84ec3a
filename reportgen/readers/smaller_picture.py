"""Pictures as small as a page needs them; deterministic for one version of Pillow."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, UnidentifiedImageError, features

from reportgen.run.media_kind import media_type

# A picture of at most so many bytes is not worth a second encoding.
SMALL_BYTES = 8_000
# More pixels than these are decoded for no page: 32 million, as a picture of 8,192 x 4,096, take 100 MB and more.
MOST_PIXELS = 1 << 25
COLOURS = 1024
# What Pillow raises for damaged files of one format or another.
UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    MemoryError,
    LookupError,
    ArithmeticError,
    TypeError,
    struct.error,
    Image.DecompressionBombError,
)


def opened(data: bytes) -> Image.Image | None:
    """The picture in `data`, not decoded yet; None when it is none, or of too many pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data))
        except UNREADABLE:
            return None
    return picture if picture.width * picture.height <= MOST_PIXELS else None


def plain(picture: Image.Image) -> Image.Image:
    """The decoded picture (its current frame) in grey, RGB or RGBA. Raises one of UNREADABLE for a damaged one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if picture.mode in ("L", "RGB", "RGBA"):
            picture.load()
            return picture.copy()
        if picture.mode.startswith("I;16"):
            return picture.point(lambda value: value / 256).convert("L")
        alpha = picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info
        return picture.convert("RGBA" if alpha else "RGB")


def as_webp(picture: Image.Image, quality: int, exact: bool = False) -> bytes:
    """A WebP file. exact: also try it without loss, and take the smaller."""
    lossy = io.BytesIO()
    picture.save(lossy, "WEBP", quality=quality, method=4)
    if not exact:
        return lossy.getvalue()
    lossless = io.BytesIO()
    picture.save(lossless, "WEBP", lossless=True, quality=80, method=4)
    return min(lossless.getvalue(), lossy.getvalue(), key=len)


def smaller(data: bytes, side: int, quality: int = 80, keep: int = SMALL_BYTES) -> bytes:
    """`data` as a WebP at most `side` pixels long where that takes fewer bytes; else, and when unreadable, `data`.

    What is no longer than `side` stays as it is when it is a WebP or takes at most `keep` bytes: so doing it twice
    changes nothing. An animation becomes its first frame, and a picture that no browser shows a WebP in any case.
    """
    picture = opened(data)
    if picture is None or not features.check("webp"):
        return data
    fits = max(picture.size) <= side
    known = media_type(data)
    if fits and known and (len(data) <= keep or known == "image/webp"):
        return data
    try:
        shown = plain(picture)
    except UNREADABLE:
        return data
    exact = fits and shown.getcolors(COLOURS) is not None
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    made = as_webp(shown, quality, exact)
    return min(data, made, key=len) if known else made
