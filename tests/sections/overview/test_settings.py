import dataclasses
import math

from reportgen.run.logged import HParams
from reportgen.run.records import Environment, Git
from reportgen.run.series import Stamp
from reportgen.sections.overview.settings import compared, in_order, settings_of
from tests.sections.overview.several import small_run


def found(*runs):
    return {setting.name: setting for setting in compared(runs)}


def test_a_setting_differs_where_values_do_or_only_some_runs_have_it():
    runs = [
        small_run(config={"lr": 0.1, "batch": 32, "one": 1, "name": "x"}),
        small_run(config={"lr": 0.2, "batch": 32.0, "one": True}),
    ]
    settings = found(*runs)
    assert {name for name, setting in settings.items() if setting.differs} == {"lr", "one", "name"}
    assert [settings["name"].text(0), settings["name"].text(1)] == ["x", ""]
    assert [settings["one"].text(0), settings["one"].text(1)] == ["1", "true"]


def test_nan_is_the_same_as_nan():
    assert not found(small_run(config={"a": math.nan}), small_run(config={"a": math.nan}))["a"].differs


def test_only_finite_numbers_are_numeric():
    run = small_run(config={"a": 1, "b": True, "c": "1", "d": math.inf, "e": None})
    assert [name for name, setting in found(run, run).items() if setting.numeric] == ["a", "seed"]


def test_hyperparameters_and_circumstances_are_settings_too():
    environment = Environment(
        packages={"torch": "2.15.0"}, git=Git("0123456789"), seeds={"torch": 4, "numpy": 4}, accelerators=("A", "A")
    )
    run = dataclasses.replace(
        small_run(config={"lr": 0.1}, environment=environment),
        hparams=(HParams(Stamp(0), {"lr": 0.2, "depth": 3}, name="session"),),
    )
    assert settings_of(run) == {
        "lr": 0.1,
        "hparams/lr": 0.2,
        "depth": 3,
        "torch": "2.15.0",
        "commit": "0123456",
        "accelerator": "A, A",
        "seed": 4,
    }


def test_of_several_sessions_in_one_run_none_is_taken_for_its_settings():
    sessions = tuple(HParams(Stamp(0), {"depth": depth}, name=f"s{depth}") for depth in (1, 2))
    run = dataclasses.replace(small_run(environment=Environment()), hparams=sessions)
    assert settings_of(run) == {}


def test_values_stand_in_the_order_of_their_size():
    assert in_order(["b10", 2, "b9", 0.5, None, True, 2.0]) == [0.5, 2, "b9", "b10", None, True]
