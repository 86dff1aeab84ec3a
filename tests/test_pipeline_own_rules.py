"""What the user's own rules say, from a run to its folder, its page, and the page of its page."""

import dataclasses
import json

import pytest

import reportgen
from reportgen import Finding, Where
from reportgen.blocks import Column, Table
from reportgen.pipeline import build, build_overview
from reportgen.run.codec import to_plain
from reportgen.run.found import FOUND
from reportgen.testing import HOSTILE, ReportDoc, fake_run
from tests.readers.writing import journal_path, line, write_folder


def finding(**fields):
    given = {"id": "mine", "tier": "fact", "severity": "error", "title": "Mine is wrong", "why": "why", "fix": "fix"}
    return Finding(**{**given, **fields})


@reportgen.rule("mine", "Mine holds")
def mine(run):
    table = Table((Column("n", "count"),), ((len(run.scalars),),))
    return [finding(where=Where(module="fc1", tag="train/loss", step=2), evidence=table)]


@reportgen.rule("broken", "Broken holds")
def broken(run):
    raise ValueError("odd")


def small(**fields):
    return fake_run(layers=2, steps=5, snapshots=2, graphs=(), predictions=(), media={}, **fields)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "run", small())


def recorder(folder):
    """What writes into the journal as a report does."""

    def record(kind, check):
        with journal_path(folder).open("a") as journal:
            # Later than the end of the run, as it is written when the page is built.
            journal.write(line(kind, to_plain(check), t=2e9) + "\n")

    return record


def found_lines(folder):
    lines = [json.loads(text) for text in journal_path(folder).read_text().splitlines()]
    return [entry["v"]["id"] for entry in lines if entry["k"] == FOUND]


def test_what_own_rules_say_is_recorded_and_told_by_folder_and_page_alike(folder, tmp_path):
    first = build(folder, rules=(mine, broken), record=recorder(folder))
    page = first.path.read_bytes()
    assert [one.id for one in first.findings] == ["mine"]
    assert found_lines(folder) == ["mine", "broken"]

    # Without the rules: of the folder, and of the page.
    assert build(folder, tmp_path / "again.html").path.read_bytes() == page
    assert build(first.path, tmp_path / "of-page.html").path.read_bytes() == page
    for source in (folder, first.path):
        run = reportgen.load(source)
        (told,) = [one for one in reportgen.findings(run) if one.id == "mine"]
        assert told.evidence.rows == ((5,),)
        assert run.meta.status == "finished"
        assert run.own_rules[1].raised == "ValueError: odd"


def test_the_page_shows_the_finding_and_one_note_of_the_rule_that_raised(folder):
    doc = ReportDoc(build(folder, rules=(mine, broken)).path).check()
    text = doc.sections["findings"].text
    assert "Mine is wrong" in text
    assert text.count("ValueError: odd") == 1
    assert "fc1 in layers" in text


def test_what_was_recorded_already_is_not_recorded_again(folder):
    for _ in range(2):
        build(folder, rules=(mine,), record=recorder(folder))
    assert found_lines(folder) == ["mine"]

    changed = dataclasses.replace(mine, judge=lambda run: [])
    result = build(folder, rules=(changed,), record=recorder(folder))
    assert (found_lines(folder), result.findings) == (["mine", "mine"], ())
    assert build(folder).findings == ()


def test_embedding_everything_keeps_it_too(folder, tmp_path):
    page = build(folder, tmp_path / "full.html", embed="full", rules=(mine,)).path
    assert build(page, tmp_path / "again.html").path.read_bytes() == page.read_bytes()


def test_an_overview_counts_it(folder, tmp_path):
    build(folder, rules=(mine,), record=recorder(folder))
    other = write_folder(
        tmp_path / "other", fake_run(layers=2, steps=5, snapshots=2, graphs=(), predictions=(), media={})
    )
    result = build_overview([folder, other], tmp_path / "all.html")
    assert (result.with_errors, [one.id for one in result.findings]) == (1, ["mine"])


def test_installed_rules_are_asked_of_folders_and_change_no_page(folder, tmp_path, monkeypatch):
    page = build(folder).path
    monkeypatch.setattr("reportgen.diagnose.own.own_rules._installed", lambda: [("team", [mine])])

    assert build(page, tmp_path / "of-page.html").path.read_bytes() == page.read_bytes()
    asked = build(folder, tmp_path / "asked.html")
    assert [one.id for one in asked.findings] == ["mine"]
    assert found_lines(folder) == []
    monkeypatch.undo()
    assert build(asked.path, tmp_path / "again.html").path.read_bytes() == asked.path.read_bytes()


def test_hostile_texts_of_own_rules_stay_text(folder, tmp_path):
    text = "\n".join(HOSTILE)
    nasty = dict.fromkeys(("id", "title", "why", "fix", "code", "value", "limit", "source"), text)
    table = Table((Column(text, "code"), Column("x", text)), ((text, text),))
    where = Where(text, text, text, text, -(2**62))
    rule = reportgen.rule(text, text)(lambda run: [finding(**nasty, where=where, also=HOSTILE, evidence=table)])
    silent = reportgen.rule(HOSTILE[0], text)(lambda run: reportgen.Unchecked(f"{text}: call {text}."))
    raising = reportgen.rule(HOSTILE[1], text)(lambda run: {}[text])

    page = build(folder, rules=(rule, silent, raising), record=recorder(folder)).path
    ReportDoc(page).check()
    assert build(folder, tmp_path / "again.html").path.read_bytes() == page.read_bytes()
    assert build(page, tmp_path / "of-page.html").path.read_bytes() == page.read_bytes()


def test_what_is_silenced_survives_the_way_through_the_page(tmp_path):
    run = small(status="no end recorded")
    run = dataclasses.replace(run, meta=dataclasses.replace(run.meta, silenced=("no_end_recorded", "typo")))
    folder = write_folder(tmp_path / "run", run)

    result = build(folder)
    assert result.findings == ()
    assert reportgen.load(result.path).meta.silenced == ("no_end_recorded", "typo")
    text = ReportDoc(result.path).check().sections["findings"].text
    assert "Silenced: no_end_recorded" in text
    assert "To be silenced, but the name of no rule: typo." in text
