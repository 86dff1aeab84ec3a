"""Texts of users as a page can hold them, and how wide they are drawn."""

from __future__ import annotations

import html
import re
import unicodedata

# What no HTML page may hold: controls but tab and newline, lone surrogates, non-characters of the basic plane.
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# The last two code points of each of the other planes are no characters either.
_FAR = re.compile("[" + "".join(f"{chr(p * 0x10000 + 0xFFFE)}{chr(p * 0x10000 + 0xFFFF)}" for p in range(1, 17)) + "]")

# Mean advances of DejaVu Sans, the widest of the usual screen fonts, in shares of the font size.
_NARROW = frozenset("ijl.,:;'|!()[]{}/\\ Itfr-`")
_BROAD = frozenset("mwMW%@—")


def clean(text: str) -> str:
    """`text` without characters that no page may hold; each is replaced by a visible sign.

    Control characters become their control pictures (U+2400 on), lone surrogates and non-characters U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    return _FAR.sub("\ufffd", _ILLEGAL.sub(_visible, text.replace("\r\n", "\n")))


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def one_line(text: str) -> str:
    """`text` cleaned, with runs of white space as single spaces."""
    return " ".join(clean(text).split())


def escaped(text: str) -> str:
    """`text` cleaned and escaped for an element or a quoted attribute."""
    return html.escape(clean(text))


def cut(text: str, limit: int) -> str:
    """`text` in one line of at most `limit` characters; its middle is left out where it is longer."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    head = limit // 2
    return f"{line[:head]}…{line[len(line) - (limit - head - 1) :]}"


def width_of(text: str, size: float) -> float:
    """An upper estimate of the width of one line in the font size `size`, in the same unit."""
    return sum(_advance(character) for character in text) * size


def _advance(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if character in _BROAD:
        return 1.0
    if ord(character) < 0x1100:
        return 0.64
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.84
