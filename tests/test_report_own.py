"""A report's own rules and silence, through a real training."""

import torch

import reportgen


@reportgen.rule("mine", "Mine holds")
def mine(run):
    return [reportgen.Finding("mine", "fact", "warning", "Mine is wrong", "why", "fix", reportgen.Where(module="0"))]


def train(report, steps=4):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report.watch(model, optimizer)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.randn(4, 3)).square().mean()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})


def test_own_rules_of_a_report_are_in_its_folder_and_page(tmp_path):
    with reportgen.Report("x", tmp_path / "run", rules=[mine], silence="no_seed") as report:
        train(report)
        first = report.build(final=False)
    assert "mine" in [one.id for one in first.findings]
    for source in (tmp_path / "run", tmp_path / "run" / "report.html"):
        assert "mine" in [one.id for one in reportgen.findings(reportgen.load(source))]
    run = reportgen.load(tmp_path / "run")
    assert (run.meta.status, run.meta.silenced) == ("finished", ("no_seed",))
    assert [check.id for check in run.own_rules] == ["mine"]


def test_rules_that_are_none_end_no_training(tmp_path):
    with reportgen.Report("x", tmp_path / "run", rules=3, silence=4) as report:
        train(report)
    assert reportgen.load(tmp_path / "run").own_rules[0].raised.startswith("TypeError: int is no reportgen.Rule")


def test_a_rule_that_leaves_the_program_or_empties_the_run_costs_only_itself(tmp_path):
    def leaves(run):
        raise SystemExit(1)

    def empties(run):
        run.scalars.clear()

    rules = [reportgen.rule("leaves", "t")(leaves), reportgen.rule("empties", "t")(empties), mine]
    with reportgen.Report("x", tmp_path / "run", rules=rules) as report:
        train(report)
        built = report.build(final=False)
    assert "mine" in [one.id for one in built.findings]
    run = reportgen.load(tmp_path / "run" / "report.html")
    assert [check.raised.partition(":")[0] for check in run.own_rules] == ["SystemExit", "AttributeError", ""]
    assert len(run.scalars["train/loss"]) == 4
