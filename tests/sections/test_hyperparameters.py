"""The table of hyperparameters."""

from reportgen.blocks import Table
from reportgen.diagnose import diagnose
from reportgen.run.logged import HParams
from reportgen.run.series import Stamp
from reportgen.sections.hyperparameters import build
from reportgen.testing import fake_run

NOW = Stamp(0)


def tables(*sessions: HParams, **fields) -> list[Table]:
    run = fake_run(steps=5, hparams=sessions, **fields)
    view = build(run, diagnose(run))
    return list(view.blocks) if view else []


def test_without_hyperparameters_there_is_no_section():
    assert tables() == []


def test_one_session_lists_parameters_with_their_types_beside_the_metrics():
    params = {"lr": 0.1, "batch": 32, "amp": True, "opt": "adam", "sched": None}
    parameters, metrics = tables(
        HParams(NOW, params, {"hparam/accuracy": 0.93, "speed": 7.0}, domains={"lr": (0.1, 0.01)})
    )

    assert parameters.rows == (
        ("amp", "bool", "True", ""),
        ("batch", "int", "32", ""),
        ("lr", "float", "0.1", "0.1, 0.01"),
        ("opt", "str", "adam", ""),
        ("sched", "None", "None", ""),
    )
    assert metrics.rows == (("hparam/accuracy", 0.93, "higher"), ("speed", 7.0, "not known"))


def test_several_sessions_are_rows_and_the_best_metric_is_bold():
    sessions = [
        HParams(NOW, {"lr": lr, "batch": 32}, {"loss": loss, "speed": 1.0}, name=f"trial {lr}")
        for lr, loss in ((0.1, 0.5), (0.01, 0.2), (0.001, 0.9))
    ]
    table, same = tables(*sessions)

    assert [column.name for column in table.columns] == ["session", "lr", "loss", "speed"]
    assert table.rows[1] == ("trial 0.01", "0.01", 0.2, 1.0)
    assert table.strong == ((1, 2),)
    assert table.caption == "The best value of loss is bold (lower is better)."
    assert same.rows == (("batch", "int", "32"),)


def test_values_that_are_equal_but_of_other_types_are_told_apart():
    table = tables(HParams(NOW, {"x": 1}), HParams(NOW, {"x": True}), HParams(NOW, {}))[0]

    assert [row[1] for row in table.rows] == ["1", "True", None]
    assert table.columns[1].hint == "int or bool"


def test_not_a_number_is_never_the_best():
    table = tables(
        HParams(NOW, {"a": 1}, {"loss": float("nan")}, name="x"), HParams(NOW, {"a": 2}, {"loss": 3.0}, name="y")
    )[0]

    assert table.strong == ((1, 2),)


def test_very_many_sessions_and_parameters_are_bounded_and_hold_the_best():
    sessions = [
        HParams(NOW, {f"p{k:02}": k * at for k in range(40)}, {"acc": 1.0 if at == 450 else 0.5}, name=f"s{at}")
        for at in range(500)
    ]
    table = tables(*sessions)[0]

    assert (len(table.rows), table.total) == (100, 500)
    assert len(table.columns) == 1 + 20 + 1
    assert "20 of 39 parameters are shown" in table.caption
    assert [table.rows[row][0] for row, _ in table.strong] == ["s450"]
