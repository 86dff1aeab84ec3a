"""The findings section: what stands open, what is folded, and that its lists stay readable."""

import dataclasses
import math

import pytest

import reportgen
from reportgen.blocks import Callout, Finding, Fold, Line, LineChart, Text
from reportgen.diagnose import Diagnosis, Rule, Unchecked, diagnose, with_own_rules
from reportgen.diagnose.exceptions.traceback import traceback
from reportgen.diagnose.rule import Check
from reportgen.run.records import IMPORTED, SCHEMA, Frame, Meta
from reportgen.sections import findings
from reportgen.sections.findings import OPEN
from reportgen.testing import HOSTILE, fake_run
from tests.healthy import healthy


def finding(id_="x", severity="warning", **fields):
    return Finding(id_, "fact", severity, **{"title": id_, "why": "why", "fix": "fix", **fields})


def built(*found, run=None, **parts):
    return findings.build(run or healthy(), Diagnosis(tuple(found), **parts))


def names(view):
    return [getattr(block, "id", getattr(block, "title", "")) for block in view.blocks]


def fold(view, beginning):
    (found,) = [block for block in view.blocks if isinstance(block, Fold) and block.title.startswith(beginning)]
    return found


def silenced(run, *ids):
    return dataclasses.replace(run, meta=dataclasses.replace(run.meta, silenced=ids))


def test_findings_lead_and_everything_else_folds():
    run = fake_run(scalars={"train/loss": [1.0, math.nan]}, predictions=(), status="stopped by the user")
    diagnosis = diagnose(run)
    view = findings.build(run, diagnosis)
    passed, missing = len(diagnosis.passed), len(diagnosis.unchecked)
    without = len(diagnosis.not_applicable)

    assert names(view) == [
        "nan_loss",
        "1 remark",
        f"Checked and found well: {passed} checks",
        f"Could not be checked: {missing} checks",
        f"Does not apply to this run: {without} checks",
    ]
    assert (view.count, view.level) == (1, "error")
    amounts = f"{passed} checks passed; {missing} could not be made; {without} do not apply"
    assert view.how == f"What is wrong, worst first. {amounts}."


def test_a_healthy_run_says_that_nothing_was_found():
    passed = diagnose(healthy()).passed
    view = built(passed=passed)

    assert (view.count, view.level) == (0, "")
    assert view.how == f"Nothing wrong was found: {len(passed)} checks passed."
    assert names(view) == [f"Checked and found well: {len(passed)} checks"]


def test_remarks_are_folded_and_told_in_the_line_that_opens_them():
    view = built(finding("a", "info", title="Seeds are not set"), finding("b", "info"))

    assert (view.count, view.level) == (0, "")
    assert (fold(view, "2 remarks").detail) == "Seeds are not set and 1 more"


def test_of_very_many_findings_the_first_stand_open():
    view = built(*(finding(f"w{k}") for k in range(OPEN + 3)))

    assert names(view) == [*(f"w{k}" for k in range(OPEN)), "3 more"]
    assert [block.id for block in fold(view, "3 more").blocks] == [f"w{OPEN + k}" for k in range(3)]
    assert view.count == OPEN + 3


def test_a_finding_says_how_to_silence_it_where_that_can_be_done():
    def silence(run):
        return findings.build(run, Diagnosis((finding("adam_l2"),))).blocks[0].silence

    assert silence(healthy()) == 'Report(..., silence=["adam_l2"])'
    for changed in ({"recorder": "SummaryWriter"}, {"status": IMPORTED}):
        run = healthy()
        assert silence(dataclasses.replace(run, meta=dataclasses.replace(run.meta, **changed))) is None


def test_what_could_not_be_checked_is_one_line_a_missing_call():
    checks = (
        *(Check(f"a{k}", "t", "No optimizer was watched: call report.watch(model, optimizer).") for k in range(3)),
        Check("b", "t", "Gradients were not measured: call report.watch(model, optimizer) before training."),
        Check("c", "t", "No data was tracked; pass the loader to report.track()."),
        Check("d", "t", "All recorded samples are of one class."),
        Check("e", "t", "All recorded samples are of one class."),
    )
    _, *lacking, reasons = fold(built(unchecked=checks), "Could not be checked: 7 checks").blocks

    assert [(each.title, each.detail) for each in lacking] == [
        ("report.watch(model, optimizer)  # before training", "4 checks"),
        ("report.track()", "1 check"),
    ]
    assert [column.format for column in lacking[0].blocks[0].columns] == ["text", "code"]
    assert lacking[0].blocks[0].rows == (
        ("No optimizer was watched.", "a0, a1, a2"),
        ("Gradients were not measured: call report.watch(model, optimizer) before training.", "b"),
    )
    assert (reasons.title, reasons.detail) == ("The run holds too little to judge by", "2 checks")
    assert reasons.blocks[0].rows == (("All recorded samples are of one class.", "d, e"),)


def test_what_does_not_apply_is_folded_with_a_row_a_reason():
    checks = (
        Check("a", "t", "No batch norm was seen."),
        Check("b", "t", "No BCELoss was seen."),
        Check("c", "t", "No batch norm was seen."),
    )
    view = built(not_applicable=checks)
    (table,) = fold(view, "Does not apply to this run: 3 checks").blocks

    assert table.rows == (("No batch norm was seen.", "a, c"), ("No BCELoss was seen.", "b"))
    assert view.how == "Nothing wrong was found: 0 checks passed; 3 do not apply."
    assert built(not_applicable=checks[:1]).how.endswith("; 1 does not apply.")


def test_of_a_run_that_holds_nothing_the_page_says_what_to_call():
    empty = reportgen.Run(SCHEMA, Meta("empty", "finished", 0.0))
    lacking = fold(findings.build(empty, diagnose(empty)), "Could not be checked").blocks
    calls = [each for each in lacking if isinstance(each, Fold) and each.title.startswith("report.")]

    assert {each.title.partition("(")[0] for each in calls} >= {"report.watch", "report.log", "report.predictions"}
    named = [rule for each in calls for _, rules in each.blocks[0].rows for rule in rules.split(", ")]
    assert len(set(named)) == len(named) > 0.9 * len(diagnose(empty).unchecked)
    assert len(calls) < 10


def test_a_reader_of_event_files_is_told_that_another_recorder_holds_more():
    check = Check("a", "t", "No optimizer was watched: call report.watch(model, optimizer).")
    run = dataclasses.replace(healthy(), meta=dataclasses.replace(healthy().meta, status=IMPORTED))
    told, _ = fold(built(unchecked=(check,), run=run), "Could not be checked").blocks

    assert told.text.startswith("Event files do not hold what they need.")


def test_the_chart_of_a_finding_says_what_lies_below_its_axis():
    steps = tuple(map(float, range(40)))
    lines = [Line(f"fc{at}", steps, (size,) * 40) for at, size in enumerate((1e-3, 2e-3, 3e-3, 1e-10))]
    chart = LineChart("Update / weight", tuple(lines), "Of each layer.", log_y=True)
    shown = built(finding(evidence=chart)).blocks[0]
    assert shown.evidence.notes == ("40 values of fc3 below 1e-4 (the least is 1e-10) are drawn at the lower edge.",)


def test_of_a_traceback_the_users_own_frames_are_open_and_all_of_it_is_a_fold():
    frames = (Frame("train.py", 3, "main", "step(x)", True), Frame("torch/f.py", 9, "linear", "op()", False))
    failure = dataclasses.replace(fake_run(failure=True).failure, frames=frames)
    shown = traceback(failure)
    (card,) = [each for each in built(finding(evidence=shown)).blocks if isinstance(each, Finding)]
    own, rest = card.evidence.blocks

    assert (card.evidence.title, card.evidence.open, rest.open) == ("Where it was raised", True, False)
    assert own.marked == shown.marked == (1, 2)
    assert "torch/f.py" not in own.text
    assert rest.blocks[0].marked == ()
    assert f"{own.text}\n\n{rest.title}:\n{rest.blocks[0].text}" == shown.text


def test_a_traceback_of_nothing_but_own_frames_stays_as_it_is():
    failure = dataclasses.replace(
        fake_run(failure=True).failure, frames=(Frame("train.py", 3, "main", "step(x)", True),)
    )
    (card,) = [each for each in built(finding(evidence=traceback(failure))).blocks if isinstance(each, Finding)]

    assert card.evidence == traceback(failure)


def test_for_a_writer_nothing_is_named_that_only_a_report_has():
    check = Check("a", "t", "No optimizer was watched: call report.watch(model, optimizer).")
    run = dataclasses.replace(healthy(), meta=dataclasses.replace(healthy().meta, recorder="SummaryWriter"))
    (reasons,) = fold(built(unchecked=(check,), run=run), "Could not be checked").blocks

    assert reasons.blocks[0].rows == (("No optimizer was watched.", "a"),)


def test_silenced_findings_are_one_folded_line_and_no_longer_counted():
    nan = fake_run(scalars={"train/loss": [1.0, math.nan], "val/acc": [0.5, math.nan]})
    view = findings.build(silenced(nan, "nan_loss"), diagnose(silenced(nan, "nan_loss")))

    # What was folded under it is a finding of its own now.
    assert names(view)[0] == "nan_metric"
    assert fold(view, "Silenced: nan_loss").blocks[0].rows == (("nan_loss", "error", "train/loss is NaN at step 1"),)
    assert view.level == "warning"


@pytest.mark.parametrize("name", ["no_end_recorded", "no_build"])
def test_a_finding_is_silenced_by_its_own_id_or_its_rules(name):
    run = silenced(fake_run(status="ended without build()"), name)
    assert [finding.id for finding in diagnose(run).silenced] == ["no_build"]


def test_what_no_rule_is_called_is_one_note():
    run = silenced(healthy(), "nan_loss", "nan_lose", "nan_loss_of_mine", HOSTILE[0])
    (note,) = [block for block in findings.build(run, diagnose(run)).blocks if isinstance(block, Text)]

    assert note.text.startswith("To be silenced, but the name of no rule: nan_lose and </script>")
    assert diagnose(run).silenced == ()


def test_rules_that_raised_are_one_note_and_ours_cost_no_page():
    def broken(run):
        raise ValueError("odd")

    run = with_own_rules(healthy(), [Rule("mine", "Mine holds", "fact", broken)], installed=False)
    rules = (Rule("ours", "Ours holds", "fact", broken), Rule("good", "Good holds", "fact", lambda run: []))
    with pytest.raises(ValueError, match="odd"):
        diagnose(run, rules)
    view = findings.build(run, diagnose(run, rules, guarded=True))

    (note,) = [block for block in view.blocks if isinstance(block, Callout)]
    assert note.title == "2 rules could not be asked"
    assert "mine: It raised ValueError: odd. " in note.text
    assert "ours: It raised ValueError on this run" in note.text
    assert names(view) == ["Checked and found well: 1 check", "2 rules could not be asked"]


def test_the_list_stays_short_with_very_many_rules():
    lacking = tuple(
        Rule(f"rule_{k}", "Holds", "fact", lambda run, k=k: Unchecked(f"Nothing of {k}: call report.part{k % 4}()."))
        for k in range(200)
    )
    blocks = fold(findings.build(healthy(), diagnose(healthy(), lacking)), "Could not be checked: 200").blocks
    assert [(each.title, each.detail) for each in blocks[1:]] == [(f"report.part{k}()", "50 checks") for k in range(4)]
