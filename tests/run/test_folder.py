import dataclasses
import json
import re

import pytest

from reportgen.errors import NewerSchemaError, OutputError, UnreadableRunError
from reportgen.run.folder import MANIFEST, create_folder, launched_rank, read_manifest, write_manifest
from reportgen.run.records import SCHEMA, Meta
from reportgen.testing import HOSTILE, fake_run

META = Meta(title="t", status="running", started=1.0)
LAUNCHER = ("RANK", "SLURM_PROCID", "TORCHELASTIC_RUN_ID", "SLURM_JOB_ID")
LEGAL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in LAUNCHER:
        monkeypatch.delenv(name, raising=False)


def test_the_folder_is_named_after_title_and_time():
    folder = create_folder("Digits CNN, 2nd try!", now=0.0)
    assert re.fullmatch(r"digits-cnn-2nd-try-(19700101|19691231)-\d{6}", folder.path.name)
    assert folder.path.is_dir()
    assert (folder.attempt, folder.warning) == (0, "")


def test_folders_of_the_same_second_are_numbered():
    names = [create_folder("x", now=0.0).path.name for _ in range(3)]
    assert [name.removeprefix(names[0]) for name in names] == ["", "-2", "-3"]


@pytest.mark.parametrize("title", [*HOSTILE, "CON", "nul", "com1", "...", "ä", "a" * 300, "trailing."])
def test_any_title_gives_a_name_that_every_system_allows(title):
    name = create_folder(title, now=0.0).path.name
    assert LEGAL.fullmatch(name)
    assert len(name) <= 40 + len("-19700101-000000")
    assert name.partition("-")[0] not in ("con", "nul", "com1")


def test_a_folder_that_holds_a_run_is_resumed_only_when_asked(tmp_path):
    first = create_folder("x", tmp_path / "run")
    write_manifest(first.path, META)
    first.journal.write_text("")
    second = create_folder("x", tmp_path / "run", resume=True)
    assert (second.path, second.attempt) == (first.path, 1)
    second.journal.write_text("")
    assert create_folder("x", tmp_path / "run", resume=True).attempt == 2
    beside = create_folder("x", tmp_path / "run")
    assert (beside.path.name, beside.attempt) == ("run-2", 0)
    assert "resume=True" in beside.warning
    assert str(tmp_path / "run") in beside.warning


@pytest.mark.parametrize("folder", [None, "here", "new/here"])
def test_the_folder_stays_where_it_is_when_the_script_goes_elsewhere(tmp_path, monkeypatch, folder):
    made = create_folder("x", folder).path
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert made.is_dir()
    assert made.is_relative_to(tmp_path)


def test_a_working_folder_that_is_gone_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(OutputError, match="folder="):
        create_folder("x", "run")
    monkeypatch.chdir(tmp_path)


def test_resuming_where_there_is_nothing_starts_anew(tmp_path):
    assert create_folder("x", tmp_path / "new" / "run", resume=True).attempt == 0


def test_an_impossible_folder_is_an_error_that_says_which_and_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file.run.*folder=") as raised:
        create_folder("x", tmp_path / "file" / "run")
    assert raised.value.exit_status == 4


def test_ranks_agree_on_the_folder_and_only_the_first_makes_it(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job/7")
    monkeypatch.setenv("RANK", "3")
    other = create_folder("x")
    assert other.rank == 3
    assert not other.path.exists()
    monkeypatch.setenv("RANK", "0")
    assert create_folder("x").path == other.path
    assert other.path.name == "x-job-7"
    assert other.path.is_dir()


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        ({}, 0),
        ({"RANK": "2"}, 2),
        ({"SLURM_PROCID": "5"}, 5),
        ({"RANK": "0", "SLURM_PROCID": "5"}, 0),
        ({"RANK": "x"}, 0),
    ],
)
def test_the_rank_is_the_launchers(monkeypatch, variables, rank):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launched_rank() == rank


def test_torchruns_placeholder_is_no_name(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert "none" not in create_folder("x").path.name


def test_the_manifest_comes_back(tmp_path):
    meta = dataclasses.replace(fake_run(hostile=True).meta, attempts=())
    write_manifest(tmp_path, meta)
    assert read_manifest(tmp_path) == meta
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST]
    assert json.loads((tmp_path / MANIFEST).read_text())["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "no schema"),
        ('{"schema": "1"}', "no schema"),
        ('{"schema": 1}', "Meta.title"),
        ('{"schema": 1, "title": 3, "status": "", "started": 0}', "Meta.title"),
        ("\udcff", "cannot be read"),
    ],
)
def test_an_unreadable_manifest_says_what_to_do(tmp_path, text, said):
    (tmp_path / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UnreadableRunError, match=said) as raised:
        read_manifest(tmp_path)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_status == 3


def test_no_manifest_and_a_newer_one_are_told_apart(tmp_path):
    with pytest.raises(UnreadableRunError, match=r"no run\.json"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text('{"schema": 99}')
    with pytest.raises(NewerSchemaError, match=r"schema 99.*update reportgen"):
        read_manifest(tmp_path)
