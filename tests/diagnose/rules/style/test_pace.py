"""Time that training waits."""

import dataclasses

import pytest

from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import judged, unchecked, with_measure
from tests.healthy import healthy


def waiting(share, seconds, passes=4, split="train"):
    run = with_measure(healthy(), "data_wait", {split: series_of([share] * passes)})
    return with_measure(run, "step_seconds", {split: series_of([seconds] * passes)})


@pytest.mark.parametrize(
    ("share", "seconds", "found"),
    [
        (0.9, 0.02, ["warning"]),
        (0.4, 0.02, ["info"]),
        (0.2, 0.02, []),
        (0.9, 0.002, []),  # 1.8 ms a batch
    ],
)
def test_a_loader_that_keeps_the_loop_waiting(share, seconds, found):
    findings = judged(waiting(share, seconds), "dataloader_bottleneck")

    assert [one.severity for one in findings] == found
    assert all("num_workers=4" in one.code for one in findings)


def test_the_first_pass_starts_the_workers_and_does_not_count():
    run = with_measure(healthy(), "data_wait", {"train": series_of([0.95, 0.1, 0.1])})
    run = with_measure(run, "step_seconds", {"train": series_of([0.5, 0.02, 0.02])})

    assert judged(run, "dataloader_bottleneck") == []


def loading(run, passes, batches):
    train, *others = run.evidence.loaders
    loaders = (dataclasses.replace(train, passes=passes, batches=batches), *others)
    return dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, loaders=loaders))


@pytest.mark.parametrize(
    ("passes", "batches", "found"),
    [
        (1, 5, None),
        (1, 99, "info"),  # the start of workers counts with it
        (1, 100, "warning"),
        (2, 8, None),
        (2, 10, "warning"),
        (6, 6, "warning"),  # five warm steps in as many passes
    ],
)
def test_waits_of_the_first_steps_do_not_tell_of_the_rest(passes, batches, found):
    run = loading(waiting(0.9, 0.02, passes=passes), passes, batches)

    if found is None:
        assert "5 steps after the start are needed" in unchecked(run, "dataloader_bottleneck")
    else:
        (finding,) = judged(run, "dataloader_bottleneck")
        assert finding.severity == found


def test_the_wait_for_validation_is_no_matter():
    assert "report.track(loader)" in unchecked(waiting(0.9, 0.02, split="val"), "dataloader_bottleneck")


def ending(status, after):
    run = fake_run()
    last = max(run.scalars["train/loss"].times)
    return dataclasses.replace(run, meta=dataclasses.replace(run.meta, status=status, ended=last + after))


@pytest.mark.parametrize(
    ("status", "after", "found"),
    [("ended without build()", 3600, 1), ("ended without build()", 30, 0), ("finished", 3600, 0)],
)
def test_a_run_that_stood_still_before_it_ended(status, after, found):
    findings = judged(ending(status, after), "stalled")

    assert len(findings) == found
    assert all(one.severity == "info" for one in findings)


def test_of_a_few_values_there_is_no_pace():
    assert "20 values" in unchecked(fake_run(scalars={"train/loss": [1.0, 0.5]}), "stalled")
