"""What diagnosing gives: sorted findings, passed checks, and checks that could not be made."""

import ast
import math

import pytest

from reportgen.blocks import Finding
from reportgen.diagnose import RULES, Rule, Unchecked, diagnose, findings
from reportgen.diagnose.rule import SEVERITIES, found
from reportgen.diagnose.written import _findings, _function, _may_be, _reached
from reportgen.run.records import SCHEMA, Meta, Note, Run
from reportgen.testing import fake_run
from tests.diagnose.unlearned import constant, measuring, unlearned
from tests.healthy import healthy


def test_a_healthy_run_passes_every_check_that_applies():
    diagnosis = diagnose(healthy())
    without = {check.id for check in diagnosis.not_applicable}

    assert diagnosis.findings == ()
    assert [check.id for check in diagnosis.passed] == [rule.id for rule in RULES if rule.id not in without]
    assert len(diagnosis.passed) > 4 * len(without)
    assert diagnosis.unchecked == ()
    assert findings(healthy()) == []


def test_an_empty_run_has_no_finding_and_says_what_to_call():
    diagnosis = diagnose(Run(schema=SCHEMA, meta=Meta("empty", "finished", 0.0)))

    assert diagnosis.findings == ()
    whys = {check.id: check.why for check in diagnosis.unchecked}
    assert "report.log(" in whys["nan_loss"]
    assert "report.watch(" in whys["optimizer_missing_params"]
    assert "report.predictions(" in whys["worse_than_baseline"]


def test_findings_are_sorted_by_severity_and_then_by_rule():
    def rule(name, severity):
        found = [Finding(name, "fact", severity, name, "why", "fix")]
        return Rule(name, name, "fact", lambda run: found)

    rules = (rule("a", "info"), rule("b", "warning"), rule("c", "error"), rule("d", "warning"))

    diagnosis = diagnose(healthy(), rules)

    assert [finding.id for finding in diagnosis.findings] == ["c", "b", "d", "a"]
    assert [finding.id for finding in diagnosis.attention] == ["c", "b", "d"]
    assert diagnosis.worst == "error"


def test_a_rule_is_either_found_or_passed_or_unchecked():
    rules = (
        Rule("good", "Good holds", "fact", lambda run: []),
        Rule("mute", "Mute holds", "fact", lambda run: Unchecked("No data.")),
    )

    diagnosis = diagnose(healthy(), rules)

    assert [check.id for check in diagnosis.passed] == ["good"]
    assert [(check.id, check.why) for check in diagnosis.unchecked] == [("mute", "No data.")]


# Rules that judge by a fact where it is known, and by statistics or as style where it is not.
OF_SEVERAL_TIERS = {
    "softmax_before_ce": {"statistics"},  # by the losses that cannot fall
    "loss_sign": {"statistics"},  # by a loss that falls below 0
    "relu_on_output": {"statistics"},  # by the outputs that are exactly 0
    "output_range_mismatch": {"statistics"},  # by the range that outputs fill
    "lr_decayed_early": {"fact"},  # by a length that is the number of epochs
    "memory_leak": {"statistics"},  # by the memory of the process
    "feature_label_leakage": {"statistics"},  # where it does not decide the target
    "not_shuffled": {"statistics", "style"},
    "input_constant": {"statistics"},
}


def _tiers(rule):
    """The pairs (tiers, severities) that stand in the code of the findings which may be this rule's."""
    judge = _function(rule.judge)
    calls = [(function, call) for function in _reached(judge) for call in _findings(function)]
    for _, call in [pair for pair in calls if _may_be(rule, *pair)] or calls:
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        yield _words(words.get("tier"), ("fact", "statistics", "style")), _words(words.get("severity"), SEVERITIES)


def _words(value, known):
    nodes = ast.walk(value) if value is not None else ()
    return {node.value for node in nodes if isinstance(node, ast.Constant) and node.value in known}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_findings_are_of_the_tier_of_their_rule_and_only_facts_are_errors(rule):
    pairs = list(_tiers(rule))
    tiers = set().union(*(tiers for tiers, _ in pairs))

    assert tiers - {rule.tier} == OF_SEVERAL_TIERS.get(rule.id, set())
    for told, severities in pairs:
        assert "error" not in severities or not told or "fact" in told
    if rule.tier != "fact" and "fact" not in tiers:
        assert (rule.worst or "warning") != "error"


@pytest.mark.parametrize(
    "run",
    [
        unlearned(),
        unlearned({"train/loss": [2.3, *[math.nan] * 59]}),
        unlearned({"train/loss": [0.1 * 1.1**k for k in range(200)]}),
        measuring(unlearned(), "update_ratio", constant(0.9)),
        measuring(unlearned(), "update_ratio", constant(0.0)),
        measuring(unlearned(), "dead_share", constant(1.0)),
    ],
)
def test_what_is_judged_by_statistics_or_style_is_no_error(run):
    told = [one for rule in RULES for one in found(rule.judge(run))]

    assert told
    assert [one.id for one in told if one.severity == "error" and one.tier != "fact"] == []


def test_rule_ids_are_unique():
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_own_failures_are_one_warning_that_lists_them():
    notes = tuple(Note("failure", f"watch.part{k}", f"hook {k} broke", step=k + 3) for k in range(10))

    (finding,) = findings(fake_run(notes=notes))

    assert (finding.id, finding.severity) == ("collector_failed", "warning")
    assert finding.where.step == 3
    assert finding.evidence.total == 10
    assert finding.evidence.rows[0] == ("watch.part0", "hook 0 broke (step 3)")


def test_rejected_arguments_and_known_limits_differ():
    notes = (
        Note("rejected", "values['a']", "is None; accepted: numbers", times=4),
        Note("omission", "graph", "FLOPs of LSTM are not counted"),
    )

    (finding,) = findings(fake_run(notes=notes))

    assert finding.id == "rejected_argument"
    assert finding.title == "1 argument could not be recorded"
    assert finding.evidence.rows == (("values['a']", "is None; accepted: numbers (step 0, 4 times)"),)


def test_after_numbers_broke_down_one_card_holds_all_symptoms():
    nan = math.nan
    run = fake_run(scalars={"val/acc": [nan, nan, nan], "train/loss": [2.3, 2.2, nan]})

    (finding,) = findings(run)

    # A metric that was never defined is older, but explains nothing: the loss that broke is the error.
    assert finding.id == "nan_loss"
    assert finding.also == ("val/acc is NaN at every step",)
