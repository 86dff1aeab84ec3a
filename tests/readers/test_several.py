from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.several import Source, find, given_names
from reportgen.testing import fake_run
from tests.readers.writing import write_folder


def run_folder(path):
    return write_folder(path, fake_run(title=path.name, layers=0, steps=2, snapshots=1, classes=0, graphs=(), media={}))


def test_a_folders_runs_are_named_by_their_places_in_it(tmp_path):
    for place in ("b", "a/deep", "c"):
        run_folder(tmp_path / place)
    found = list(find([tmp_path]))
    assert [source.name for source in found] == ["a/deep", "b", "c"]
    assert [source.read().meta.title for source in found] == ["deep", "b", "c"]


def test_what_is_given_is_named_by_as_little_as_tells_it_apart(tmp_path):
    places = [tmp_path / place for place in ("x/run", "y/run", "z/other")]
    for place in places:
        run_folder(place)
    assert [source.name for source in find(places)] == ["x/run", "y/run", "other"]
    assert [source.name for source in find([tmp_path / "x", places[2]])] == ["x/run", "other"]


def test_pages_are_named_by_their_folder_or_their_own_name():
    paths = [Path("/a/one/report.html"), Path("/a/two/report.html"), Path("/a/three.html"), Path("/b/three.html")]
    assert given_names(paths) == ["one", "two", "a/three", "b/three"]


def test_a_run_folder_that_holds_others_is_one_run_and_below_another_folder_each_is_one(tmp_path):
    for place in ("x", "x/train", "x/val"):
        run_folder(tmp_path / place)
    assert [source.name for source in find([tmp_path / "x"])] == ["x"]
    assert [source.name for source in find([tmp_path])] == ["x", "x/train", "x/val"]


def test_what_is_given_twice_is_taken_once(tmp_path):
    folder = run_folder(tmp_path / "run")
    assert len(list(find([folder, tmp_path / "." / "run", folder]))) == 1


def test_a_run_that_cannot_be_read_says_why_without_naming_where_all_of_it_lies(tmp_path, monkeypatch):
    run_folder(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{")
    sources = {source.name: source for source in find([tmp_path]) if isinstance(source, Source)}
    error = sources["bad"].read()
    assert isinstance(error, UnreadableRunError)
    assert str(tmp_path) not in sources["bad"].reason(error)
    assert "bad" in sources["bad"].reason(error)
    monkeypatch.chdir(tmp_path)
    here = {source.name: source for source in find([Path(".")])}
    assert here["bad"].reason(here["bad"].read()) == sources["bad"].reason(error)
    missing = next(iter(find([tmp_path / "missing", tmp_path / "good"])))
    assert missing.reason(missing.read()).startswith("missing does not exist")
