"""How a run ended, as findings."""

import pytest

from reportgen.diagnose import findings
from reportgen.run.graph import Fault, TensorSpec
from reportgen.run.records import Cause, Damage, Failure, Frame
from reportgen.run.series import Stamp
from reportgen.testing import fake_run


def test_an_exception_is_an_error_with_its_place_and_traceback():
    frames = (
        Frame("train.py", 88, "<module>", "train(model)"),
        Frame("train.py", 41, "train", "logits = model(images)"),
        Frame("torch/nn/modules/linear.py", 134, "forward", "return F.linear(x)", own=False),
    )
    failure = Failure("RuntimeError", "shapes\ndiffer", Stamp(7, 7), frames, module="fc1")

    (finding,) = findings(fake_run(status="failed", failure=failure))

    assert (finding.id, finding.tier, finding.severity) == ("run_failed", "fact", "error")
    assert finding.title == "The run failed at step 7 in fc1: RuntimeError"
    assert finding.why == "shapes\ndiffer"
    assert "train.py, line 41, in train" in finding.fix
    lines = finding.evidence.text.splitlines()
    assert [lines[k] for k in finding.evidence.marked] == [
        '  File "train.py", line 88, in <module>',
        "    train(model)",
        '  File "train.py", line 41, in train',
        "    logits = model(images)",
    ]
    assert lines[-2:] == ["RuntimeError: shapes", "differ"]


def test_what_the_failing_module_got_and_the_argument_to_change_are_told():
    fault = Fault(
        "fc1",
        "Linear",
        (TensorSpec((64, 576), "float32"),),
        "3,136 features in the last dimension",
        "Change in_features of fc1 from 3,136 to 576.",
        "nn.Linear(576, 128)",
    )
    frames = (Frame("net.py", 21, "forward", "x = self.fc1(x)"),)
    failure = Failure("RuntimeError", "shapes cannot be multiplied", Stamp(0), frames, "fc1", fault)

    (finding,) = findings(fake_run(status="failed", failure=failure))

    assert finding.id == "shape_mismatch"
    assert finding.title == "fc1 (Linear) is given float32 (64, 576) and expects 3,136 features in the last dimension"
    assert finding.also == ("The run failed at step 0 in fc1: RuntimeError",)
    assert finding.why == "shapes cannot be multiplied."
    assert finding.fix.startswith("Change in_features of fc1 from 3,136 to 576. Start at net.py, line 21")
    assert finding.code == "- nn.Linear(3136, 128)\n+ nn.Linear(576, 128)"


def test_own_frames_come_first_with_the_shapes_of_what_their_lines_name():
    line = Frame("net.py", 9, "forward", "x = x + skip", True, (TensorSpec((8, 4), "float32", "x"),))
    frames = (line, Frame("torch/a.py", 3, "add", "raise", own=False), Frame("torch/b.py", 4, "c", "d", own=False))
    cause = Cause("KeyError", "'b'", (Frame("data.py", 2, "row", "x[b]"),), "worker")
    failure = Failure("RuntimeError", "no", Stamp(0), frames, causes=(cause,))

    (finding,) = findings(fake_run(status="failed", failure=failure))

    assert finding.evidence.text.splitlines() == [
        "Through your own code (most recent call last):",
        '  File "net.py", line 9, in forward',
        "    x = x + skip",
        "    # x: float32 (8, 4)",
        "RuntimeError: no",
        "",
        "What was caught there: KeyError (most recent call last):",
        '  File "data.py", line 2, in row',
        "    x[b]",
        "KeyError: 'b'",
        "",
        "All of it (most recent call last):",
        '  File "net.py", line 9, in forward',
        "    x = x + skip",
        "    # x: float32 (8, 4)",
        '  File "torch/a.py", line 3, in add',
        "    raise",
        '  File "torch/b.py", line 4, in c',
        "    d",
        "RuntimeError: no",
    ]
    assert finding.evidence.marked == (1, 2, 7, 8)
    assert finding.why == "no.\nWhat was caught there: KeyError: 'b'"
    assert "data.py, line 2, in row" in finding.fix


def test_a_fault_that_no_rule_knows_tells_what_arrived():
    got = (TensorSpec((2, 3), "float32", "0"), TensorSpec((), "int64", "mask"))
    failure = Failure("ValueError", "no", Stamp(0), (), "", Fault("", "Net", got))

    (finding,) = findings(fake_run(status="failed", failure=failure))

    assert finding.why == "no.\nNet (Net) got 0 of float32 (2, 3) and mask of int64 (a single number)."
    assert finding.code == ""


@pytest.mark.parametrize("message", ["It is over.", "Why?", "", "x" * 500])
def test_a_message_that_ends_its_sentence_gets_no_second_stop(message):
    fault = Fault("a", "Net", (TensorSpec((2,), "float32"),))
    (finding,) = findings(fake_run(status="failed", failure=Failure("E", message, Stamp(0), (), "a", fault)))
    first, second = finding.why.split("\n")
    assert first.rstrip(".!?…") == first[:-1]
    assert second == "a (Net) got a tensor of float32 (2)."


def test_a_failed_status_without_an_exception_is_still_an_error():
    (finding,) = findings(fake_run(status="failed"))

    assert (finding.id, finding.severity) == ("run_failed", "error")


@pytest.mark.parametrize(
    ("status", "id_", "severity"),
    [
        ("stopped by the user", "stopped_by_user", "info"),
        ("no end recorded", "no_end_recorded", "warning"),
        ("ended without build()", "no_build", "info"),
    ],
)
def test_endings_short_of_a_build(status, id_, severity):
    (finding,) = findings(fake_run(status=status))

    assert (finding.id, finding.severity) == (id_, severity)


def test_a_run_that_is_still_running_has_no_finding():
    assert findings(fake_run(status="running")) == []


def test_no_end_says_when_the_last_record_was_written():
    (finding,) = findings(fake_run(status="no end recorded"))

    assert "2026-11-23 15:00:34 UTC" in finding.why


def test_damaged_lines_warn_and_a_torn_tail_informs():
    (lost,) = findings(fake_run(damage=Damage(lines=3, torn_tail=True, files=("events.rank-00000.attempt-000.jsonl",))))
    (torn,) = findings(fake_run(damage=Damage(torn_tail=True)))

    assert (lost.severity, lost.title) == ("warning", "3 lines of the journal could not be read")
    assert "events.rank-00000" in lost.why
    assert torn.severity == "info"
