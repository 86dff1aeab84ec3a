"""The top of the page: facts, verdict, key numbers."""

import dataclasses
import math
from array import array

import pytest

from reportgen.blocks.finding import Finding
from reportgen.diagnose import Diagnosis, diagnose
from reportgen.diagnose.reading.outcome import outcome
from reportgen.run.evidence import Evidence, LoaderUse
from reportgen.run.records import Attempt, Environment, Git, Meta, Run
from reportgen.sections import environment
from reportgen.sections.header import header
from reportgen.sections.pace import pace
from reportgen.sections.verdict import verdict
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.healthy import healthy


def top(run: Run):
    return header(run, diagnose(run))


def said(run: Run) -> str:
    return "".join(part.text for part in top(run).verdict)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_facts_are_those_of_the_run():
    facts = [plain(fact) for fact in top(healthy()).facts]

    assert facts[0] == "23 s on 2 CPU cores"
    assert facts[1].startswith("449 steps, ")
    assert facts[2:] == [
        "commit 0123456, with uncommitted changes",
        "seed 0",
        "torch 2.15.0",
        "watching cost 0.9 % of the run",
    ]


def test_facts_that_are_not_known_are_left_out():
    run = Run(schema=1, meta=Meta("x", "running", 100.0))

    assert top(run).facts == ()


def test_facts_of_another_machine():
    environment = Environment(
        processors=16, accelerators=("NVIDIA H200", "NVIDIA H200"), git=Git("abc", dirty=None), seeds={"a": 1, "b": 2}
    )
    meta = Meta("x", "finished", 100.0, 100.0 + 3725, environment=environment)

    assert [plain(f) for f in top(Run(schema=1, meta=meta)).facts] == [
        "1 h 2 min on 2 × NVIDIA H200",
        "commit abc",
        "seeds a 1, b 2",
    ]


def test_a_resumed_run_took_as_long_as_its_attempts():
    attempts = (Attempt(0, 0.0, None, 10.0, "failed"), Attempt(1, 1000.0, 5, 1020.0, "finished"))
    run = Run(schema=1, meta=Meta("x", "finished", 0.0, 1020.0, attempts=attempts))

    assert plain(top(run).facts[0]) == "30 s"


def test_the_verdict_of_a_healthy_run():
    run = fake_run(scalars={"val/acc": [0.5, 0.983, 0.981], "train/loss": [2.0, 1.0, 0.5]})

    assert plain(said(run)) == (
        "Validation accuracy reached 98.3 % at step 1, and ended at 98.1 %. "
        f"Nothing wrong was found in {len(diagnose(run).passed)} checks."
    )
    assert [part.text for part in top(run).verdict if part.style == "strong"] == ["98.3\u00a0%", "98.1\u00a0%"]


def test_the_verdict_falls_back_to_the_loss():
    assert said(fake_run(scalars={"train/loss": [2.0, 1.0, 0.5]}, predictions=())).startswith(
        "Training loss fell from 2 to 0.5 over 3 values. "
    )
    assert said(fake_run(scalars={"loss": [2.0, 3.0]}, predictions=())).startswith("Loss rose from 2 to 3")


def test_recorded_predictions_stand_in_for_a_metric_that_was_not_logged():
    assert said(fake_run(scalars={"train/loss": [2.0, 1.0]})).startswith("Validation accuracy ")


def test_the_verdict_of_a_failed_run_says_where():
    run = fake_run(failure=True)

    assert said(run).startswith(
        "The run failed at step 449 in fc2 with RuntimeError: "
        "mat1 and mat2 shapes cannot be multiplied (32x1600 and 576x128). "
    )
    assert (top(run).status, top(run).level) == ("failed", "error")


def test_the_verdict_names_the_worst_findings():
    run = fake_run(scalars={"train/loss": [2.0, math.nan]}, predictions=())

    assert said(run).endswith("One thing wants attention: train/loss is NaN at step 1.")
    assert ("train/loss", "code") in [(part.text, part.style) for part in top(run).verdict]


def test_an_accuracy_at_chance_is_called_that():
    run = fake_run(scalars={"val/acc": [0.1, 0.1]})
    last = run.predictions[-1]
    counts = tuple(tuple(18 if column in (4, 5) else 0 for column in range(10)) for _ in range(10))
    run = dataclasses.replace(run, predictions=(*run.predictions[:-1], dataclasses.replace(last, confusion=counts)))

    assert plain(said(run)).startswith(
        "Validation accuracy ended at 10.0 %, no better than always saying one class. Nothing else wrong was found in "
    )


def test_an_accuracy_at_chance_is_called_that_where_the_finding_stands_under_its_cause():
    counts = tuple(tuple(18 if column == 4 else 0 for column in range(10)) for _ in range(10))
    run = fake_run(scalars={"val/acc": [0.09, 0.1]})
    run = dataclasses.replace(run, predictions=(dataclasses.replace(run.predictions[-1], confusion=counts),))
    told = "val accuracy ended at 10.0 %, no better than always saying one class"
    cause = Finding("dead_relu", "statistics", "warning", "All units of relu are dead", "why", "fix", also=(told,))
    ended = "Validation accuracy ended at its best value, 10.0 %. "

    def begun(*found: Finding) -> str:
        return plain("".join(part.text for part in verdict(run, Diagnosis(found, (), ()))))

    assert begun(cause).startswith("Validation accuracy ended at 10.0 %, no better than always saying one class. ")
    # Where nothing is said to be wrong, the first sentence does not say so either.
    assert begun().startswith(ended)
    assert begun(dataclasses.replace(cause, severity="info")).startswith(ended)


def test_a_metric_that_the_outcome_was_not_judged_by_is_not_called_chance():
    run = fake_run(scalars={"val/f1": [0.4, 0.6]})
    counts = tuple(tuple(18 if column == 4 else 0 for column in range(10)) for _ in range(10))
    run = dataclasses.replace(run, predictions=(dataclasses.replace(run.predictions[-1], confusion=counts),))
    cause = Finding("dead_relu", "statistics", "warning", "All units of relu are dead", "why", "fix")

    assert outcome(run).learned is False
    assert "no better" not in "".join(part.text for part in verdict(run, Diagnosis((cause,), (), ())))


def test_numbers_that_differ_are_written_so():
    run = fake_run(scalars={"train/loss": [2.3021, 2.3044], "val/loss": [2.30240, 2.30311]}, predictions=())
    details = {stat.label: (stat.value, stat.detail) for stat in top(run).stats.items}

    assert said(run).startswith("Validation loss rose from 2.302 to 2.303 over 2 values. ")
    assert details["train/loss"] == ("2.304", "from 2.302")
    assert details["val/loss"] == ("2.303", "lowest 2.302 at step 0")


def test_what_watching_cost_a_run_of_a_few_seconds_stands_with_its_environment_only():
    run = fake_run(steps=300)
    short = dataclasses.replace(run, meta=dataclasses.replace(run.meta, ended=run.meta.started + 9.0))
    (costs,) = [
        block
        for block in environment.build(short, diagnose(short)).blocks
        if getattr(block, "title", "") == "What collecting cost"
    ]

    assert any(fact.startswith("watching cost") for fact in top(run).facts)
    assert not any(fact.startswith("watching cost") for fact in top(short).facts)
    assert "%" in costs.caption


def test_key_numbers():
    stats = {stat.label: stat for stat in top(healthy()).stats.items}

    assert list(stats) == ["val/acc", "val/loss", "train/loss", "parameters", "step"]
    assert stats["parameters"].value == "93,962"
    assert plain(stats["parameters"].detail) == "21.8 MFLOP a sample"
    assert plain(stats["step"].value) == "50 ms"
    assert stats["train/loss"].spark.role == "train"
    assert 2 < len(stats["train/loss"].spark.values) <= 40
    assert stats["val/loss"].detail.startswith("lowest ")


def test_a_tracked_loader_tells_step_time_and_waiting():
    run = healthy()
    measures = {
        **run.measures,
        "step_seconds": {"train": series_of([0.015, 0.0142, 0.0141])},
        "data_wait": {"train": series_of([0.5, 0.03, 0.02])},
    }
    stat = top(dataclasses.replace(run, measures=measures)).stats.items[-1]

    assert plain(f"{stat.label} {stat.value} {stat.detail}") == "step 14.2 ms 3.0 % waiting for data"


def test_a_number_that_is_not_finite_stands_out():
    stats = {s.label: s for s in top(fake_run(scalars={"train/loss": [2.0, 1.0, math.nan]})).stats.items}

    assert (stats["train/loss"].value, stats["train/loss"].level) == ("NaN", "error")


def test_a_number_that_is_not_finite_is_never_called_an_end_that_was_reached():
    accuracy = said(fake_run(scalars={"val/acc": [0.5, 0.9, math.nan]}, predictions=()))
    loss = said(fake_run(scalars={"train/loss": [2.0, 1.0, math.nan]}, predictions=()))

    assert plain(accuracy).startswith("Validation accuracy reached 90.0 % at step 1, and ended at NaN. ")
    assert loss.startswith("Training loss began at 2 and ended at NaN. ")


def test_unfinished_runs_say_so():
    assert said(fake_run(status="running")).startswith("The run is not finished. ")
    assert top(fake_run(status="no end recorded")).level == "warning"
    assert "No end was recorded" not in said(fake_run(status="no end recorded"))


def test_a_tag_of_several_parts_begins_the_verdict_as_it_is():
    run = Run(schema=1, meta=Meta("x", "finished", 100.0), scalars={"loss/D": series_of([1.0, 0.5])})
    assert said(run).startswith("loss/D fell from 1")

    run = dataclasses.replace(run, scalars={"loss": series_of([1.0, 0.5])})
    assert said(run).startswith("Loss fell from 1")


def with_losses(*tags: str) -> Run:
    scalars = {tag: series_of([float(at + 2), float(at + 1)]) for at, tag in enumerate(tags)}
    return Run(schema=1, meta=Meta("x", "finished", 100.0), scalars=scalars)


def test_losses_of_which_none_is_more_general_are_all_said():
    both = with_losses("loss/D", "loss/G")
    assert said(both).startswith("loss/D fell from 2 to 1 over 2 values. loss/G fell from 3 to 2 over 2 values. ")
    assert [stat.label for stat in top(both).stats.items][:2] == ["loss/D", "loss/G"]

    many = with_losses("train/loss_a", "train/loss_b", "train/loss_c", "train/loss_d")
    assert said(many).startswith("Training loss_a fell from 2 to 1 over 2 values. Training loss_b fell from 3")
    assert "over 2 values. 2 more losses were logged. " in said(many)


@pytest.mark.parametrize("general", ["loss", "train/loss", "total_loss", "loss/total", "train/loss_sum"])
def test_a_loss_that_others_are_parts_of_stands_for_them(general):
    run = with_losses("loss/a", "loss/b", general)
    assert said(run).count("fell") == 1
    assert "from 4 to 3" in said(run)
    assert top(run).stats.items[0].value == "3"


def test_a_validation_loss_is_said_before_losses_of_training():
    assert said(with_losses("loss/D", "loss/G", "val/loss")).startswith("Validation loss fell from 4 to 3 over")


def test_the_pace_leaves_out_what_lies_between_attempts():
    times = array("d", [100.0, 100.1, 100.2, 900.0, 900.1, 900.2])
    series = dataclasses.replace(
        series_of([1.0] * 6, [0, 1, 2, 3, 4, 5]), times=times, optimizer_steps=array("q", [0] * 6), restarts=(3,)
    )

    assert pace(fake_run(scalars={"a": series}, measures={})).step == pytest.approx(0.1)


def test_attempts_of_a_single_point_tell_no_pace():
    times = array("d", [100.0, 200.0, 300.0])
    series = dataclasses.replace(
        series_of([1.0] * 3, [0, 10, 20]), times=times, optimizer_steps=array("q", [0] * 3), restarts=(10, 20)
    )

    assert pace(fake_run(scalars={"a": series}, measures={})) is None


def test_the_last_pass_counts_though_nothing_was_logged_after_it():
    run = fake_run(evidence=Evidence(loaders=(LoaderUse("train", passes=10),)))
    assert next(fact for fact in top(run).facts if "epoch" in fact).endswith("10 epochs")
    own = dataclasses.replace(run, scalars={**run.scalars, "epoch": series_of([1.0, 2.0])})
    assert not any("10 epochs" in fact for fact in top(own).facts)
