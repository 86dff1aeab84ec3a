"""The blocks of an overview."""

import dataclasses
import math
import re
from array import array

import pytest

from reportgen.blocks import Finding, Fold, KeyValues, Legend, LineChart, ScatterChart, Table, Text
from reportgen.run.overview import Overview, Unread
from reportgen.run.records import IMPORTED
from reportgen.sections.overview import build_overview, curves, findings, runs, settings_section
from reportgen.sections.overview.comparison import compare
from reportgen.sections.overview.header import header
from reportgen.sections.overview.thinning import thinned
from reportgen.testing.run import series_of
from tests.sections.overview.several import compared, finding, member, small_run


def of(kind, section):
    return [block for block in section.blocks if isinstance(block, kind)]


def said(readings):
    return "".join(reading.text for reading in readings)


def named_columns(table):
    return [column.name for column in table.columns]


def three(**changes):
    """Three runs, the second the best."""
    given = [("a", 0.5, 0.1), ("b", 0.9, 0.01), ("c", 0.7, 0.001)]
    return [
        small_run(
            title,
            {"val/acc": [0.1, acc, acc - 0.1], "train/loss": [2.0, 1.0 - acc, 0.5]},
            {"lr": lr, "batch": 32, "opt": "SGD"},
            **changes,
        )
        for title, acc, lr in given
    ]


def test_the_table_ranks_runs_and_shows_only_settings_that_differ():
    (table,) = of(Table, runs.build(compared(*three())))
    columns = named_columns(table)
    assert columns == ["run", "highest val/acc", "last val/acc", "lowest train/loss", "lr", "duration"]
    assert "The same in all: status finished, findings none, best at step 1, points 6." in table.caption
    best = dict(zip(columns, table.rows[0], strict=True))
    assert (best["run"].text, best["run"].role) == ("b", "run1")
    assert (best["highest val/acc"], best["last val/acc"]) == ("90.0\u00a0%", "80.0\u00a0%")
    assert (best["lowest train/loss"], best["lr"]) == ("0.1", "0.01")
    assert [row[0].text for row in table.rows] == ["b", "c", "a"]


def test_a_run_with_findings_is_marked_and_leads_to_them():
    comparison = compared(*three(), findings={1: [finding(), finding("warning")], 2: [finding("warning")]})
    (table,) = of(Table, runs.build(comparison))
    assert [row[1] for row in table.rows] == ["1\u00a0error, 1\u00a0warning", "1\u00a0warning", "none"]
    assert table.marks == ((0, 1),)
    section = findings.build(comparison)
    assert [fold.anchor for fold in of(Fold, section)] == [row[0].target for row in table.rows[:2]]
    assert [fold.title for fold in of(Fold, section)] == ["b: 1\u00a0error, 1\u00a0warning", "c: 1\u00a0warning"]
    assert (section.count, section.level) == (2, "error")
    (rules,) = of(Table, section)
    assert rules.rows == (("nan_loss", "error", 1, "b"), ("nan_loss", "warning", 2, "b and c"))
    told = of(Fold, section)[0].blocks[0]
    assert isinstance(told, Finding)
    assert (told.id, told.where.tag, told.where.step) == ("nan_loss", "train/loss", 3)


def test_nothing_found_is_said():
    section = findings.build(compared(*three()))
    assert (section.blocks, section.level) == ((), "")
    assert section.how.startswith("Nothing wrong was found in 3 runs")


def test_of_very_many_findings_the_first_runs_are_told(monkeypatch):
    monkeypatch.setattr(findings, "TOLD", 5)
    comparison = compared(*three(), findings={k: [finding()] * 4 for k in range(3)})
    section = findings.build(comparison)
    assert len(of(Fold, section)) == 1
    assert [text.text for text in of(Text, section)] == ["Of 2 more runs the findings are on their own pages."]


def test_each_metric_has_one_chart_with_one_line_a_run_of_the_same_role_everywhere():
    section = curves.build(compared(*three()))
    charts = of(LineChart, section)
    assert [chart.title for chart in charts] == ["val/acc", "train/loss"]
    assert [[(line.name, line.role) for line in chart.lines] for chart in charts] == [
        [("b", "run1"), ("c", "run2"), ("a", "run3")]
    ] * 2
    assert charts[0].lines[0].y == pytest.approx((0.1, 0.9, 0.8))
    assert charts[0].y_format == "percent"
    assert charts[0].caption == "Highest is b, 90.0\u00a0% at step 1; a gets no further than 50.0\u00a0%."
    (legend,) = of(Legend, section)
    assert [(item.text, item.role) for item in legend.items] == [("b", "run1"), ("c", "run2"), ("a", "run3")]
    assert legend.note == ""
    assert [row[0] for row in charts[0].numbers.rows] == ["b", "c", "a"]


def test_more_runs_are_grey_and_still_more_are_not_drawn():
    many = [small_run(f"run {number:02d}", {"val/acc": [0.1, 1 - number / 100]}) for number in range(30)]
    section = curves.build(compared(*many))
    (chart,) = of(LineChart, section)
    roles = [line.role for line in chart.lines]
    # Grey ones first, so that they lie under the others.
    assert roles == ["rest"] * 16 + [f"run{number}" for number in range(1, 9)]
    (legend,) = of(Legend, section)
    assert [item.text for item in legend.items] == [f"run {number:02d}" for number in range(8)]
    assert legend.note == (
        "Thin and grey: the 16 runs of ranks 9 to 24. Those of lower rank are not drawn (6 in the table above)."
    )
    assert len(chart.numbers.rows) == 24
    assert chart.numbers.total == 30


def test_a_run_that_did_not_log_a_metric_and_one_that_broke_down_are_named():
    given = [{"val/acc": [0.5, 0.6], "x": [1.0, 2.0]}, {"val/acc": [0.4, math.nan, math.inf]}, {"val/acc": [0.1, 0.2]}]
    charts = of(LineChart, curves.build(compared(*(small_run(f"r{k}", each) for k, each in enumerate(given)))))
    assert "r1 is NaN first at step 1." in charts[0].caption
    assert charts[1].notes == ("2 of 3 runs did not log it.",)
    assert charts[1].caption == "r0 ends at 2."


@pytest.mark.parametrize(("broken", "told"), [(2, "."), (3, "; so is 1 more run."), (4, "; so are 2 more runs.")])
def test_of_many_runs_that_broke_down_two_are_named_and_the_others_counted(broken, told):
    runs = [small_run(f"r{k}", {"val/acc": [0.5, math.nan if k < broken else 0.6]}) for k in range(5)]
    (chart,) = of(LineChart, curves.build(compared(*runs)))
    assert re.search(r"r\d is NaN first at step 1; r\d is NaN first at step 1(.*)$", chart.caption)[1] == told


def test_charts_are_bounded_and_the_other_metrics_listed():
    scalars = {f"m{number:02d}": [1.0, 2.0] for number in range(40)} | {"single/acc": [0.5]}
    section = curves.build(compared(small_run("a", scalars), small_run("b", scalars)))
    assert len(of(LineChart, section)) == 25
    (table,) = of(Table, section)
    assert len(table.rows) == 16
    assert ("single/acc", 2, "50.0\u00a0%", "50.0\u00a0%", "50.0\u00a0%", "a") in table.rows
    assert "25 metrics of 41 are drawn" in section.how


def test_epochs_and_steps_on_one_chart_are_placed_by_optimizer_steps():
    epochs = dataclasses.replace(series_of([1.0, 2.0]), optimizer_steps=array("q", [0, 100]))
    runs_given = [small_run("steps", {"loss": [1.0] * 101}), small_run("epochs")]
    runs_given[1] = dataclasses.replace(runs_given[1], scalars={"loss": epochs})
    (chart,) = of(LineChart, curves.build(compared(*runs_given)))
    assert chart.x_label == "optimizer step"
    (note,) = chart.notes
    assert note.startswith("The steps given with epochs end at 1, those of the others do not")


def test_numeric_settings_are_drawn_against_the_metric_from_three_runs_on():
    section = settings_section.build(compared(*three()))
    (chart,) = of(ScatterChart, section)
    assert (chart.title, chart.x_label, chart.y_label) == ("lr", "lr", "highest val/acc")
    assert [x for x, _ in chart.points] == [0.01, 0.001, 0.1]
    assert [y for _, y in chart.points] == pytest.approx([0.9, 0.7, 0.5])
    assert chart.log_x
    (table,) = of(Table, section)
    assert [row[:3] for row in table.rows] == [("lr", "0.001", 1), ("lr", "0.01", 1), ("lr", "0.1", 1)]
    assert table.strong == ((1, 3),)
    assert of(ScatterChart, settings_section.build(compared(*three()[:2]))) == []


def test_runs_with_the_same_value_are_taken_together():
    given = [("SGD", 0.5), ("SGD", 0.8), ("Adam", 0.6), (None, 0.9)]
    runs_given = [
        small_run(f"r{k}", {"val/acc": [acc]}, {"opt": opt} if opt else {}) for k, (opt, acc) in enumerate(given)
    ]
    (table,) = of(Table, settings_section.build(compared(*runs_given)))
    assert table.rows == (
        ("opt", "Adam", 1, "60.0\u00a0%", "60.0\u00a0%"),
        ("opt", "SGD", 2, "80.0\u00a0%", "65.0\u00a0%"),
        ("opt", "not given", 1, "90.0\u00a0%", "90.0\u00a0%"),
    )


def test_settings_that_all_runs_share_are_said_once():
    section = settings_section.build(compared(*three()))
    (fold,) = of(Fold, section)
    (shared,) = fold.blocks
    assert isinstance(shared, KeyValues)
    assert ("batch", "32") in shared.items
    assert ("opt", "SGD") in shared.items
    assert not fold.open


def test_without_a_shared_metric_the_page_says_so_and_shows_the_settings():
    comparison = compared(small_run("a", {"x": [1.0]}, {"lr": 1}), small_run("b", {"y": [1.0]}, {"lr": 2}))
    assert "no metric that says which is better" in runs.build(comparison).how
    assert "none is called best" in said(header(comparison).verdict)
    (table,) = of(Table, settings_section.build(comparison))
    assert table.rows == (("lr", "1 and 2"),)


def test_the_header_says_which_is_best_how_they_ended_and_what_is_wrong():
    given = three()
    given[0] = dataclasses.replace(given[0], meta=dataclasses.replace(given[0].meta, status="failed"))
    top = header(compared(*given, findings={0: [finding()]}))
    assert (top.title, top.status, top.level) == ("Several runs", "3 runs, 1 with errors", "error")
    assert said(top.verdict) == (
        "Of 3 runs, b has the highest validation accuracy, 90.0\u00a0% at step 1; the last of them gets to "
        "50.0\u00a0%. 2 finished and 1 failed. 1 run has errors: a. "
    )
    values = {stat.label: (stat.value, stat.detail, stat.level) for stat in top.stats.items}
    assert values == {
        "best val/acc": ("90.0\u00a0%", "b", ""),
        "finished": ("2 of 3", "1 failed", ""),
        "with errors": ("1", "", "error"),
        "with warnings": ("0", "none", ""),
    }


def test_a_title_that_all_runs_share_is_the_pages():
    top = header(compared(small_run("digits"), small_run("digits")))
    assert (top.title, top.level) == ("digits", "ok")


def test_imported_runs_are_neither_finished_nor_in_trouble():
    top = header(compared(*three(status=IMPORTED)))
    assert top.level == "ok"
    assert "read from event files" in said(top.verdict)
    assert ("imported", "3 of 3") in [(stat.label, stat.value) for stat in top.stats.items]


def test_what_could_not_be_read_is_listed_with_its_reason():
    overview = Overview((member("good", small_run("good")),), (Unread("bad", "it is torn"),), 1)
    comparison = compare(thinned(overview))
    tables = of(Table, runs.build(comparison))
    assert tables[-1].rows == (("bad", "it is torn"),)
    assert said(header(comparison).verdict).endswith("1 more run could not be read.")
    assert header(comparison).level == "warning"


def test_runs_without_anything_make_a_page():
    top, sections, footer = build_overview(compared(small_run(""), small_run("")).overview)
    assert [section.id for section in sections] == ["runs", "hyperparameters", "findings"]
    assert top.title == "Several runs"
    assert "reportgen build RUN" in footer[0]
