"""What checks that could not be made ask for, gathered into a few calls."""

import pytest

from reportgen.diagnose.needs import by_need, needed
from reportgen.diagnose.rule import Check
from reportgen.testing import HOSTILE


def calls(*whys):
    lacking, reasons = by_need([Check(str(at), "t", why) for at, why in enumerate(whys)])
    return {call: "".join(check.id for check in group) for call, group in lacking.items()}, list(reasons)


@pytest.mark.parametrize(
    ("why", "call"),
    [
        ('No loss was logged: call report.log({"train/loss": loss}).', 'report.log({"train/loss": loss})'),
        ("No data was tracked; pass the loader to report.track().", "the loader to report.track()"),
        ("Too few. Call report.watch(model).", "report.watch(model)"),
        ("All recorded samples are of one class.", ""),
        ("Nobody would call it that.", ""),
        ("", ""),
    ],
)
def test_what_is_asked_for_stands_after_call_or_pass(why, call):
    assert needed(why) == call


def test_calls_of_one_method_are_one_with_the_arguments_of_all():
    found, reasons = calls(
        "A: call report.watch(model, optimizer).",
        "B: call report.watch(model) before the first forward.",
        "C: call report.watch(model, optimizer, scheduler=scheduler).",
        "D: call report.watch(model, optimizer, criterion), or log it: report.log({...}).",
        'E: call report.log({"train/loss": loss}) at each step.',
        'F: call report.log({"val/loss": f(x, "\\"")}).',
        "G: call report.log({**all}).",
        "H: call for batch in report.track(loader).",
        "I: call model.eval().",
        "J is as it is.",
    )
    assert found == {
        "report.watch(model, optimizer, criterion, scheduler=scheduler)  # before the first forward": "0123",
        'report.log({"train/loss": loss, "val/loss": f(x, \'"\')})': "456",
        "model.eval()": "8",
        "report.track(loader)": "7",
    }
    assert reasons == ["J is as it is."]


def test_what_enables_most_checks_stands_first():
    found, _ = calls("A: call report.b().", "A: call report.a().", "A: call report.c().", "A: call report.c().")
    assert list(found) == ["report.c()", "report.a()", "report.b()"]


@pytest.mark.parametrize("text", [*HOSTILE, "report.x(" * 500, "report.x(((((", "report.x(**", "report.x(\x00)"])
def test_calls_that_cannot_be_read_still_name_their_method(text):
    found, reasons = calls(f"A: call {text}", f"B: call report.log({text}).")
    assert len(found) + len(reasons) <= 2
    assert any(call.startswith("report.") for call in found)


def test_each_split_is_a_call_of_its_own_and_the_training_data_stands_first():
    found, _ = calls(
        'A: call report.data("val", val_set).',
        'B: call report.data("val", val_set).',
        'C: call report.data("train", train_set).',
        "D: call report.track(loader).",
        'E: call report.track(val_loader, "val").',
        'F: call report.predictions(inputs, outputs, targets, split="val").',
        'G: call report.predictions(inputs, outputs, targets, split="test").',
        "H: call report.predictions(inputs, outputs, targets).",
    )
    assert list(found.items()) == [
        ('report.data("train", train_set)', "2"),
        ('report.predictions(inputs, outputs, targets, split="val")', "57"),
        ('report.data("val", val_set)', "01"),
        ('report.predictions(inputs, outputs, targets, split="test")', "6"),
        ("report.track(loader)", "3"),
        ('report.track(val_loader, "val")', "4"),
    ]


def test_what_is_asked_for_can_be_pasted():
    whys = [
        'A: call report.data("val", val_set).',
        'B: call report.data("train", train_set).',
        'C: call report.table("t", {"a": 1}, 3).',
        "D: call report.watch(model, optimizer) before 50 steps of training.",
        "E: call report.watch(model, optimizer, criterion).",
    ]
    for call in calls(*whys)[0]:
        compile(call, "pasted", "eval")
    assert 'report.table("t", {"a": 1}, 3)' in calls(*whys)[0]


def test_when_to_call_is_the_earliest_time_that_a_check_needs():
    assert list(
        calls("A: call report.watch(model) before training.", "B: call report.watch(model) before training.")[0]
    ) == ["report.watch(model)  # before training"]
    found, _ = calls(
        "A: call report.watch(model, optimizer) before 50 steps of training.",
        "B: call report.watch(model) before the first forward.",
        "C: call report.watch(model, optimizer, criterion), or log it.",
    )
    assert list(found) == ["report.watch(model, optimizer, criterion)  # before the first forward"]
    found, _ = calls("A: call report.watch(model, optimizer) before 50 steps of training.")
    assert list(found) == ["report.watch(model, optimizer)  # before training, of 50 steps or more"]
