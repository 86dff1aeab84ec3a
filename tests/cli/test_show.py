"""`reportgen show`: the verdict in the terminal, and as JSON."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen.blocks import Finding
from reportgen.cli import main as command
from reportgen.cli import show
from reportgen.cli.styles import Styles
from reportgen.diagnose import diagnose
from reportgen.pipeline import build, build_overview
from reportgen.testing import HOSTILE, fake_run
from tests.readers.writing import journal_path, line, write_folder

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"layers": 1, "steps": 3, "snapshots": 1, "graphs": ()}


def small(**fields):
    return fake_run(**{**SMALL, "scalars": {"train/loss": [2.0, 1.0, 0.5]}, **fields})


@pytest.fixture
def bad(tmp_path):
    run = small(scalars={"train/loss": [2.0, 1.0, math.nan], "val/acc": [0.5, math.nan]})
    return write_folder(tmp_path / "runs" / "bad", run)


@pytest.fixture
def folders(bad):
    """Three runs in one folder: one with an error, one with a warning, one that is well."""
    write_folder(bad.parent / "a-well", small())
    write_folder(bad.parent / "killed", dataclasses.replace(small(status="no end recorded"), failure=None))
    return bad.parent


def run(capsys, *arguments):
    """Exit status, stdout, stderr."""
    try:
        status = command.main(["show", *map(str, arguments)])
    except SystemExit as leaving:  # argparse's own way out
        status = leaving.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def shown(capsys, *arguments):
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    return out


def test_status_verdict_and_findings_with_what_to_change(capsys, bad):
    lines = shown(capsys, bad).splitlines()

    assert lines[0] == "digits CNN: finished"
    at = lines.index("ERROR · train/loss · since step 2 · nan_loss")
    assert lines[at + 1] == "  train/loss is NaN at step 2"
    assert lines[at + 2].startswith("  NaN (limit: ")
    text = "\n".join(lines)
    assert "  To do: Lower the learning rate" in text
    assert "\n    torch.nn.utils.clip_grad_norm_(" in text
    assert "  It led to: val/acc is NaN at step 1" in text
    assert "One thing wants attention" in " ".join(lines)


def test_how_many_checks_there_were_and_what_to_pass_for_more(capsys, tmp_path):
    run_ = dataclasses.replace(
        small(), models=(), distributions={}, measures={}, predictions=(), evidence=type(small().evidence)()
    )
    out = shown(capsys, write_folder(tmp_path / "run", run_))
    diagnosis = diagnose(run_)

    whole = " ".join(out.split())
    passed, missing, without = map(len, (diagnosis.passed, diagnosis.unchecked, diagnosis.not_applicable))
    assert f"{passed} checks passed, {missing} could not be made, {without} do not apply." in whole
    assert "Not about this run: logits_to_bce, " in whole
    assert "To check more, pass: report." in whole
    assert "report.predictions(inputs, outputs, targets): " in whole


def test_the_page_of_a_run_and_its_folder_say_the_same(capsys, bad):
    out = shown(capsys, bad)
    build(bad)
    assert shown(capsys, bad / "report.html") == out
    assert shown(capsys, bad, "--json") == shown(capsys, bad / "report.html", "--json")


def test_several_runs_are_a_line_each_worst_first(capsys, folders, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    lines = shown(capsys, folders).splitlines()

    assert [line.split()[0] for line in lines] == ["bad", "killed", "a-well"]
    assert lines[0] == "bad     1 error  finished; train/loss is NaN at step 2"
    assert lines[1] == "killed  1 warning  no end recorded; No end was recorded"
    assert lines[2] == "a-well  ok  finished"
    assert all(len(line) <= 90 for line in lines)


def test_the_json_holds_every_field_of_a_finding_but_its_evidence(capsys, bad):
    (told,) = json.loads(shown(capsys, bad, "--json"))["runs"]
    fields = {field.name for field in dataclasses.fields(Finding)} - {"evidence", "silence"}

    assert fields == set(told["findings"][0])
    assert set(told["findings"][0]["where"]) == {"model", "module", "parameter", "tag", "step"}
    assert told["findings"][0]["also"] == ["val/acc is NaN at step 1"]
    assert told["counts"]["errors"] == 1
    assert told["counts"]["passed"] == len(told["passed"]) > 0
    assert told["counts"]["unchecked"] == len(told["unchecked"]) > 0
    assert told["counts"]["not_applicable"] == len(told["not_applicable"]) > 0
    assert {one["id"]: one["why"] for one in told["not_applicable"]}["logits_to_bce"] == "No BCELoss was seen."
    calls = {one["id"]: one["call"] for one in told["unchecked"]}
    assert "report." in calls["nan_activation"] if "nan_activation" in calls else calls


def test_the_json_is_the_documented_one(capsys, folders):
    told = json.loads(shown(capsys, folders, "--json"))
    documented = (ROOT / "docs" / "show.md").read_text(encoding="utf-8")

    assert (told["schema"], told["unread"]) == (1, [])
    assert [one["name"] for one in told["runs"]] == ["bad", "killed", "a-well"]
    names = {*told, *told["runs"][0], *told["runs"][0]["findings"][0], *told["runs"][0]["counts"]}
    assert [name for name in sorted(names) if f"`{name}`" not in documented] == []


@pytest.mark.parametrize("damaged", [math.nan, math.inf])
def test_a_time_that_is_no_number_is_null_in_the_json(capsys, tmp_path, damaged):
    folder = write_folder(tmp_path / "run", small())
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, "started": damaged}))
    (told,) = json.loads(shown(capsys, folder, "--json"))["runs"]
    assert told["started"] is None


def test_silenced_findings_and_what_is_no_rule_are_told(capsys, bad):
    manifest = bad / "run.json"
    plain = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**plain, "silenced": ["nan_loss", "nan_lose"]}))

    out = shown(capsys, bad)
    assert "Silenced: nan_loss." in out
    assert "the name of no rule: nan_lose." in out
    assert "ERROR" not in out
    (told,) = json.loads(shown(capsys, bad, "--json"))["runs"]
    assert ([one["id"] for one in told["silenced"]], told["unknown_silenced"]) == (["nan_loss"], ["nan_lose"])


def test_of_an_overview_page_its_first_findings_are_told(capsys, folders, tmp_path):
    build_overview([folders], tmp_path / "all.html")
    assert [line.split()[0] for line in shown(capsys, tmp_path / "all.html").splitlines()] == [
        "bad",
        "killed",
        "a-well",
    ]
    told = json.loads(shown(capsys, tmp_path / "all.html", "--json"))["runs"]
    assert [one["whole"] for one in told] == [False] * 3
    assert told[0]["findings"][0]["id"] == "nan_loss"
    assert told[2]["counts"]["passed"] > 0


def test_hostile_texts_command_no_terminal_and_are_valid_json(capsys, tmp_path):
    folder = write_folder(tmp_path / "run", fake_run(hostile=True, failure=True, steps=5, snapshots=2))
    out = shown(capsys, folder)

    assert all(sign.isprintable() or sign == "\n" for sign in out)
    assert "\\u202e" in out or "\\x1b" in out
    assert json.loads(shown(capsys, folder, "--json"))["runs"][0]["title"] == HOSTILE[0]


def test_the_id_of_a_finding_commands_no_terminal(capsys, tmp_path):
    finding = {"id": "\x1b[2J", "tier": "fact", "severity": "error", "title": "Bad", "why": "", "fix": ""}
    folder = write_folder(tmp_path / "run", small())
    with journal_path(folder).open("a") as journal:
        journal.write(line("found", {"id": "\x1b]0;x\x07", "title": "Good", "found": [finding]}) + "\n")

    out = shown(capsys, folder)

    assert all(sign.isprintable() or sign == "\n" for sign in out)
    assert "ERROR · \\x1b[2J\n" in out


def test_colours_are_for_terminals_without_no_color(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Styles.of(Terminal())("x", "error") == "\x1b[31;1mx\x1b[0m"
    assert Styles.of(sys.stderr)("x", "error") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Styles.of(Terminal())("x", "error") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Styles.of(Terminal())("x", "error") == "x"


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("500", show.WIDEST), ("5", show.NARROWEST)])
def test_text_is_as_wide_as_the_terminal_within_reason(capsys, bad, monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    lines = [line for line in shown(capsys, bad).splitlines() if not line.startswith("    ")]
    prose = [line for line in lines if len(line.split()) > 3 and not line.startswith("ERROR")]
    assert width - 15 < max(map(len, prose)) <= width


def test_what_cannot_be_read_is_status_3_and_wrong_usage_2(capsys, tmp_path):
    status, out, err = run(capsys, tmp_path / "missing")
    assert (status, out, err.count("\n")) == (3, "", 1)
    for wrong in ((), ("",), ("a", "--jsonx")):
        assert run(capsys, *wrong)[:2] == (2, "")


def test_a_run_that_cannot_be_read_beside_others_is_named(capsys, folders):
    (folders / "bad" / "run.json").write_text("{")
    status, out, err = run(capsys, folders)
    assert (status, out.count("\n")) == (0, 2)
    assert err.startswith("reportgen: bad could not be read: ")
    status, out, err = run(capsys, folders, "--json")
    assert (status, err, [one["name"] for one in json.loads(out)["unread"]]) == (0, "", ["bad"])


def test_it_needs_neither_torch_nor_what_draws_pages(bad):
    code = (
        "import sys; sys.modules['torch'] = None; from reportgen.cli.main import main;"
        f"assert main(['show', {str(bad)!r}]) == 0;"
        "print([m for m in ('matplotlib', 'jinja2', 'PIL', 'graphviz', 'reportgen.render') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.endswith("[]\n"), done.stderr
