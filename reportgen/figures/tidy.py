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
_DRAWN = ("g", "a", "text", "path", "polygon", "polyline", "rect", "circle", "ellipse")
_NUMERIC = ("x", "y", "cx", "cy", "rx", "ry", "r", "width", "height")
_TURN = re.compile(r"rotate\(-?0(?:\.0+)? [^)]*\)")


def shapes_of(element: ET.Element, colours: Mapping[str, str], texts: Mapping[str, str] = _KEPT) -> list[str]:
    """The shapes inside an SVG element as markup, in their order.

    colours: the tool's name of a colour (in lower case, "#0b6bcb" or "lightgrey") -> what to write for it.
    texts: attributes that texts inherit where the shapes are put, which they need not say.
    """
    out: list[str] = []
    for child in element:
        if isinstance(child.tag, str):
            out.extend(_drawn(child, colours, texts))
    return out


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _drawn(element: ET.Element, colours: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """One element as markup; nothing for what is not drawn."""
    tag = _name(element)
    if tag not in _DRAWN:
        return []
    if tag in ("g", "a"):
        return _group(element, tag, colours, texts)
    look = _look(element, colours, texts)
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


def _group(element: ET.Element, tag: str, colours: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """A group is needed only for its shift, a link for where it leads."""
    inside = shapes_of(element, colours, texts)
    link = next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == "href"), "")
    shift = shift_of(element.get("transform", ""))
    if not inside or not (shift or link):
        return inside
    return [f"<{tag}{attributes({'href': link, 'transform': shift})}>{merged(inside)}</{tag}>"]


def shift_of(transform: str) -> str:
    """Of a transform, the translation; Graphviz and matplotlib write no other that does something."""
    found = re.search(r"translate\(([^)]*)\)", transform)
    return f"translate({' '.join(compact(number) for number in numbers_in(found[1]))})" if found else ""


def _look(element: ET.Element, colours: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, object]:
    """The attributes that decide the look, from attributes and style."""
    given = {name: value for name, value in element.attrib.items() if name in _KEPT}
    for declaration in element.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if name.strip() in _KEPT:
            given[name.strip()] = value.strip()
    look: dict[str, object] = {}
    inherited = texts if _name(element) == "text" else {}
    for name, usual in _KEPT.items():
        value = given.get(name, "")
        default = inherited.get(name, usual)
        if name == "text-anchor" and default != usual:
            value = value or usual  # what is not said would be inherited
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
_RECT = re.compile(r'<rect( x="[^"]*" y="[^"]*" width="[^"]*" height="[^"]*")([^>]*)/>')
_TEXT = re.compile(r'<text( x="[^"]*" y="[^"]*")([^>]*)>([^<]*)</text>')


def merged(shapes: list[str]) -> str:
    """Shapes in order, neighbours of one look together: paths become one path, boxes and texts share a group."""
    out: list[str] = []
    at = 0
    while at < len(shapes):
        pattern, run = _run(shapes, at)
        if len(run) < 2:
            out.append(shapes[at])
        elif pattern is _PATH:
            out.append(f'<path d="{"".join(one[1] for one in run)}"{run[0][2]}/>')
        elif pattern is _RECT:
            out.append(f"<g{run[0][2]}>{''.join(f'<rect{one[1]}/>' for one in run)}</g>")
        elif run[0][2]:
            out.append(f"<g{run[0][2]}>{''.join(f'<text{one[1]}>{one[3]}</text>' for one in run)}</g>")
        else:
            out.extend(one[0] for one in run)
        at += max(1, len(run))
    return "".join(out)


def _run(shapes: list[str], at: int) -> tuple[re.Pattern[str], list[re.Match[str]]]:
    """The shapes from `at` on that are of one kind and one look; none for a shape that cannot be brought together."""
    for pattern in (_PATH, _RECT, _TEXT):
        first = pattern.fullmatch(shapes[at])
        if first is None:
            continue
        run = [first]
        for shape in shapes[at + 1 :]:
            found = pattern.fullmatch(shape)
            if found is None or found[2] != first[2]:
                break
            run.append(found)
        return pattern, run
    return _PATH, []
