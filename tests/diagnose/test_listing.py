"""docs/findings.md says what the rules say of themselves."""

from pathlib import Path

from reportgen.blocks import Finding
from reportgen.blocks.wording import percent
from reportgen.diagnose import RULES, Rule, Unchecked
from reportgen.diagnose.listing import listing
from reportgen.diagnose.written import written

DOCS = Path(__file__).parents[2] / "docs"
SHARE = 0.25
FIXES = {"a": "Do the first.", "b": "Do the second."}


def by_code(run):
    """More than a quarter is odd.

    Not told.
    """
    if not run.scalars:
        return Unchecked("No loss was logged: call report.log({...}).")
    return [_made(run, "a")]


def _made(run, kind):
    return Finding(
        id="by_code",
        tier="statistics",
        severity="warning" if run.scalars else "info",
        title="t",
        why="w",
        fix=FIXES[kind],
        limit=f"{percent(SHARE)} of {len(run.scalars)}",
        source="A book",
    )


def test_the_docs_are_what_the_rules_say():
    # Wrong? python -m reportgen.diagnose.listing > docs/findings.md
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == listing()


def test_every_rule_is_listed_once_with_what_it_needs():
    text = listing()
    assert text.count("\n### ") == len(RULES)
    assert text.count("\n- Needs: ") == len(RULES)
    assert text.index("### nan_loss") < text.index('- Needs: `report.log({"train/loss": loss})`')


def test_what_a_rule_leaves_out_is_read_from_its_code(monkeypatch):
    # Only functions of the rules' own package are looked into.
    monkeypatch.setattr("reportgen.diagnose.written.HOME", __name__)
    text = listing([Rule("by_code", "Little is odd", "statistics", by_code)])
    assert text.endswith(
        "### by_code\n\nLittle is odd. (Statistics; at worst: warning.)\n\n"
        "- Needs: `report.log({...})`\n"
        "- Rule: More than a quarter is odd.\n"
        "- Limit: 25.0\u00a0% of …\n"
        "- Source: A book\n"
        "- Remedy: Do the first. / Do the second.\n"
    )


def test_what_a_rule_says_itself_goes_before_its_code():
    rule = Rule(
        "x", "X holds", "fact", by_code, needs="report.x()", worst="error", checks="Exact.", source="S", remedy="R"
    )
    text = listing([rule])
    assert "(Fact; at worst: error.)" in text
    assert text.endswith("- Needs: `report.x()`\n- Rule: Exact.\n- Source: S\n- Remedy: R\n")


def test_a_rule_whose_code_cannot_be_read_says_what_it_can():
    scope = {}
    exec("def judge(run):\n    return []\n", scope)
    assert written(Rule("x", "X", "fact", scope["judge"])).severities == ()
    assert written(Rule("x", "X", "fact", len)).checks == ""


def test_a_rule_whose_findings_have_other_ids_names_them():
    rule = Rule("paces", "Steps are well", "statistics", lambda run: [], ids=("too_fast", "too_slow"))

    assert "- Findings: `too_fast`, `too_slow`\n" in listing([rule])
    assert "- Findings" not in listing([Rule("pace", "Steps are well", "statistics", lambda run: [])])


def test_rules_of_numbers_that_are_not_finite_say_each_its_own():
    told = {rule.id: (rule.worst, rule.checks, rule.remedy) for rule in RULES if rule.id.startswith("nan_")}

    assert told["nan_metric"][0] == "warning"
    assert {told[name][0] for name in ("nan_activation", "nan_gradient", "nan_weight")} == {"error"}
    for field in (1, 2):
        assert len({told[name][field] for name in ("nan_activation", "nan_gradient", "nan_weight")}) == 3
