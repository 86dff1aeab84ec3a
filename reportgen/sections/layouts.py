"""Custom layouts: charts as the user arranged them, under the names of their categories."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reportgen.blocks.charts import Band, LineChart
from reportgen.blocks.page import Block
from reportgen.blocks.slug import slug
from reportgen.blocks.text import Text
from reportgen.blocks.wording import counted, cut, listed, named
from reportgen.run.logged import LayoutChart
from reportgen.run.records import Run
from reportgen.sections.attempts import numbered
from reportgen.sections.axis import Axis, place
from reportgen.sections.curves import Curve, natural
from reportgen.sections.metric_chart import LINES, assembled, metric_chart
from reportgen.sections.tag_pattern import PatternError, TagPattern

# Patterns of one chart that are looked at, and how many threes of a margin chart are drawn.
PATTERNS = 50
MARGINS = 4
# Tags times patterns that are compared for a page, some tens of microseconds each.
MATCHES = 100_000
PLAIN = re.compile(r"[\w/ :=,<>@%&~!\"'-]*")
PARTS = ("", " lower", " upper")


@dataclass(frozen=True, slots=True)
class Arranged:
    """What a layout asks for. curves: all that its charts show, drawn or not; left_out: charts beyond the limit."""

    blocks: tuple[Block, ...] = ()
    drawn: int = 0
    curves: tuple[Curve, ...] = ()
    left_out: int = 0


def arranged(run: Run, curves: Mapping[str, Curve], limit: int, rows: int) -> Arranged:
    """The charts of all layouts by category, in the order these were first met; at most `limit` of them."""
    categories: dict[str, list[LayoutChart]] = {}
    for chart in dict.fromkeys(chart for layout in run.layouts for chart in layout.charts):
        categories.setdefault(chart.category, []).append(chart)
    blocks: list[Block] = []
    shown: dict[str, Curve] = {}
    drawn = built = left_out = 0
    matcher = _Matcher(curves)
    for category, charts in categories.items():
        of_category: list[Block] = []
        for chart in charts:
            if built >= limit:
                left_out += 1
                continue
            block, used = _built(chart, matcher, rows, run.meta.started)
            if isinstance(block, LineChart):  # findings lead to the chart of a metric
                block = replace(block, anchor=slug("metric", used[0].metric))
            shown |= {curve.tag: curve for curve in used}
            built += 1
            drawn += isinstance(block, LineChart)
            of_category.append(block)
        if of_category:
            said = f"{counted(len(charts), 'chart')} of the custom layout."
            blocks += [Text(said, muted=True, title=named(category, 80)), *of_category]
    return Arranged(tuple(blocks), drawn, tuple(shown.values()), left_out)


class _Matcher:
    """The tags of a run by pattern; each pattern is looked at once, and all together in bounded time."""

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self.curves = curves
        self._known: dict[str, tuple[set[str], str]] = {}
        self._left = MATCHES

    def matching(self, text: str) -> tuple[set[str], str]:
        """The tags that a pattern means: the tag of that name, and those whose beginning it matches; else why none."""
        if text not in self._known:
            self._known[text] = self._matching(text)
        return self._known[text]

    def _matching(self, text: str) -> tuple[set[str], str]:
        exact = {text} & self.curves.keys()
        if PLAIN.fullmatch(text):
            return exact | {tag for tag in self.curves if tag.startswith(text)}, ""
        try:
            pattern = TagPattern(text)
        except PatternError as error:
            return exact, "" if exact else f"{named(text, 60)} matches no tag: {error}."
        self._left -= len(self.curves)
        if self._left < 0:
            return exact, f"{named(text, 60)} was not looked for: the layout has too many patterns for so many tags."
        return exact | {tag for tag in self.curves if pattern.matches(tag)}, ""


def _built(chart: LayoutChart, matcher: _Matcher, rows: int, started: float) -> tuple[Block, list[Curve]]:
    curves = matcher.curves
    if chart.kind == "margin":
        return _margins(chart, curves, rows, started)
    notes: list[str] = []
    found: dict[str, Curve] = {}
    for text in chart.tags[:PATTERNS]:
        tags, note = matcher.matching(text)
        found |= {tag: curves[tag] for tag in sorted(tags, key=natural)}
        notes += [note] if note else []
    if len(chart.tags) > PATTERNS:
        notes.append(f"The first {PATTERNS} of {len(chart.tags):,} patterns are looked at.")
    if not found:
        return _nothing(chart, notes or [_missing(chart.tags)]), []
    if len(found) > LINES:
        notes.append(f"{LINES} of {len(found):,} series are drawn here, the others with the other metrics.")
    used = _short_names(list(found.values())[:LINES])
    return metric_chart(used, chart.title, rows, started, notes), used


def _missing(tags: Sequence[str]) -> str:
    return f"Nothing was logged under {listed(list(tags), 4)}." if tags else "It names no tag."


def _nothing(chart: LayoutChart, notes: Sequence[str]) -> Text:
    return Text(" ".join(notes), muted=True, title=named(chart.title, 80))


def _short_names(curves: list[Curve]) -> list[Curve]:
    """Lines are called by what their tags do not share, unless they are the splits of one metric."""
    splits = {curve.split for curve in curves}
    if len(curves) < 2 or ("" not in splits and len(splits) == len(curves)):
        return curves
    parts = zip(*(curve.tag.split("/")[:-1] for curve in curves), strict=False)
    shared = itertools.takewhile(lambda same: len(set(same)) == 1, parts)
    start = sum(len(part[0]) + 1 for part in shared)
    if not start or any(not curve.tag[start:].strip() for curve in curves):
        return curves
    return [replace(curve, name=curve.tag[start:]) for curve in curves]


def _margins(chart: LayoutChart, curves: Mapping[str, Curve], rows: int, started: float) -> tuple[Block, list[Curve]]:
    threes = [chart.tags[at : at + 3] for at in range(0, len(chart.tags), 3)]
    notes: list[str] = []
    known: list[list[Curve]] = []
    for three in threes:
        missing = [tag for tag in three if tag not in curves]
        if len(three) < 3:
            notes.append(f"{listed(list(three))}: an error band takes three tags, the value, its lower and upper end.")
        elif three[0] in missing:
            notes.append(f"Nothing was logged under {named(three[0], 60)}.")
        else:
            known.append([curves[tag] for tag in three if tag in curves])
        if len(three) == 3 and missing and three[0] not in missing:
            notes.append(f"Nothing was logged under {listed(missing)}, so that line has no band.")
    if not known:
        return _nothing(chart, notes), []
    if len(known) > MARGINS:
        notes.append(f"{MARGINS} of {counted(len(known), 'line')} are drawn.")
    drawn = known[:MARGINS]
    values = [three[0] for three in drawn]
    names = [curve.name or cut(curve.tag, 30) for curve in _short_names(values)]
    values = (
        [replace(curve, name=name) for curve, name in zip(values, names, strict=True)] if len(drawn) > 1 else values
    )
    axis = place([curve for three in drawn for curve in three])
    bands = [_band(at, three, axis) for at, three in enumerate(drawn) if len(three) == 3]
    listing = [
        replace(curve, name=f"{name if len(drawn) > 1 else 'value' if not part else ''}{part}".strip())
        for name, three in zip(names, drawn, strict=True)
        for part, curve in zip(PARTS, three, strict=False)
    ]
    if bands:
        notes.append("The area around a line reaches from its lower to its upper end.")
    block = assembled(chart.title, values, listing, axis, rows, started, [*axis.notes, *notes], tuple(bands))
    return block, [curve for three in known for curve in three]


def _band(line: int, three: Sequence[Curve], axis: Axis) -> Band:
    """The area between lower and upper, where both were logged."""
    ends: list[dict[tuple[int, float], float]] = []
    for curve in three[1:]:
        places, attempts = axis.positions(curve.series), numbered(curve.series)
        ends.append(dict(zip(zip(attempts, places, strict=True), curve.series.values, strict=True)))
    keys = sorted(ends[0].keys() & ends[1].keys())
    # Whoever gave the ends in the other order meant the same band.
    edges = [sorted((ends[0][key], ends[1][key])) for key in keys]
    return Band(
        line=line,
        x=tuple(float(x) for _, x in keys),
        low=tuple(low for low, _ in edges),
        high=tuple(high for _, high in edges),
        name="lower to upper",
        breaks=tuple(at for at, (one, two) in enumerate(itertools.pairwise(keys), 1) if one[0] != two[0]),
    )
