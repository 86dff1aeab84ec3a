"""A small writer of SVG that needs no style sheet: every shape says its own fill and stroke."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportgen.figures.text import escaped

# The page's own font comes by inheritance where styles are allowed; this is for hosts that forbid them.
FONT = "DejaVu Sans, sans-serif"


def compact(value: float) -> str:
    """`value` rounded to tenths, as short as SVG allows: 3, -.5, 12.5."""
    return tenths(round(value * 10))


def tenths(units: int) -> str:
    """A number of tenths, as short as SVG allows."""
    sign, size = ("-" if units < 0 else ""), abs(units)
    whole, part = divmod(size, 10)
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole or ''}.{part}"


def joined(numbers: Iterable[str]) -> str:
    """Numbers of path data side by side; a minus sign or a second point needs no space before it."""
    out: list[str] = []
    before = ""
    for number in numbers:
        apart = before and not number.startswith("-") and not (number.startswith(".") and "." in before)
        out.append(f" {number}" if apart else number)
        before = number
    return "".join(out)


def line_data(points: Sequence[tuple[float, float]], level: bool = False) -> str:
    """Path data of a line through points: the first absolute, the others relative, all to a tenth.

    Each relative step starts from the rounded place, so that errors do not add up. level: take steps to the right on
    one level together, which looks the same but forgets where the points were.
    """
    if not points:
        return ""
    x, y = round(points[0][0] * 10), round(points[0][1] * 10)
    start = f"M{joined((tenths(x), tenths(y)))}"
    parts: list[tuple[str, list[str]]] = []
    stretch = 0
    for place in points[1:]:
        new_x, new_y = round(place[0] * 10), round(place[1] * 10)
        dx, dy, x, y = new_x - x, new_y - y, new_x, new_y
        if dx == 0 and dy == 0:
            continue
        command = "h" if dy == 0 else "v" if dx == 0 else "l"
        if level and command == "h" and dx > 0 and parts and parts[-1][0] == "h" and stretch > 0:
            stretch += dx
            parts[-1][1][-1] = tenths(stretch)
            continue
        stretch = dx if command == "h" else 0
        numbers = [tenths(dx)] if dy == 0 else [tenths(dy)] if dx == 0 else [tenths(dx), tenths(dy)]
        if parts and parts[-1][0] == command:
            parts[-1][1].extend(numbers)
        else:
            parts.append((command, numbers))
    if not parts:  # a single point is drawn by its round line end
        return f"{start}h0"
    return start + "".join(command + joined(numbers) for command, numbers in parts)


def attributes(values: dict[str, object]) -> str:
    """Attributes as text, with a leading space each; those that are "" are left out.

    Underscores stand for hyphens, but for one at the end, which sets a name apart from a word of Python.
    """
    shown = {name.removesuffix("_").replace("_", "-"): value for name, value in values.items() if value != ""}
    return "".join(
        f' {name}="{compact(value) if isinstance(value, float) else escaped(str(value))}"'
        for name, value in shown.items()
    )


def element(tag: str, content: str = "", **values: object) -> str:
    """One element; `content` is markup."""
    shown = f"<{tag}{attributes(values)}"
    return f"{shown}>{content}</{tag}>" if content else f"{shown}/>"


def text(x: float, y: float, words: str, **values: object) -> str:
    """A line of text at its baseline; a `size` becomes its font size."""
    return f'<text x="{compact(x)}" y="{compact(y)}"{attributes(values)}>{escaped(words)}</text>'


def drawing(width: float, height: float, content: str, label: str = "", css: str = "", **data: str) -> str:
    """An <svg> with size and view box. label: its text alternative; without one it is hidden from readers of text.

    data: its data- attributes, those left out that are "".
    """
    font = f' font-family="{FONT}"' if "<text" in content else ""
    said = f' role="img" aria-label="{escaped(label)}"' if label else ' aria-hidden="true"'
    name = f' class="{css}"' if css else ""
    size = f'width="{compact(width)}" height="{compact(height)}" viewBox="0 0 {compact(width)} {compact(height)}"'
    more = attributes({f"data-{key}": value for key, value in data.items()})
    return f"<svg{name} {size}{said}{font}{more}>{content}</svg>"
