"""Charts of metrics."""

import dataclasses
import math
from array import array

from reportgen.blocks import Fold, LineChart, Table
from reportgen.diagnose import diagnose
from reportgen.run.logged import HParams
from reportgen.run.records import Run
from reportgen.run.series import Series, Stamp
from reportgen.sections.axis import place
from reportgen.sections.curves import curve_of, curves_of
from reportgen.sections.metric_chart import metric_chart
from reportgen.sections.metrics import build, grouped
from reportgen.testing import fake_run
from reportgen.testing.run import series_of


def blocks_of(run: Run):
    return build(run, diagnose(run)).blocks


def charts(scalars) -> list[LineChart]:
    return [b for b in blocks_of(fake_run(scalars=scalars)) if isinstance(b, LineChart)]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_splits_of_a_metric_share_a_chart_with_their_colours():
    (chart,) = charts({"val/loss": [2.0, 1.0], "train/loss": [2.0, 1.0], "test/loss": [2.0, 1.5]})

    assert chart.title == "loss"
    assert [(line.name, line.role) for line in chart.lines] == [("train",) * 2, ("val",) * 2, ("test",) * 2]
    assert chart.anchor == "metric-loss"


def test_losses_come_first_then_metrics_then_the_rest():
    scalars = {
        tag: [1.0, 2.0] for tag in ("lr", "zeta", "val/acc", "train/aux_loss", "train/f1", "train/loss", "val/loss")
    }

    assert [chart.title for chart in charts(scalars)] == ["loss", "aux_loss", "acc", "f1", "lr", "zeta"]


def test_the_best_value_is_ringed_on_validation():
    (chart,) = charts({"train/acc": [0.5, 0.6, 0.7], "val/acc": [0.5, 0.983, 0.9]})
    train, val = chart.lines

    assert train.best is None
    assert (val.best.x, val.best.y, plain(val.best.text)) == (1.0, 0.983, "98.3 %")
    assert chart.y_format == "percent"


def test_a_metric_of_unknown_direction_has_no_best():
    (chart,) = charts({"val/temperature": [1.0, 2.0]})

    assert chart.lines[0].best is None


def test_the_caption_states_the_numbers():
    train = [2.31, 1.0, 0.5, 0.031]
    (chart,) = charts({"train/loss": train, "val/loss": series_of([0.5, 0.066, 0.087], [100, 630, 900])})

    assert chart.caption == "Train falls from 2.31 to 0.031; val is lowest, 0.066, at step 630, and ends at 0.087."


def test_captions_of_other_shapes():
    def caption(values):
        return charts({"x": values})[0].caption

    assert caption([3.0]) == "x is 3 at step 0."
    assert caption([3.0, 3.0]) == "x stays at 3."
    assert caption([1.0, 5.0, 0.5, 2.0]) == "x rises from 1 to 2, down to 0.5 and up to 5 in between."
    assert caption([math.nan, math.inf]) == "x has no finite value. every value of x is NaN or infinite.".replace(
        "every", "Every"
    )
    assert caption([1.0, math.nan, 2.0]) == "x rises from 1 to 2. x is NaN first at step 1: 1 point cannot be drawn."


def test_captions_and_the_summary_tell_apart_what_differs():
    run = fake_run(
        scalars={"train/loss": [2.3024, 2.3011, 2.3039], "val/acc": [0.98141, 0.98143, 0.98141]}, predictions=()
    )
    told = {block.title: block for block in build(run, diagnose(run)).blocks}
    rows = {row[0]: [cell.replace("\u00a0", " ") for cell in row[1:6]] for row in told["All drawn series"].rows}

    assert told["loss"].caption == "Train rises from 2.302 to 2.304."
    assert told["acc"].caption.replace("\u00a0", " ") == "Val is highest, 98.143 %, at step 1, and ends at 98.141 %."
    assert rows["train/loss"] == ["2.302", "2.304", "2.301", "2.304", "2.301"]
    assert rows["val/acc"] == ["98.141 %", "98.141 %", "98.141 %", "98.143 %", "98.143 %"]
    assert told["acc"].lines[0].best.text.replace("\u00a0", " ") == "98.143 %"


def test_a_best_value_that_comes_back_at_the_end_is_said_once():
    run = fake_run(scalars={"val/acc": [0.5, 0.9, 0.8, 0.9]}, predictions=())
    (chart,) = [block for block in build(run, diagnose(run)).blocks if isinstance(block, LineChart)]

    assert chart.caption.replace("\u00a0", " ") == "Val is highest, 90.0 %, at step 1, and ends there."


def test_digits_end_where_a_number_holds_no_more():
    curve = curve_of(fake_run(), "train/loss", series_of([1.0]))

    assert curve.apart(2.3, 2.3 + 1e-12) == ["2.3", "2.3"]
    assert curve.apart(2.0, math.nan, math.inf) == ["2", "NaN", "∞"]
    assert curve.apart(1234.1, 1234.2) == ["1234.1", "1234.2"]


def test_positive_values_over_many_decades_are_drawn_on_a_logarithmic_axis():
    assert charts({"loss": [100.0, 0.1]})[0].log_y
    assert not charts({"loss": [100.0, 1.0]})[0].log_y
    assert not charts({"loss": [100.0, 0.1, 0.0]})[0].log_y
    assert not charts({"val/acc": [1e-4, 1.0]})[0].log_y


def test_values_far_below_all_others_are_told_under_the_chart():
    wide = [1e-3, 1.0] * 20
    assert charts({"ratio": wide})[0].notes == ()
    (told,) = charts({"ratio": [*wide, 1e-10]})
    assert told.log_y
    assert told.notes == ("One value, 1e-10, is below the axis and drawn at its lower edge.",)


def test_an_epoch_count_beside_steps_is_placed_by_optimizer_steps():
    val = dataclasses.replace(series_of([1.0, 0.5, 0.4], [1, 2, 3]), optimizer_steps=array("q", [90, 180, 270]))
    (chart,) = charts({"train/loss": [1.0] * 271, "val/loss": val})

    assert chart.x_label == "optimizer step"
    assert chart.lines[1].x == (90.0, 180.0, 270.0)
    assert chart.lines[1].best.x == 270.0
    assert "val/loss end at 3" in chart.notes[0]
    assert chart.numbers.columns[0].name == "optimizer step"


def test_a_line_that_stops_early_stays_where_it_is():
    (chart,) = charts({"train/loss": [1.0] * 271, "val/loss": series_of([1.0], [10])})

    assert (chart.x_label, chart.notes) == ("step", ())


def test_steps_that_start_again_each_epoch_are_placed_by_optimizer_steps():
    again = Series(
        steps=array("q", [0, 1, 2, 0, 1, 2]),
        values=array("d", [6, 5, 4, 3, 2, 1]),
        times=array("d", range(6)),
        epochs=array("d", [math.nan] * 6),
        optimizer_steps=array("q", [1, 2, 3, 4, 5, 6]),
        logged=6,
    )
    (chart,) = charts({"train/loss": again})

    assert chart.lines[0].x == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert chart.lines[0].y == (6.0, 5.0, 4.0, 3.0, 2.0, 1.0)


def test_x_is_ascending_even_where_nothing_better_is_known():
    odd = dataclasses.replace(series_of([1.0, 2.0, 3.0], [5, 1, 3]), optimizer_steps=array("q", [0, 0, 0]))
    (chart,) = charts({"a": odd})

    assert chart.lines[0].x == (1.0, 3.0, 5.0)
    assert chart.lines[0].y == (2.0, 3.0, 1.0)


def test_a_resumed_attempt_begins_a_new_stretch():
    series = dataclasses.replace(series_of([4.0, 3.0, 2.0, 1.0], [0, 10, 20, 30]), restarts=(20,))
    (chart,) = charts({"train/loss": series})

    assert chart.lines[0].breaks == (2,)


def test_numbers_have_at_most_a_hundred_rows_with_ends_best_and_first_bad_value():
    values = [1.0 + (k % 7) for k in range(1000)]
    values[123], values[457] = 0.01, math.nan
    (chart,) = charts({"val/loss": values})
    numbers = chart.numbers

    steps = [row[0] for row in numbers.rows]
    assert len(steps) <= 100
    assert steps == sorted(steps)
    assert {0, 123, 457, 999} <= set(steps)
    assert numbers.total == 1000
    assert numbers.folded
    assert (123, 0.01) in [row[:2] for row in numbers.rows]


def test_numbers_prefer_steps_at_which_every_line_has_a_value():
    train = series_of([1.0] * 500, list(range(0, 1000, 2)))
    val = series_of([2.0] * 200, list(range(0, 1000, 5)))
    (chart,) = charts({"train/loss": train, "val/loss": val})

    rows = chart.numbers.rows
    assert len(rows) <= 100
    assert sum(None in row for row in rows) < 10


def test_the_more_charts_the_fewer_rows_of_numbers():
    drawn = charts({f"x{k}": [float(k + j) for j in range(300)] for k in range(10)})

    assert all(40 <= len(chart.numbers.rows) <= 50 for chart in drawn)


def test_numbers_of_lines_with_different_steps_leave_gaps():
    (chart,) = charts({"train/loss": [3.0, 2.0, 1.0], "val/loss": series_of([2.5], [1])})

    assert [row[:3] for row in chart.numbers.rows] == [(0, 3.0, None), (1, 2.0, 2.5), (2, 1.0, None)]


def test_the_summary_lists_every_drawn_series():
    blocks = blocks_of(fake_run(scalars={"train/loss": [2.0, 0.5, 1.0], "lr": [0.1, 0.2]}))
    summary = blocks[-1]

    assert summary.rows == (
        ("train/loss", "2", "1", "0.5", "2", "0.5", 1, 3),
        ("lr", "0.1", "0.2", "0.1", "0.2", None, None, 2),
    )


def test_tags_that_differ_only_in_case_are_two_lines_with_two_names():
    (chart,) = charts({"Case": [1.0, 2.0], "case": [2.0, 1.0]})

    assert [line.name for line in chart.lines] == ["Case", "case"]
    assert len({line.role for line in chart.lines}) == 2


def test_an_empty_tag_has_a_name_to_read():
    (chart,) = charts({"": [1.0, 2.0]})

    assert (chart.title, chart.lines[0].name) == ("(no name)", "(no name)")
    assert chart.caption == "(no name) rises from 1 to 2."


def test_many_metrics_stay_bounded_and_the_total_is_stated():
    run = fake_run(scalars={f"m{k % 90}/x{k}": [1.0, 2.0, 3.0] for k in range(10_000)})
    view = build(run, diagnose(run))
    drawn = [b for b in view.blocks if isinstance(b, LineChart)]
    folds = [b for b in view.blocks if isinstance(b, Fold)]
    listed = [b for fold in folds for b in fold.blocks if isinstance(b, Table)]

    assert len(drawn) == 25
    assert "10,000 metrics in all" in view.how
    assert sum(len(table.rows) for table in listed) <= 200
    assert "9,975" in folds[0].title
    assert len(repr(view)) < 200_000


def test_thirty_metrics_list_the_last_five_in_folded_groups():
    scalars = {f"group{k % 2}/x{k}": [1.0, 2.0, 3.0] for k in range(30)}
    folds = [b for b in blocks_of(fake_run(scalars=scalars)) if isinstance(b, Fold)]
    rows = [row for fold in folds for row in fold.blocks[0].rows]

    assert len(rows) == 5
    assert rows[0][-1].values == (1.0, 2.0, 3.0)
    assert all("group1" in fold.title for fold in folds)


def test_without_a_logged_number_there_is_no_section():
    run = fake_run(scalars={"x": []})

    assert build(run, diagnose(run)) is None


def test_a_single_value_that_stands_beside_the_hyperparameters_has_no_chart():
    sessions = (HParams(Stamp(0), {"lr": 0.1}, {"hparam/accuracy": 0.9, "train/loss": 0.4}),)
    run = fake_run(steps=4, scalars={"hparam/accuracy": [0.9], "train/loss": [2.0, 1.0, 0.5, 0.4]}, hparams=sessions)
    view = build(run, diagnose(run))

    assert [block.title for block in view.blocks if isinstance(block, LineChart)] == ["loss"]


def by_time(steps, times, values=None):
    """A series as a writer records it: no optimizer steps, but times."""
    values = values or [1.0 + at for at in range(len(steps))]
    unknown = array("q", [0] * len(steps))
    return dataclasses.replace(series_of(values, steps), times=array("d", times), optimizer_steps=unknown)


def test_batches_and_epochs_without_optimizer_steps_are_placed_by_time():
    train = by_time(range(90), [1000.0 + at for at in range(90)])
    test = by_time([0, 1, 2], [1029.5, 1059.5, 1089.5])
    chart = metric_chart(grouped(curves_of(fake_run(scalars={"train/loss": train, "test/loss": test})))[0], "loss", 100)

    assert chart.x_label == "seconds"
    assert chart.lines[0].x[:3] == (0.0, 1.0, 2.0)
    assert chart.lines[1].x == (29.5, 59.5, 89.5)
    assert chart.lines[1].best.x == 29.5
    assert chart.notes == (
        "The steps given with test/loss end at 2, those of the others do not, so all points are placed by the time "
        "since the run began.",
    )
    names = [column.name for column in chart.numbers.columns]
    assert names[:4] == ["after", "train", "test", "step"]
    assert (29.5, None, 1.0, 0) in [row[:4] for row in chart.numbers.rows]


def test_a_long_run_is_placed_by_minutes_or_hours():
    def label(seconds):
        train = by_time(range(11), [1000.0 + at * seconds / 10 for at in range(11)])
        test = by_time([0, 1], [1000.0 + seconds / 2, 1000.0 + seconds])
        return place(curves_of(fake_run(scalars={"train/loss": train, "test/loss": test})), 1000.0)

    assert (label(600).label, label(600).unit) == ("minutes", 60.0)
    assert (label(36_000).label, label(36_000).unit) == ("hours", 3600.0)
    assert label(10_000_000).label == "hours"


def test_a_line_that_stops_early_in_time_too_stays_at_its_steps():
    train = by_time(range(90), [1000.0 + at for at in range(90)])
    test = by_time([0, 5, 10], [1000.0, 1005.0, 1010.0])
    axis = place(curves_of(fake_run(scalars={"train/loss": train, "test/loss": test})), 1000.0)

    assert (axis.label, axis.notes, axis.start) == ("step", (), None)


def test_steps_that_disagree_without_times_are_told():
    train, test = by_time(range(90), []), by_time([0, 1, 2], [])
    axis = place(curves_of(fake_run(scalars={"train/loss": train, "test/loss": test})), 0.0)

    assert (axis.label, axis.start) == ("step", None)
    assert axis.notes == (
        "The steps given with test/loss end at 2, those of the others do not: they may count something else, such as "
        "epochs.",
    )


def test_a_tag_that_begins_like_a_split_begins_a_caption_as_it_is():
    (chart,) = charts({"values/half": [1.0, 2.0]})
    assert chart.caption.startswith("values/half rises")

    (chart,) = charts({"everything": [math.nan, 2.0]})
    assert chart.caption.startswith("everything is 2 at step 1. everything is NaN first")
