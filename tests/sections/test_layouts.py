"""Charts as users arrange them: groups of tags and custom layouts."""

import math

from reportgen.blocks import LineChart, Text
from reportgen.diagnose import diagnose
from reportgen.run.logged import Layout, LayoutChart, TagGroup
from reportgen.run.series import Stamp
from reportgen.sections.metrics import build
from reportgen.testing import fake_run
from reportgen.testing.run import series_of

NOW = Stamp(0)


def blocks_of(scalars, layout=(), groups=()):
    layouts = (Layout(NOW, tuple(layout)),) if layout else ()
    run = fake_run(scalars=scalars, layouts=layouts, groups=tuple(groups))
    return build(run, diagnose(run)).blocks


def charts(*arguments, **named) -> list[LineChart]:
    return [block for block in blocks_of(*arguments, **named) if isinstance(block, LineChart)]


def multiline(*tags, category="c", title="t"):
    return LayoutChart(category, title, "multiline", tags)


def margin(*tags, category="c", title="t"):
    return LayoutChart(category, title, "margin", tags)


def test_tags_logged_together_share_a_chart_named_by_their_keys():
    scalars = {"run/sin": [0.0, 1.0], "run/cos": [1.0, 0.0], "other": [1.0, 2.0]}
    other, group = sorted(charts(scalars, groups=[TagGroup("run", ("run/sin", "run/cos"))]), key=lambda c: c.title)

    assert (group.title, [line.name for line in group.lines]) == ("run", ["sin", "cos"])
    assert group.anchor == "metric-run"
    assert [column.name for column in group.numbers.columns[:3]] == ["step", "sin", "cos"]
    assert other.title == "other"


def test_splits_within_a_group_keep_their_colours():
    (chart,) = charts(
        {"loss/train": [2.0, 1.0], "loss/val": [2.0, 1.5]}, groups=[TagGroup("loss", ("loss/train", "loss/val"))]
    )

    assert [(line.name, line.role) for line in chart.lines] == [("train", "train"), ("val", "val")]
    assert chart.lines[1].best is not None


def test_of_a_large_group_eight_are_drawn_and_the_rest_is_listed():
    tags = tuple(f"g/k{at}" for at in range(20))
    blocks = blocks_of({tag: [1.0, 2.0] for tag in tags}, groups=[TagGroup("g", tags)])
    chart, summary = blocks[0], blocks[-1]

    assert len(chart.lines) == 8
    assert len({(line.role) for line in chart.lines}) == 8
    assert "8 of 20 series" in chart.notes[0]
    assert [row[0] for row in summary.rows] == list(tags)


def test_charts_of_a_layout_come_first_under_their_categories():
    scalars = {"twse/0050": [1.0, 2.0], "twse/2330": [2.0, 1.0], "x": [1.0, 2.0], "train/loss": [2.0, 1.0]}
    layout = [multiline("twse/.*", category="Taiwan", title="twse"), multiline("x", category="other", title="an x")]
    blocks = blocks_of(scalars, layout)
    told = [block.title for block in blocks if isinstance(block, (LineChart, Text))]

    assert told == ["Taiwan", "twse", "other", "an x", "Other metrics", "loss"]
    assert [line.name for line in blocks[1].lines] == ["0050", "2330"]


def test_a_finding_about_a_metric_leads_to_its_chart_in_a_layout():
    (chart,) = charts({"train/loss": [2.0, 1.0]}, [multiline("train/loss", title="how it went")])

    assert (chart.title, chart.anchor) == ("how it went", "metric-loss")


def test_the_tags_of_a_layout_are_regular_expressions_for_their_beginning():
    scalars = {tag: [1.0] for tag in ("loss/a", "loss/b", "lossy", "my/loss", "acc(top1)")}

    assert next(len(chart.lines) for chart in charts(scalars, [multiline("loss/[ab]$")])) == 2
    assert next(len(chart.lines) for chart in charts(scalars, [multiline("loss")])) == 3
    assert [line.name for line in charts(scalars, [multiline("acc(top1)")])[0].lines] == ["acc(top1)"]


def test_a_pattern_that_is_none_or_matches_nothing_is_a_sentence():
    blocks = blocks_of({"a": [1.0, 2.0]}, [multiline("a(", title="broken"), multiline("z", title="none")])
    broken, none = (block for block in blocks if isinstance(block, Text) and block.title in ("broken", "none"))

    assert broken.text.startswith("a( matches no tag: it is no regular expression (missing )")
    assert none.text == "Nothing was logged under z."
    assert sum(isinstance(block, LineChart) for block in blocks) == 1


def test_of_a_pattern_that_matches_much_eight_are_drawn_and_the_others_stay_metrics():
    scalars = {f"x{at}": [1.0, 2.0] for at in range(12)}
    first, *rest = charts(scalars, [multiline("x.*")])

    assert [line.name for line in first.lines] == [f"x{at}" for at in range(8)]
    assert "8 of 12 series" in first.notes[0]
    assert [chart.title for chart in rest] == ["x8", "x9", "x10", "x11"]


def test_many_patterns_on_many_tags_are_given_up_with_a_word():
    scalars = {f"x{at}": [1.0] for at in range(2000)}
    patterns = [f"x.*{at}$" for at in range(60)]
    blocks = blocks_of(scalars, [multiline(*patterns[:50]), multiline(*patterns[50:], title="more")])

    given_up = next(block for block in blocks if isinstance(block, Text) and block.title == "more")
    assert "too many patterns for so many tags" in given_up.text


def test_a_margin_is_a_line_with_a_band():
    scalars = {"acc": [0.5, 0.7], "low": [0.4, 0.6], "high": [0.6, 0.9]}
    (chart,) = charts(scalars, [margin("acc", "low", "high")])

    assert len(chart.lines) == 1
    (band,) = chart.bands
    assert (band.line, band.x, band.low, band.high) == (0, (0.0, 1.0), (0.4, 0.6), (0.6, 0.9))
    assert [column.name for column in chart.numbers.columns[:4]] == ["step", "value", "lower", "upper"]
    assert chart.numbers.rows[1][:4] == (1, 0.7, 0.6, 0.9)


def test_a_margin_takes_threes_and_says_what_is_missing():
    scalars = {"a": [0.5], "a-": [0.4], "a+": [0.6], "b": [1.0, 2.0], "b-": [1.0]}
    (chart, *_) = charts(scalars, [margin("a", "a+", "a-", "b", "b-", "b+", "c", "c-", "c+", "d")])

    assert [line.name for line in chart.lines] == ["a", "b"]
    assert [(band.line, band.low, band.high) for band in chart.bands] == [(0, (0.4,), (0.6,))]
    notes = " ".join(chart.notes)
    assert "Nothing was logged under b+, so that line has no band." in notes
    assert "Nothing was logged under c." in notes
    assert "d: an error band takes three tags" in notes


def test_a_margin_at_steps_of_its_own_leaves_gaps_in_the_table():
    scalars = {"v": series_of([1.0, 2.0], [0, 2]), "l": series_of([0.5], [1]), "u": series_of([1.5], [1])}
    (chart,) = charts(scalars, [margin("v", "l", "u")])

    assert [row[:4] for row in chart.numbers.rows] == [(0, 1.0, None, None), (1, None, 0.5, 1.5), (2, 2.0, None, None)]
    assert chart.bands[0].x == (1.0,)


def test_values_that_are_no_numbers_are_a_gap_in_a_band():
    scalars = {"v": [1.0, 2.0], "l": [0.5, math.nan], "u": [1.5, 2.5]}
    (chart,) = charts(scalars, [margin("v", "l", "u")])

    assert math.isnan(chart.bands[0].low[1]) or math.isnan(chart.bands[0].high[1])


def test_a_layout_of_very_many_charts_is_bounded():
    layout = [multiline(f"x{at}", category=f"c{at}", title=f"t{at}") for at in range(500)]
    run = fake_run(scalars={f"x{at}": [1.0, 2.0] for at in range(500)}, layouts=(Layout(NOW, tuple(layout)),))
    view = build(run, diagnose(run))

    assert sum(isinstance(block, LineChart) for block in view.blocks) == 25
    assert "475 more charts of the custom layout are not drawn" in view.how
