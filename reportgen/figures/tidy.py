"""SVG of matplotlib and Graphviz made fit for the page.

Styles become attributes, ids and classes go (nothing in our drawings refers to another element), coordinates are
rounded, colours of the palette become variables with a fallback, links lose their namespace.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from reportgen.figures.paths import numbers_in, short_path
from reportgen.figures.svg import attributes, compact
from reportgen.figures.text import escaped

# Attributes that decide how a shape looks; those with the value on the right are left out, since it is the default.
_KEPT = {
    "fill": "",
    "fill-opacity": "1",
    "stroke": "none",
    "stroke-width": "1",
    "stroke-dasharray": "none",
    "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "opacity": "1",
    "text-anchor": "start",
    "font-size": "",
    "font-weight": "normal",
}
_NUMERIC = ("x", "y", "cx", "cy", "rx", "ry", "r", "width", "height")
_TURN = re.compile(r"rotate\(-?0(?:\.0+)? [^)]*\)")


def shapes_of(markup: str, colours: Mapping[str, str]) -> list[str]:
    """The shapes of an SVG document as markup, in their order, without the <svg> around them.

    colours: the tool's name of a colour (in lower case, "#0b6bcb" or "lightgrey") -> what to write for it.
    """
    return _children(ET.fromstring(markup), colours)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ET.Element, colours: Mapping[str, str]) -> list[str]:
    out: list[str] = []
    for child in element:
        if isinstance(child.tag, str):
            out.extend(_drawn(child, colours))
    return out


def _drawn(element: ET.Element, colours: Mapping[str, str]) -> list[str]:
    """One element as markup; nothing for what is not drawn."""
    tag = _name(element)
    if tag in ("metadata", "defs", "style", "title"):
        return []
    if tag in ("g", "a"):
        return _group(element, tag, colours)
    look = _look(element, colours)
    if tag == "text":
        words = "".join(element.itertext())
        return [f"<text{_numbers(element)}{attributes(look)}>{escaped(words)}</text>"] if words.strip() else []
    if look.get("fill") == "none" and "stroke" not in look:
        return []
    if tag == "path":
        return [f'<path d="{short_path(element.get("d", ""))}"{attributes(look)}/>']
    if tag in ("polygon", "polyline"):
        return [_polygon(numbers_in(element.get("points", "")), tag == "polygon", look)]
    return [f"<{tag}{_numbers(element)}{attributes(look)}/>"]


def _group(element: ET.Element, tag: str, colours: Mapping[str, str]) -> list[str]:
    """A group is needed only for its title, its shift, or its link."""
    inside = _children(element, colours)
    title = next((child.text or "" for child in element if _name(child) == "title"), "")
    link = next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == "href"), "")
    shift = _shift(element.get("transform", ""))
    named = tag == "g" and title and inside
    if not inside or not (named or shift or link):
        return inside
    content = (f"<title>{escaped(title)}</title>" if named else "") + merged(inside)
    return [f"<{tag}{attributes({'href': link, 'transform': shift})}>{content}</{tag}>"]


def _shift(transform: str) -> str:
    """Of a transform, the translation; Graphviz and matplotlib write no other that does something."""
    found = re.search(r"translate\(([^)]*)\)", transform)
    return f"translate({' '.join(compact(number) for number in numbers_in(found[1]))})" if found else ""


def _look(element: ET.Element, colours: Mapping[str, str]) -> dict[str, object]:
    """The attributes that decide the look, from attributes and style."""
    given = {name: value for name, value in element.attrib.items() if name in _KEPT}
    for declaration in element.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if name.strip() in _KEPT:
            given[name.strip()] = value.strip()
    look: dict[str, object] = {}
    for name, default in _KEPT.items():
        value = given.get(name, "")
        if name in ("fill", "stroke"):
            value = colours.get(value.lower(), "none" if value == "transparent" else value)
        elif name in ("font-size", "stroke-width") and value:
            value = compact(float(value.removesuffix("px").removesuffix("pt")))
        elif name == "stroke-dasharray" and value not in ("", "none"):
            value = " ".join(compact(number) for number in numbers_in(value))
        if value and value != default:
            look[name] = value
    if _name(element) != "text" and "fill" not in look:
        look["fill"] = "none"
    return look


def _numbers(element: ET.Element) -> str:
    parts = [f' {name}="{compact(float(element.attrib[name]))}"' for name in _NUMERIC if name in element.attrib]
    turn = element.get("transform", "")
    if turn and not _TURN.fullmatch(turn.strip()):
        parts.append(f' transform="{escaped(turn)}"')
    return "".join(parts)


def _polygon(numbers: list[float], closed: bool, look: dict[str, object]) -> str:
    """A polygon; an upright rectangle becomes a <rect>, anything else a path."""
    points = list(zip(numbers[::2], numbers[1::2], strict=False))
    if closed and len(points) == 5 and points[0] == points[4]:
        xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
        if len(xs) == len(ys) == 2:
            place = {"x": xs[0], "y": ys[0], "width": xs[1] - xs[0], "height": ys[1] - ys[0]}
            return f"<rect{attributes({**place, **look})}/>"
    data = "M" + "L".join(f"{x} {y}" for x, y in points) + ("Z" if closed else "")
    return f'<path d="{short_path(data)}"{attributes(look)}/>'


_PATH = re.compile(r'<path d="([^"]*)"([^>]*)/>')
_TEXT = re.compile(r'<text( x="[^"]*" y="[^"]*")([^>]*)>([^<]*)</text>')


def merged(shapes: list[str]) -> str:
    """Shapes in order: unfilled paths of one look become one path, neighbouring texts of one look share a group."""
    out: list[str] = []
    at = 0
    while at < len(shapes):
        path, words = _PATH.fullmatch(shapes[at]), _TEXT.fullmatch(shapes[at])
        pattern, found = (_PATH, path) if path else (_TEXT, words)
        run = [found] if found else []
        while found and at + len(run) < len(shapes):
            following = pattern.fullmatch(shapes[at + len(run)])
            if following is None or following[2] != found[2]:
                break
            run.append(following)
        if found is None or len(run) == 1:
            out.append(shapes[at])
        elif path is not None and 'fill="none"' in path[2]:
            out.append(f'<path d="{"".join(one[1] for one in run)}"{path[2]}/>')
        elif path is not None:
            out.append(f"<g{path[2]}>{''.join(f'<path d={chr(34)}{one[1]}{chr(34)}/>' for one in run)}</g>")
        else:
            inside = "".join(f"<text{one[1]}>{one[3]}</text>" for one in run)
            out.append(f"<g{run[0][2]}>{inside}</g>")
        at += max(1, len(run))
    return "".join(out)
