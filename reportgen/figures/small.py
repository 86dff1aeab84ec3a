"""Pictures of about word size, drawn once a row: sparks, histograms, bars."""

from __future__ import annotations

import math

from reportgen.blocks.table import Bar, Histogram, Spark
from reportgen.figures.decimate import stretches, thinned
from reportgen.figures.palette import colour_of, dashes_of, paint
from reportgen.figures.svg import drawing, element, line_data

SPARK_SIZE = (96, 24)
HISTOGRAM_SIZE = (120, 26)
BAR_SIZE = (56, 9)
SWATCH_SIZE = (26, 8)


def spark(block: Spark) -> str:
    """A line without axes; a dot at its end, a cross where it ends in a value that is no finite number."""
    width, height = SPARK_SIZE
    values = block.values
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    across = (width - 8) / max(1, len(values) - 1)
    low, high = min(finite), max(finite)
    # Halved before subtracting: the range of two finite numbers may be infinite.
    span = high / 2 - low / 2

    def place(at: int) -> tuple[float, float]:
        share = (values[at] / 2 - low / 2) / span if span > 0 else 0.5
        return 4 + at * across, height - 3 - share * (height - 6)

    colour = paint(colour_of(block.role))
    lines = [[place(at) for at in run] for run in stretches(values)]
    data = "".join(line_data(thinned(line, width), level=True) for line in lines)
    shapes = element("path", d=data, fill="none", stroke=colour, stroke_width="1.5", stroke_linecap="round")
    if math.isfinite(values[-1]):
        x, y = place(len(values) - 1)
        shapes += element("circle", cx=float(x), cy=float(y), r="2.2", fill=colour)
    else:
        x, y = lines[-1][-1]
        cross = line_data([(x, y - 3), (x + 6, y + 3)]) + line_data([(x, y + 3), (x + 6, y - 3)])
        shapes += element("path", d=cross, fill="none", stroke=paint("bad"), stroke_width="1.5")
    return drawing(width, height, shapes, block.label)


def histogram(block: Histogram) -> str:
    """A filled outline on a base line, with a hair line at zero when zero lies within."""
    width, height = HISTOGRAM_SIZE
    heights = [value if math.isfinite(value) and value > 0 else 0.0 for value in block.heights]
    highest = max(heights, default=0.0)
    if highest <= 0:
        return ""
    step = width / len(heights)
    top = [((at + 0.5) * step, height - 1 - value / highest * (height - 4)) for at, value in enumerate(heights)]
    outline = [(0.0, height - 1.0), *top, (float(width), height - 1.0)]
    shapes = element("path", d=line_data(outline, level=True), fill=paint("c1soft"), stroke=paint("c1"))
    if block.low < 0 < block.high:
        x = -block.low / (block.high - block.low) * width
        shapes += element("path", d=line_data([(x, 0), (x, height)]), fill="none", stroke=paint("edge"))
    return drawing(width, height, shapes, block.label)


def bar(block: Bar) -> str:
    """A horizontal bar as long as the share; the number beside it says the same."""
    width, height = BAR_SIZE
    share = min(1.0, max(0.0, block.share)) if math.isfinite(block.share) else 0.0
    shapes = element("rect", width=width, height=height, rx="2", fill=paint("grid"))
    if share > 0:
        shapes += element("rect", width=float(max(1.0, share * width)), height=height, rx="2", fill=paint("c1"))
    return drawing(width, height, shapes)


def swatch(role: str) -> str:
    """A piece of a line as it is drawn for a role, to stand before its name."""
    width, height = SWATCH_SIZE
    look = {"stroke_width": "1" if role == "rest" else "2.2", "stroke_dasharray": dashes_of(role)}
    data = line_data([(0, height / 2), (width, height / 2)])
    return drawing(width, height, element("path", d=data, fill="none", stroke=paint(colour_of(role)), **look))
