"""What an inline SVG must keep to be seen where a host forbids all styles (a default Jenkins does)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reportgen.testing.html import Element

FILLED = frozenset(["path", "rect", "circle", "ellipse", "polygon", "polyline", "text"])
UNPAINTED = ("clippath", "mask", "pattern", "lineargradient", "radialgradient", "marker", "filter")
_BLACK = re.compile(r"^(black|#000|#000000|rgb\(0, ?0, ?0\))$")
_BARE_VARIABLE = re.compile(r"var\(\s*--[\w-]+\s*\)")
_FALLBACK = re.compile(r"^var\(\s*--[\w-]+\s*,\s*(.*)\)$")
_NOT_A_NUMBER = re.compile("nan|inf|none|null|undefined", re.IGNORECASE)
_POSITIONS = ("d", "points", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry")
_NUMERIC = (*_POSITIONS, "width", "height", "viewbox", "transform")


def drawing_faults(svg: Element) -> Iterator[str]:
    """What is wrong with one outermost <svg>: how it is described, sized, filled and written."""
    yield from _description(svg)
    for name in ("width", "height", "viewbox"):
        if not svg.get(name):
            yield f"{svg} has no {name}, so that it has no size without CSS"
    for element in (svg, *svg.elements):
        yield from _writing(element)
        if element.tag in FILLED and not element.inside(*UNPAINTED):
            yield from _paint(element, svg)


def _description(svg: Element) -> Iterator[str]:
    """A drawing is either hidden from readers of text, or a picture with a name."""
    if any(element.get("aria-hidden") == "true" for element in (svg, *svg.ancestors)):
        return
    if svg.get("role") != "img":
        yield f"{svg} has neither role=img nor aria-hidden=true"
    titles = [child for child in svg.children if isinstance(child, Element) and child.tag == "title"]
    named = svg.get("aria-label") or svg.get("aria-labelledby") or any(title.raw.strip() for title in titles)
    if not named:
        yield f"{svg} has no text alternative (aria-label, aria-labelledby or <title>)"


def _writing(element: Element) -> Iterator[str]:
    if element.tag in ("image", "style", "script", "foreignobject"):
        yield f"{element} stands inside an <svg>"
    for name in _NUMERIC:
        if _NOT_A_NUMBER.search(element.get(name)):
            yield f"{element} has {name}={element.get(name)[:60]!r}, which is no number"
    for name in ("fill", "stroke", "color", "stop-color"):
        if _BARE_VARIABLE.search(element.get(name)):
            yield f"{element} has {name}={element.get(name)!r}, a variable without the colour to take where CSS is off"


def _paint(shape: Element, svg: Element) -> Iterator[str]:
    """A shape that nothing gives a fill is black; a large one hides all under it."""
    fills = list(_fills(shape, svg))
    for fill in fills:
        literal = _FALLBACK.sub(r"\1", fill).strip()
        if not literal:
            yield f"{shape} has no fill, nor has what is around it: it would be black"
        elif _BLACK.match(literal) and shape.tag in ("rect", "polygon") and not _small(shape):
            yield f"{shape} is filled with {fill}: a black area"


def _fills(shape: Element, svg: Element) -> Iterator[str]:
    """The fills a shape may get: its own or inherited one; of a shape in <defs>, that of each <use> of it."""
    outers = [shape]
    for outer in shape.ancestors:
        outers.append(outer)
        if outer is svg:
            break
    fill = next((outer.get("fill") for outer in outers if outer.get("fill")), "")
    if fill or not shape.inside("defs", "symbol"):
        yield fill
        return
    names = {f"#{outer.get('id')}" for outer in outers if outer.get("id")}
    page = next((outer for outer in reversed(list(svg.ancestors))), svg)
    for use in page.all("use"):
        if use.get("href", use.get("xlink:href")) in names:
            around = (use, *use.ancestors)
            yield next((outer.get("fill") for outer in around if outer.get("fill")), "")


def _small(shape: Element) -> bool:
    """Whether a rectangle is at most 40 px in one direction (a swatch, a bar, one pixel of a digit)."""
    try:
        return min(float(shape.get("width", "1e9")), float(shape.get("height", "1e9"))) <= 40
    except ValueError:
        return False
