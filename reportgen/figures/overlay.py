"""Boxes that lie over a picture."""

from __future__ import annotations

import math

from reportgen.blocks.media import ImageItem
from reportgen.blocks.wording import box_words
from reportgen.figures.palette import paint
from reportgen.figures.svg import FONT, element, text
from reportgen.figures.text import cut, escaped, width_of
from reportgen.run.logged import Box

# px of the page: pictures with boxes are shown about so wide.
SHOWN = 320.0
FONT_SIZE = 12.0
MOST_BOXES = 60
COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")


def shown_width(item: ImageItem) -> float:
    """How wide a picture with boxes is shown, so that their labels can be read: SHOWN on its longer side; 0 without."""
    wide, high = item.size
    if not item.boxes or wide <= 0 or high <= 0:
        return 0.0
    return SHOWN if wide >= high else SHOWN * wide / high


def overlay(item: ImageItem) -> str:
    """An <svg> of the picture's proportions with its boxes and their labels; "" without a box that can be drawn.

    Labels that would lie on one another are left out; the list under the picture has them all.
    """
    wide, high = item.size
    shown_wide = shown_width(item)
    if not shown_wide:
        return ""
    scale = shown_wide / wide
    shown_high = max(1.0, high * scale)
    labels = list(dict.fromkeys(box.label for box in item.boxes))
    shapes, words = [], []
    taken: list[tuple[float, float, float, float]] = []
    for place, box in enumerate(item.boxes[:MOST_BOXES]):
        corners = (box.x0, box.y0, box.x1, box.y1)
        across, down = sorted((box.x0, box.x1)), sorted((box.y0, box.y1))
        outside = across[1] < 0 or down[1] < 0 or across[0] > wide or down[0] > high
        if outside or not all(math.isfinite(corner) for corner in corners):
            continue
        left, right = (min(max(x * scale, 1.0), shown_wide - 1) for x in across)
        top, bottom = (min(max(y * scale, 1.0), shown_high - 1) for y in down)
        colour = COLOURS[labels.index(box.label) % len(COLOURS)]
        frame: dict[str, object] = {"x": left, "y": top, "width": max(1.0, right - left)}
        frame["height"] = max(1.0, bottom - top)
        # Light under dark, or in a dark page dark under light: seen on any picture.
        for stroke, width in (("paper", "4.5"), (colour, "2")):
            shapes.append(element("rect", "", **frame, fill="none", stroke=paint(stroke), stroke_width=width))
        words.append(_label(place, box, (left, top, right, bottom), (shown_wide, shown_high), taken))
    if not shapes:
        return ""
    size = f'width="{shown_wide:.0f}" height="{shown_high:.0f}" viewBox="0 0 {shown_wide:.1f} {shown_high:.1f}"'
    name = f'role="img" aria-label="{escaped(cut(f"boxes on {item.alt or item.title}", 200))}"'
    content = "".join(shapes) + "".join(words)
    return f'<svg class="over" {size} {name} preserveAspectRatio="none"><g font-family="{FONT}">{content}</g></svg>'


def _label(
    place: int,
    box: Box,
    frame: tuple[float, float, float, float],
    size: tuple[float, float],
    taken: list[tuple[float, float, float, float]],
) -> str:
    """The words on a plate at a corner of a box, or its number alone where there is no room for more."""
    (left, top, right, bottom), (wide, high), tall = frame, size, FONT_SIZE + 4
    for words in (box_words(place, cut(box.label, 18), box.score), str(place + 1)):
        across = width_of(words, FONT_SIZE) + 6
        begin, end = max(0.0, min(left, wide - across)), max(0.0, right - across)
        over = top - tall if top >= tall else top
        foot = max(0.0, bottom - tall)
        for x, y in ((begin, over), (begin, foot), (end, foot), (end, over)):
            inside = x + across <= wide and y + tall <= high
            if inside and not any(
                x < one_right and x + across > one_left and y < one_bottom and y + tall > one_top
                for one_left, one_top, one_right, one_bottom in taken
            ):
                taken.append((x, y, x + across, y + tall))
                plate = element("rect", x=x, y=y, width=across, height=tall, fill=paint("paper"), rx="2")
                return plate + text(x + 3, y + tall - 4, words, fill=paint("ink"), font_size=f"{FONT_SIZE:g}")
    return ""
