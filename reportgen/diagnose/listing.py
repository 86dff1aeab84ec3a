"""The list of all rules as Markdown: `python -m reportgen.diagnose.listing > docs/findings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from reportgen.diagnose.needs import needed
from reportgen.diagnose.rule import SEVERITIES, Rule, Unchecked
from reportgen.diagnose.rules import RULES
from reportgen.diagnose.written import Written, written
from reportgen.run.records import SCHEMA, Meta, Run

HEAD = """\
# Findings

What reportgen checks of a run. A finding says what is wrong, where, why, and what to change. Below the findings each
page lists what was checked and found well, what could not be checked, and what does not apply (a check of dropout,
where there is none): a check that passed had something to look at. `reportgen show RUN` prints the same in a terminal
(see [show.md](show.md)), `reportgen.findings(run)` gives it to a program. Rules of your own: see
[own-rules.md](own-rules.md).

- **Tier**: a *fact* is exact; *statistics* judge by a window, a noise model and a bad outcome, and are at most
  warnings; *style* is at most a remark.
- **Needs**: what to call so that the check can be made. A rule that needs nothing judges every run.
- **To silence one**: `Report(..., silence=["its_id"])`. The page then lists it in one folded line.

This file is generated from the rules: `python -m reportgen.diagnose.listing > docs/findings.md`.
"""


def listing(rules: Sequence[Rule] = RULES) -> str:
    """The Markdown: a table of all rules, then each with what it needs, does, comes from and recommends."""
    known = [(rule, written(rule)) for rule in rules]
    lines = [HEAD, f"## All {len(rules)} rules", "", "| rule | holds when it passes | tier | at worst |"]
    lines.append("| --- | --- | --- | --- |")
    for rule, code in known:
        link = f"[`{rule.id}`](#{rule.id})"
        lines.append(f"| {link} | {_cell(rule.title)} | {rule.tier} | {_worst(rule, code)} |")
    for rule, code in known:
        lines += ["", *_about(rule, code)]
    return "\n".join(lines) + "\n"


def _about(rule: Rule, code: Written) -> Iterator[str]:
    yield f"### {rule.id}"
    yield ""
    yield f"{rule.title}. ({rule.tier.capitalize()}; at worst: {_worst(rule, code)}.)"
    yield ""
    needs = rule.needs or _needs(rule)
    facts = {
        "Findings": ", ".join(f"`{one}`" for one in rule.ids),
        "Needs": f"`{needs}`" if needs else "nothing more",
        "Rule": rule.checks or code.checks,
        "Limit": "" if rule.checks else "; ".join(code.limits),
        "Source": rule.source or "; ".join(code.sources),
        "Remedy": rule.remedy or " / ".join(code.remedies),
    }
    for name, text in facts.items():
        if text:
            yield f"- {name}: {text}"


def _worst(rule: Rule, code: Written) -> str:
    return rule.worst or min(code.severities, key=SEVERITIES.index, default="") or "warning"


def _needs(rule: Rule) -> str:
    """What it asks for of a run that holds nothing."""
    judgement = rule.judge(Run(schema=SCHEMA, meta=Meta("", "finished", 0.0)))
    return needed(judgement.why) if isinstance(judgement, Unchecked) else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(listing())
