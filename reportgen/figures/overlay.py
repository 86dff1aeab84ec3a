"""Boxes that lie over a picture."""

from __future__ import annotations

import math

from reportgen.blocks.media import ImageItem
from reportgen.blocks.wording import number
from reportgen.figures.palette import paint
from reportgen.figures.svg import FONT, element, text
from reportgen.figures.text import cut, escaped, width_of

# px of the page: pictures with boxes are shown about so wide.
SHOWN = 320.0
FONT_SIZE = 12.0
MOST_BOXES = 60
COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")


def overlay(item: ImageItem) -> str:
    """An <svg> of the picture's proportions with its boxes and their labels; "" without a box that can be drawn.

    Labels that would lie on one another are left out; the list under the picture has them all.
    """
    wide, high = item.size
    if wide <= 0 or high <= 0:
        return ""
    shown_wide = SHOWN if wide >= high else SHOWN * wide / high
    scale = shown_wide / wide
    shown_high = max(1.0, high * scale)
    labels = list(dict.fromkeys(box.label for box in item.boxes))
    shapes, words = [], []
    taken: list[tuple[float, float, float, float]] = []
    for place, box in enumerate(item.boxes[:MOST_BOXES]):
        corners = (box.x0, box.y0, box.x1, box.y1)
        if not all(math.isfinite(corner) for corner in corners):
            continue
        left, right = (min(max(x * scale, 1.0), shown_wide - 1) for x in sorted((box.x0, box.x1)))
        top, bottom = (min(max(y * scale, 1.0), shown_high - 1) for y in sorted((box.y0, box.y1)))
        colour = COLOURS[labels.index(box.label) % len(COLOURS)]
        frame: dict[str, object] = {"x": left, "y": top, "width": max(1.0, right - left)}
        frame["height"] = max(1.0, bottom - top)
        # Light under dark, or in a dark page dark under light: seen on any picture.
        for stroke, width in (("paper", "4.5"), (colour, "2")):
            shapes.append(element("rect", "", **frame, fill="none", stroke=paint(stroke), stroke_width=width))
        words.append(_label(place, box.label, box.score, (left, top, shown_wide, shown_high), taken))
    if not shapes:
        return ""
    size = f'width="{shown_wide:.0f}" height="{shown_high:.0f}" viewBox="0 0 {shown_wide:.1f} {shown_high:.1f}"'
    name = f'role="img" aria-label="{escaped(cut(f"boxes on {item.alt or item.title}", 200))}"'
    content = "".join(shapes) + "".join(words)
    return f'<svg class="over" {size} {name} preserveAspectRatio="none"><g font-family="{FONT}">{content}</g></svg>'


def box_words(place: int, label: str, score: float | None) -> str:
    """The words of box `place` (from 0), such as "2 cat 0.93"."""
    return " ".join(
        [str(place + 1), *([cut(label, 40)] if label.strip() else []), *([] if score is None else [number(score)])]
    )


def _label(
    place: int,
    label: str,
    score: float | None,
    room: tuple[float, float, float, float],
    taken: list[tuple[float, float, float, float]],
) -> str:
    """The words on a plate at the upper left corner of a box, or its number alone where there is no room for more."""
    left, top, wide, high = room
    tall = FONT_SIZE + 4
    for words in (box_words(place, cut(label, 18), score), str(place + 1)):
        across = width_of(words, FONT_SIZE) + 6
        x, y = max(0.0, min(left, wide - across)), top - tall if top >= tall else min(top, max(0.0, high - tall))
        if across > wide or any(
            x < right and x + across > x0 and y < bottom and y + tall > y0 for x0, y0, right, bottom in taken
        ):
            continue
        taken.append((x, y, x + across, y + tall))
        plate = element("rect", x=x, y=y, width=across, height=tall, fill=paint("paper"), rx="2")
        return plate + text(x + 3, y + tall - 4, words, fill=paint("ink"), font_size=f"{FONT_SIZE:g}")
    return ""
