"""Rules of the user's: what may be passed, what is kept, and that nothing of theirs is ever raised."""

import dataclasses
import math
from importlib import metadata

import numpy as np
import pytest

import reportgen
from reportgen import Finding, Rule, Unchecked, Where
from reportgen.blocks import Column, Link, Table
from reportgen.diagnose import NotApplicable, diagnose, findings, with_own_rules
from reportgen.diagnose.own.own_rules import MOST, given_ids, given_rules
from reportgen.diagnose.own.recorded import as_record, as_sentence, from_record, why_not
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.found import Found
from tests.healthy import healthy

WHERE = Where("net", "fc1", "fc1.weight", "train/loss", 7)


def found(**fields):
    given = {"id": "mine", "tier": "fact", "severity": "error", "title": "t", "why": "w", "fix": "f", **fields}
    return Finding(**given)


def own(judge, **fields):
    return dataclasses.replace(reportgen.rule("mine", "Mine holds")(judge), **fields)


def judged(*rules):
    return with_own_rules(healthy(), rules, installed=False)


@pytest.fixture
def entry_points(monkeypatch):
    """Lets a test say which rules are installed, by the name of their entry point."""
    installed = {}

    class Point:
        def __init__(self, name):
            self.name = self.value = name

        def load(self):
            if isinstance(installed[self.name], BaseException):
                raise installed[self.name]
            return installed[self.name]

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point(name) for name in installed])
    return installed


def test_a_decorated_function_is_a_rule_that_can_still_be_called():
    @reportgen.rule("mine", "Mine holds", tier="style")
    def mine(run):
        return [found(title=run.meta.title)]

    assert isinstance(mine, Rule)
    assert (mine.id, mine.title, mine.tier) == ("mine", "Mine holds", "style")
    assert mine(healthy())[0].title == "digits CNN"


def test_findings_of_own_rules_stand_among_ours_and_passed_and_unchecked_are_told_too():
    run = judged(
        own(lambda run: [found(severity="warning")]),
        own(lambda run: [], id="good"),
        own(lambda run: Unchecked("No x: call report.x()."), id="mute"),
        own(lambda run: NotApplicable("No x is used."), id="without"),
    )
    diagnosis = diagnose(run, rules=())

    assert [finding.id for finding in diagnosis.findings] == ["mine"]
    assert [check.id for check in diagnosis.passed] == ["good"]
    assert [(check.id, check.why) for check in diagnosis.unchecked] == [("mute", "No x: call report.x().")]
    assert [(check.id, check.why) for check in diagnosis.not_applicable] == [("without", "No x is used.")]


def test_a_finding_reads_back_as_it_was_but_for_evidence_that_is_no_table():
    table = Table(
        (Column("layer", "code"), Column("share", "percent"), Column("n", "odd")),
        (("fc1", 0.5, True), (Link("fc2", "x"), math.nan, None), ("short",)),
    )
    given = found(where=WHERE, value="1", limit="2", code="c", also=("a",), source="s", since=3, evidence=table)
    again = from_record(from_plain(Found, to_plain(as_record(given))))

    assert dataclasses.replace(again, evidence=None) == dataclasses.replace(given, evidence=None)
    assert again.evidence == Table(
        (Column("layer", "code"), Column("share", "percent"), Column("n")),
        (("fc1", 0.5, True), ("fc2", "NaN", None), ("short", None, None)),
    )
    assert from_record(as_record(found(evidence=reportgen.blocks.Text("x")))).evidence is None


@pytest.mark.parametrize(
    "given", [NotApplicable("No x is used."), Unchecked("No x: call report.x()."), NotApplicable("")]
)
def test_why_a_rule_says_nothing_reads_back_as_it_was(given):
    again = why_not(as_sentence(given))

    assert type(again) is type(given)
    assert again.why == (given.why or "It did not say why.")


class Broken:
    def __str__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (own(lambda run: 1 / 0), "ZeroDivisionError: division by zero"),
        (own(lambda run: None), "TypeError: it returned NoneType"),
        (own(lambda run: "text"), "TypeError: it returned str among its findings"),
        (own(lambda run: found()), "TypeError: it returned Finding"),
        (own(lambda run: [found(severity="bad")]), "ValueError: the severity of a finding is 'bad'"),
        (own(lambda run: [found(tier="bad")]), "ValueError: the tier of a finding is 'bad'"),
        (own(lambda run: [found(tier="statistics")]), "only facts may be errors"),
        (own(lambda run: [found(where="fc1")]), "no reportgen.Where"),
        (own(lambda run: [found(title=Broken())]), "ZeroDivisionError"),
        (own(lambda run: [found(since="now")]), "ValueError: invalid literal"),
        (own(lambda run: (_ for _ in [1 / 0])), "ZeroDivisionError"),
        (own(lambda run: [], title=Broken()), "ZeroDivisionError"),
        (len, "TypeError: builtin_function_or_method is no reportgen.Rule"),
        (Rule, "TypeError: type is no reportgen.Rule"),
        (None, "TypeError: NoneType is no reportgen.Rule"),
    ],
)
def test_a_rule_that_goes_wrong_is_noted_and_raises_nothing(rule, said):
    run = judged(rule, own(lambda run: [], id="good"))

    assert said in run.own_rules[0].raised
    assert run.own_rules[1].raised == ""
    diagnosis = diagnose(run, rules=())
    assert diagnosis.findings == ()
    assert [check.broken for check in diagnosis.unchecked] == [True]


def test_what_a_rule_raised_is_one_bounded_line_that_names_no_home_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("reportgen.run.redact._home", lambda: "/home/someone")

    def judge(run):
        raise ValueError("in /home/someone/x\n" + "y" * 1000)

    (check,) = judged(own(judge)).own_rules
    assert check.raised.startswith("ValueError: in ~/x yyy")
    assert len(check.raised) == 300


def test_findings_of_one_rule_are_bounded():
    (check,) = judged(own(lambda run: [found() for _ in range(1000)])).own_rules
    assert len(check.found) == MOST


def test_values_of_other_types_become_those_that_a_record_holds():
    given = found(title=np.str_("t"), value=np.float64(0.5), where=Where(step=np.int64(3)), since=np.int64(4))
    (check,) = judged(own(lambda run: [given])).own_rules

    assert to_plain(check)["found"] == [
        {"id": "mine", "tier": "fact", "severity": "error", "title": "t", "why": "w", "fix": "f"}
        | {"value": "0.5", "step": 3, "since": 4}
    ]


def test_asked_again_a_rule_takes_the_place_of_what_it_said_before():
    run = judged(own(lambda run: [found()]), own(lambda run: [], id="other"))
    again = with_own_rules(run, [own(lambda run: [])], installed=False)

    assert [(check.id, len(check.found)) for check in again.own_rules] == [("mine", 0), ("other", 0)]
    assert with_own_rules(again, [], installed=False) is again


def test_a_rule_with_the_id_of_one_of_ours_takes_its_place_unless_it_raised():
    ours = (Rule("nan_loss", "Every loss is finite", "fact", lambda run: []),)
    taken = diagnose(judged(own(lambda run: [found(id="nan_loss")], id="nan_loss")), ours)
    assert [finding.title for finding in taken.findings] == ["t"]
    assert "nan_loss" not in [check.id for check in taken.passed]

    broken = diagnose(judged(own(lambda run: 1 / 0, id="nan_loss")), ours)
    assert "nan_loss" in [check.id for check in broken.passed]


def test_installed_rules_are_asked_once_and_by_findings(entry_points):
    entry_points["one"] = own(lambda run: [found()])
    entry_points["several"] = (own(lambda run: [], id="second"),)
    entry_points["gone"] = ImportError("no module")

    run = with_own_rules(healthy())
    assert [(check.id, check.raised) for check in run.own_rules] == [
        ("gone", "ImportError: no module"),
        ("mine", ""),
        ("second", ""),
    ]
    assert "mine" in [finding.id for finding in findings(healthy())]

    entry_points["one"] = own(lambda run: [])
    assert with_own_rules(run).own_rules[1].found == run.own_rules[1].found


def test_one_rule_or_id_may_be_given_instead_of_several():
    rule = own(lambda run: [])
    assert given_rules(rule) == given_rules([rule]) == (rule,)
    assert given_rules(None) == (None,)
    assert given_ids("adam_l2") == given_ids(["adam_l2", "adam_l2"]) == ("adam_l2",)
    assert given_ids(()) == given_rules(()) == ()


def test_a_rule_cannot_empty_the_run_for_those_after_it():
    def empties(run):
        run.scalars.clear()

    def empties_inner(run):
        next(iter(run.measures.values())).clear()

    seen = []
    whole = healthy()
    rules = [own(empties, id="a"), own(empties_inner, id="b"), own(lambda run: seen.append(run) or [], id="c")]
    run = with_own_rules(whole, rules, installed=False)

    assert ["AttributeError" in check.raised for check in run.own_rules] == [True, True, False]
    assert dict(seen[0].scalars) == run.scalars == healthy().scalars
    assert whole.measures.keys() == seen[0].measures.keys()
    assert all(len(names) for names in run.measures.values())
    assert isinstance(run.scalars, dict)  # what is kept is the run itself


def test_a_rule_that_leaves_the_program_does_not_end_it(entry_points):
    def leaves(run):
        raise SystemExit("enough")

    def interrupted(run):
        raise KeyboardInterrupt

    entry_points["leaving"] = SystemExit(3)
    run = with_own_rules(healthy(), [own(leaves)])
    assert [check.raised for check in run.own_rules] == ["SystemExit: enough", "SystemExit: 3"]
    with pytest.raises(KeyboardInterrupt):
        judged(own(interrupted))
