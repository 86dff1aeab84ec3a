"""Waveforms of sounds."""

from __future__ import annotations

import math

from reportgen.blocks.media import AudioItem
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element, line_data

WIDTH, HEIGHT = 300.0, 44.0


def waveform(item: AudioItem) -> str:
    """The band between least and greatest values around a middle line; "" without values."""
    pairs = [
        (min(1.0, max(-1.0, low)), min(1.0, max(-1.0, high)))
        for low, high in zip(item.low, item.high, strict=False)
        if math.isfinite(low) and math.isfinite(high)
    ]
    if not pairs:
        return ""
    middle, half, step = HEIGHT / 2, HEIGHT / 2 - 2, WIDTH / len(pairs)
    over = [((at + 0.5) * step, middle - high * half - 0.4) for at, (_, high) in enumerate(pairs)]
    under = [((at + 0.5) * step, middle - low * half + 0.4) for at, (low, _) in enumerate(pairs)]
    shapes = element("path", d=line_data([(0, middle), (WIDTH, middle)]), fill="none", stroke=paint("line"))
    shapes += element("path", d=line_data([*over, *reversed(under)]) + "z", fill=paint("c1"))
    return drawing(WIDTH, HEIGHT, shapes, item.label)
