"""Where resumed attempts begin, and what that means for lines and tables."""

import dataclasses
import math
from array import array

from reportgen.run.series import Series
from reportgen.sections.attempts import numbered, overlapping, starts
from reportgen.sections.curves import Curve
from reportgen.sections.metric_chart import metric_chart
from reportgen.testing.run import STARTED, series_of


def again(steps, restarts, times=None) -> Series:
    return Series(
        steps=array("q", steps),
        values=array("d", [float(k) for k in range(len(steps))]),
        times=array("d", times if times is not None else [STARTED + k for k in range(len(steps))]),
        epochs=array("d", [math.nan] * len(steps)),
        optimizer_steps=array("q", [0] * len(steps)),
        logged=len(steps),
        restarts=tuple(restarts),
    )


def curve(series: Series, tag: str = "loss") -> Curve:
    return Curve(tag, "", tag, series)


def test_an_attempt_begins_where_its_first_step_is_reached():
    assert starts(again([0, 10, 20, 30], [20])) == [2]
    assert starts(again([0, 10, 20, 30], [15])) == [2]
    assert starts(again([0, 10, 20, 30], [0])) == []
    assert starts(again([0, 10, 20, 30], [50])) == []


def test_an_attempt_begins_where_steps_go_back():
    assert starts(again([*range(10), *range(5, 8)], [5])) == [10]
    assert starts(again([*range(10), *range(5)], [0])) == [10]
    assert starts(again([0, 1, 2, 0, 1, 2, 3, 1, 2], [0, 1])) == [3, 7]
    assert starts(again([0, 10, 20, 30, 25, 35], [10, 25])) == [1, 4]
    assert numbered(again([0, 1, 2, 0, 1, 2, 3, 1, 2], [0, 1])) == [0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_attempts_are_found_where_their_first_points_were_thinned_away():
    assert starts(again([0, 3, 7, 2, 5, 8, 1, 6], [0, 0])) == [3, 6]
    assert starts(again([0, 3, 7, 9, 13, 12, 15], [8, 11])) == [3, 5]


def test_an_attempt_may_begin_with_the_step_that_the_last_one_ended_with():
    assert starts(again([0, 1, 2, 2, 3], [2])) == [3]
    chart = metric_chart([curve(again([0, 1, 2, 2, 3], [2]))], "loss", started=STARTED)
    assert [row[:3] for row in chart.numbers.rows[2:4]] == [(2, 2.0, 0), (2, 3.0, 1)]


def test_attempts_that_share_no_step_are_not_told_apart():
    assert overlapping([curve(again([0, 10, 20, 30], [20]))]) == [[0] * 4]


def test_what_an_attempt_did_not_record_is_placed_by_time():
    loss = again([0, 1, 2, 3, 1, 2], [1])
    late = again([1, 2], [], times=[STARTED + 4, STARTED + 5])

    assert overlapping([curve(loss), curve(late, "late")]) == [[0, 0, 0, 0, 1, 1], [1, 1]]


def test_steps_that_two_attempts_share_are_two_stretches_and_two_rows():
    chart = metric_chart([curve(again([0, 1, 2, 1, 2, 3], [1]))], "loss", started=STARTED)

    (line,) = chart.lines
    assert line.x == (0.0, 1.0, 2.0, 1.0, 2.0, 3.0)
    assert line.y == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert line.breaks == (3,)
    assert [column.name for column in chart.numbers.columns] == ["step", "loss", "attempt", "after", "2026-11-23, UTC"]
    assert [row[:3] for row in chart.numbers.rows] == [
        (0, 0.0, 0),
        (1, 1.0, 0),
        (2, 2.0, 0),
        (1, 3.0, 1),
        (2, 4.0, 1),
        (3, 5.0, 1),
    ]
    assert len(chart.clock.knots) == 2


def test_a_restart_whose_steps_go_on_keeps_one_row_a_step():
    train = dataclasses.replace(series_of([4.0, 3.0, 2.0], [0, 10, 20]), restarts=(20,))
    chart = metric_chart([curve(train), curve(series_of([1.0], [20]), "val")], "loss", started=STARTED)

    assert chart.lines[0].breaks == (2,)
    assert [row[:3] for row in chart.numbers.rows] == [(0, 4.0, None), (10, 3.0, None), (20, 2.0, 1.0)]
