"""What the page's script is told of a chart, beside the shapes it sees: axes, names, times.

All of it stands in data- attributes of the <svg>, in words with a space between them:

- data-c: both axes, each as low, high, the px of low, the px of high; "log" or "linear"; how values are written;
  whether the lines may be smoothed ("steps") or not ("-"); what the horizontal axis counts.
- data-n: the lines' names, one a line of text.
- data-s: for each line "first:stride" of its steps where these are regular, since px cannot tell every step; else "-".
- data-b: for each band the position of its line, and after a point the attempt where there are several.
- data-a: for each line the attempts of its stretches, with commas; left out where there is one.
- data-f: 1 where the axis' lower end stands for all that lies below it as well; else left out.
- data-t: the start of the clock, then its knots as place:seconds; a ";" before another attempt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Line, LineChart
from reportgen.figures.foot import axis_foot
from reportgen.figures.frame import Frame
from reportgen.figures.placing import Area, Placed
from reportgen.figures.scale import Scale
from reportgen.figures.svg import compact
from reportgen.figures.text import cut, one_line


def script_data(block: LineChart, frame: Frame, lines: Sequence[Placed], areas: Sequence[Area]) -> dict[str, str]:
    """The attributes by the rest of their names."""
    drawn = [at for at, one in enumerate(lines) if one.runs]
    places = {at: place for place, at in enumerate(drawn)}
    again = any(any(lines[at].attempts) for at in drawn)
    kind = ["log" if frame.y.log else "linear", block.y_format, "steps" if block.over_time else "-"]
    data = {
        "c": " ".join([*_axis(frame.x), *_axis(frame.y), *kind, cut(block.x_label, 24)]),
        "n": "\n".join(one_line(lines[at].line.name) for at in drawn) if len(lines) > 1 else "",
        "s": " ".join(_regular(lines[at].line) for at in drawn),
        "b": " ".join(
            f"{places[area.line]}.{area.attempt}" if area.attempt else f"{places[area.line]}"
            for area in areas
            if area.line in places
        ),
        "a": " ".join(",".join(map(str, lines[at].attempts)) for at in drawn) if again else "",
    }
    if frame.y.log and axis_foot(block.lines) is not None:
        data["f"] = "1"
    if block.clock is not None:
        attempts = (" ".join(f"{_short(x)}:{_short(seconds)}" for x, seconds in part) for part in block.clock.knots)
        data["t"] = f"{block.clock.start:.3f} {' ; '.join(attempts)}"
    return data


def _axis(scale: Scale) -> list[str]:
    return [f"{scale.low:.9g}", f"{scale.high:.9g}", compact(scale.start), compact(scale.end)]


def _short(value: float) -> str:
    return f"{value:.7g}"


def _regular(line: Line) -> str:
    """First and stride of whole places that are all a multiple of the stride apart."""
    places = {round(x) for x in line.x if math.isfinite(x) and float(x).is_integer()}
    if len(places) < 2 or len(places) < len({*line.x}):
        return "-"
    first = min(places)
    return f"{first}:{math.gcd(*(place - first for place in places))}"
