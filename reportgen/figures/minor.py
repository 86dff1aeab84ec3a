"""A small line chart by our own path writer, for pages with more charts than matplotlib should draw."""

from __future__ import annotations

import math

from reportgen.blocks.charts import LineChart
from reportgen.figures.chart import NESTED, label
from reportgen.figures.decimate import thinned
from reportgen.figures.foot import footed
from reportgen.figures.marks import shown_name
from reportgen.figures.palette import colour_of, dashes_of, paint
from reportgen.figures.placing import placed_bands, placed_lines, reach
from reportgen.figures.scale import Scale, value_scale
from reportgen.figures.svg import drawing, element, line_data, text
from reportgen.figures.text import cut, width_of
from reportgen.figures.ticks import log_tick_texts, tick_texts

WIDTH, HEIGHT, FONT = 300.0, 110.0, 11.0
MOST_LINES = 6


def minor_chart(block: LineChart) -> str:
    """The chart as an <svg> with its lowest and highest value and its last step; "" when nothing can be drawn."""
    lines = block.lines[:MOST_LINES]
    pairs = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x)]
    bands = [band for band in block.bands if band.line < len(lines)]
    pairs += reach(bands)
    top, bottom = 10.0, HEIGHT - 20
    scale = value_scale((y for _, y in pairs), bottom, top, block.log_y)
    if scale is None:
        return ""
    scale = footed(scale, block.lines)
    limits = [scale.low, scale.high]
    written = (log_tick_texts if block.log_y else tick_texts)(limits, block.y_format)
    names = [shown_name(line) for line in lines] if len(lines) > 1 else []
    left = max(width_of(words, FONT) for words in written) + 8
    right = WIDTH - min(90.0, max((width_of(name, FONT) for name in names), default=4.0) + 8)
    xs = [x for x, _ in pairs]
    across = Scale(min(xs), max(xs), left, right)
    grid = "".join(line_data([(left, y), (right, y)]) for y in (top, bottom))
    shapes = [
        element("path", d=area.outline, fill=paint(colour_of(lines[area.line].role)), fill_opacity=NESTED)
        for area in placed_bands(bands, across, scale)
    ]
    shapes.append(element("path", d=grid, fill="none", stroke=paint("grid")))
    for one in placed_lines(lines, across, scale):
        data = "".join(line_data(thinned(run, right - left, 2.0)) for run in one.runs)
        if data:
            look = {"stroke_width": "1.4", "stroke_linecap": "round", "stroke_dasharray": dashes_of(one.line.role)}
            shapes.append(element("path", d=data, fill="none", stroke=paint(one.colour), **look))
    words = [text(left - 5, y + 4, number, text_anchor="end") for y, number in zip((bottom, top), written, strict=True)]
    last = f"{cut(block.x_label, 24)} {tick_texts([across.high], 'step')[0]}"
    words.append(text(right, HEIGHT - 5, last, text_anchor="end"))
    return drawing(
        WIDTH,
        HEIGHT,
        "".join(shapes)
        + element("g", "".join(words), fill=paint("muted"), font_size=f"{FONT:g}")
        + _legend(block, right),
        label(block.title, block.caption),
        "chart",
    )


def _legend(block: LineChart, right: float) -> str:
    """The lines' names in their colours, from the top."""
    lines = block.lines[:MOST_LINES]
    if len(lines) < 2:
        return ""
    words = [
        text(right + 5, 14 + at * (FONT + 3), shown_name(line), fill=paint(colour_of(line.role)))
        for at, line in enumerate(lines)
    ]
    if len(block.lines) > MOST_LINES:
        more = f"{len(block.lines) - MOST_LINES} more"
        words.append(text(right + 5, 14 + MOST_LINES * (FONT + 3), more, fill=paint("muted")))
    return element("g", "".join(words), font_size=f"{FONT:g}", font_weight="600")
