"""Pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One picture with its caption. media: name in Page.media. alt: what it shows, in words.

    title is the first caption line ("8 ← 3"), lines the smaller ones. level: "error" for a mistake, "ok", or "".
    """

    media: str
    alt: str
    title: str = ""
    lines: tuple[str, ...] = ()
    level: str = ""


@dataclass(frozen=True, slots=True)
class ImageGrid:
    """Pictures in rows, in order. small: thumbnails of about 96 px; else as wide as they are, up to 320 px."""

    items: tuple[ImageItem, ...]
    title: str = ""
    caption: str = ""
    small: bool = True
