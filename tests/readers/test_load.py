import os

import pytest

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.readers.load import load, load_all
from reportgen.run.records import SCHEMA
from reportgen.testing import fake_run
from tests.readers.writing import write_folder


def small(**changes):
    return fake_run(**{"layers": 1, "steps": 4, "snapshots": 2, "examples": 4, **changes})


def refused(path):
    """The message that `load` refuses `path` with: one line that says what to do."""
    with pytest.raises(UnreadableRunError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_run_folder_is_loaded(tmp_path):
    assert load(write_folder(tmp_path / "run", small())).meta.title == "digits CNN"
    assert load(str(tmp_path / "run")).schema == SCHEMA


def test_what_is_no_run_is_refused_with_what_to_give(tmp_path):
    assert "does not exist" in refused(tmp_path / "nothing")
    assert "run.json" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    assert "give a run folder or a report.html" in refused(tmp_path / "notes.txt")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    assert "give a run folder or a report.html" in refused(tmp_path / "picture.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "neither a folder nor a file" in refused(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("null", "it has no schema number"),
        ("[]", "it has no schema number"),
        ('{"schema":"1"}', "it has no schema number"),
        ('{"schema":1}', "Meta"),
        ('{"schema":1,"title":5}', "Meta.title"),
    ],
)
def test_an_unreadable_manifest_is_refused_with_what_is_wrong_in_it(tmp_path, text, said):
    (tmp_path / "run.json").write_text(text)
    message = refused(tmp_path)
    assert message.startswith(str(tmp_path / "run.json"))
    assert said in message


def test_a_newer_run_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"schema":99}')
    with pytest.raises(NewerSchemaError, match="update reportgen"):
        load(tmp_path)


def test_a_folder_of_runs_is_loaded_one_by_one_and_refused_as_one(tmp_path):
    for name in ("b", "a"):
        write_folder(tmp_path / name, small(title=name))
    (tmp_path / "c").mkdir()
    assert [run.meta.title for run in load_all(tmp_path)] == ["a", "b"]
    assert [run.meta.title for run in load_all(tmp_path / "b")] == ["b"]
    message = refused(tmp_path)
    assert f"{tmp_path / 'a'}, {tmp_path / 'b'}" in message


def test_run_folders_in_a_run_folder_are_runs_and_its_own_run_stays_it(tmp_path):
    for name in (".", "train", "val", "deep/er", "media/no"):
        write_folder(tmp_path / name, small(title=name))
    assert [run.meta.title for run in load_all(tmp_path)] == [".", "deep/er", "train", "val"]
    run = load(tmp_path)
    assert run.meta.title == "."
    (note,) = [note for note in run.notes if note.where == "folders"]
    assert note.kind == "reading"
    assert "not shown here: train, val. reportgen.load_all gives them all" in note.what
    assert len(note.what) < 300  # what a page shows of it
    assert not [note for note in load(tmp_path / "train").notes if note.kind == "reading"]


def test_a_run_folder_with_more_below_it_than_can_be_looked_through_is_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr("reportgen.readers.events.find.MOST_FOLDERS", 2)
    write_folder(tmp_path, small(title="own"))
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    assert [run.meta.title for run in load_all(tmp_path)] == ["own"]


@pytest.mark.parametrize(("files", "said"), [(1, "1 event file lies"), (2, "2 event files lie")])
def test_event_files_beside_a_run_are_told_without_their_names(tmp_path, files, said):
    write_folder(tmp_path, small())
    for number in range(files):
        (tmp_path / f"events.out.tfevents.{number}.machine").write_bytes(b"")
    for run in (load(tmp_path), *load_all(tmp_path)):
        (note,) = [note for note in run.notes if note.where == "event files"]
        assert note.kind == "reading"
        assert note.what.startswith(f"{said} beside run.json and")
        assert "not shown: move" in note.what
        assert "machine" not in note.what


def test_very_many_runs_are_not_all_listed(tmp_path):
    for number in range(9):
        (tmp_path / f"run-{number}").mkdir()
        (tmp_path / f"run-{number}" / "run.json").write_text("{}")
    assert refused(tmp_path).endswith("and 4 more")
