"""What a person would see of a page in a tab: text that is there, charts that are drawn, nothing clipped or unreadable.

Each function returns its complaints as texts; an empty list is a good page.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.browser.chromium import Tab

_PROBES = (Path(__file__).parent / "probes.js").read_text(encoding="utf-8")
DARK = 0x20  # of each channel: what a matplotlib figure without its styles is made of


def probe(tab: Tab, name: str, *arguments: str) -> list:
    """Run one function of probes.js in the page."""
    given = ", ".join(json.dumps(argument) for argument in arguments)
    return tab.evaluate(f"(() => {{ {_PROBES}\nreturn {name}({given}); }})()")


def unfold(tab: Tab) -> None:
    """Open every <details>, and show what is shown at one step at a time at all of them."""
    tab.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true })")
    tab.evaluate("document.querySelectorAll('.steps').forEach(item => { item.classList.add('all') })")


def missing_text(tab: Tab, inside: str = "body") -> list[str]:
    """Text that does not show, of the elements that the CSS selector `inside` means; folded text does not."""
    return probe(tab, "missingText", inside)


def section_texts(tab: Tab) -> dict[str, str]:
    """The text of each section by its id, white space left out."""
    return dict(probe(tab, "sectionTexts"))


def chart_faults(tab: Tab) -> list[str]:
    """Charts without room, and texts of a chart that lie on each other or outside it."""
    return probe(tab, "chartFaults")


def overflow(tab: Tab) -> list[str]:
    """What makes the page wider than the screen, text that its box cuts off, and words broken into letters."""
    return probe(tab, "overflow")


def faint_text(tab: Tab) -> list[str]:
    """Text whose contrast with what lies under it is below WCAG 2.2 AA (4.5, or 3 when large)."""
    return probe(tab, "faintText")


def chart_boxes(tab: Tab) -> list[tuple[float, float, float, float]]:
    """The boxes (x, y, width, height, in page pixels) of the visible charts."""
    return [tuple(box) for box in probe(tab, "chartBoxes")]


def pixels(png: bytes) -> np.ndarray:
    """A PNG as an array of uint8 [height, width, 3]."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def dark_share(picture: np.ndarray) -> float:
    """The share of pixels that are darker than #202020."""
    return float((picture.max(axis=2) < DARK).mean())


def coloured(picture: np.ndarray) -> int:
    """How many pixels have a colour as curves do: channels at least 60 apart."""
    spread = picture.max(axis=2).astype(int) - picture.min(axis=2)
    return int((spread >= 60).sum())


def blackened(tab: Tab) -> list[str]:
    """Charts that are more than 5 % black, or have a single colour."""
    faults = []
    picture = pixels(tab.screenshot())
    for x, y, width, height in chart_boxes(tab):
        part = picture[round(y) : round(y + height), round(x) : round(x + width)]
        if part.size == 0:
            continue
        share = dark_share(part)
        if share > 0.05:
            faults.append(f"the chart at {x:.0f}, {y:.0f} is {share:.0%} black")
        if not (part != part[0, 0]).any():
            faults.append(f"the chart at {x:.0f}, {y:.0f} has one colour only")
    return faults
