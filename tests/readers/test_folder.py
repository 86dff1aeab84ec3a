import dataclasses
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reportgen.diagnose import diagnose
from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.readers.folder import read_folder
from reportgen.run.codec import to_plain
from reportgen.run.graph import Graph, GraphNode, GraphTimes
from reportgen.run.page_data import encode
from reportgen.run.records import SCHEMA, Images, Note, Run, TableRecord, TextRecord
from reportgen.run.series import Stamp
from reportgen.run.thin import thin
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of
from tests.readers.writing import journal_lines, journal_path, line, write_folder
from tests.run.test_page_data import assert_same

START = line("start", {"schema": SCHEMA, "attempt": 0, "rank": 0, "resumed_from": None, "reportgen": "0.1.0"}, t=1e9)
END = line("end", {"status": "finished"}, t=2e9)


def small(**changes):
    return fake_run(**{"layers": 1, "steps": 4, "snapshots": 2, "examples": 4, **changes})


def folder_of(tmp_path, *lines, status="running"):
    """A run folder with these journal lines after the start line."""
    run = small()
    run = dataclasses.replace(run, meta=dataclasses.replace(run.meta, status=status, ended=None))
    write_folder(tmp_path, run)
    journal_path(tmp_path).write_text("".join(f"{entry}\n" for entry in (START, *lines)))
    return tmp_path


@pytest.mark.parametrize("changes", [{}, {"hostile": True, "failure": True}, {"steps": 0}])
def test_what_was_written_is_read(tmp_path, changes):
    run = fake_run(**changes)
    run = dataclasses.replace(
        run,
        texts=(TextRecord("text", Stamp(3), "hello"),),
        tables=(TableRecord("table", ("a", "b"), ((1, "x"), (None, 2.5)), 2),),
        images=(Images("images", Stamp(1), tuple(run.media)[:2], ("one", "two"), 2),),
        notes=(Note("failure", "watch", "something failed", 3, 2),),
    )
    read = read_folder(write_folder(tmp_path, run))
    # The order of tags is the order in which they came, of one step that of the line.
    scalars = {tag: read.scalars[tag] for tag in run.scalars if len(run.scalars[tag])}
    assert_same(
        dataclasses.replace(read, scalars=scalars, meta=run.meta, media=run.media),
        dataclasses.replace(run, scalars={tag: series for tag, series in run.scalars.items() if len(series)}),
    )
    assert dict(read.media) == dict(run.media)
    assert read.meta.status == run.meta.status
    assert read.damage.lines == 0


def test_lines_of_one_step_give_a_point_each(tmp_path):
    lines = [
        line("scalars", {"a": 1.0, "b": "nan"}, 3),
        line("scalars", {"a": 2.0}, 3),
        line("scalars", {"b": "-inf"}, 4),
    ]
    run = read_folder(folder_of(tmp_path, *lines))
    assert list(run.scalars["a"].values) == [1.0, 2.0]
    assert list(run.scalars["a"].steps) == [3, 3]
    assert repr(list(run.scalars["b"].values)) == "[nan, -inf]"


def test_the_times_of_modules_are_those_of_their_first_calls(tmp_path):
    def module(name, path, call):
        return GraphNode(name, "module", path, "Linear", call=call)

    nodes = (
        module("m0", "", 1),
        module("m1", "fc", 1),
        module("m2", "fc", 2),
        GraphNode("o0", "operation", "fc", "fc"),
    )
    run = dataclasses.replace(fake_run(), graphs=(Graph("net", "x", nodes),))
    folder = write_folder(tmp_path, run)
    times = [{"": 0.5, "fc": 0.3}, {"": 0.4, "fc": 0.1, "gone": 1.0}]
    (journal,) = folder.glob("*.jsonl")
    with journal.open("a") as file:
        for seconds in times:
            file.write(line("graph_times", to_plain(GraphTimes("net", 5, seconds)), t=run.meta.started) + "\n")
        file.write(line("graph_times", to_plain(GraphTimes("other", 5, {"": 9.0})), t=run.meta.started) + "\n")
    (graph,) = read_folder(folder).graphs
    assert [node.seconds for node in graph.nodes] == [0.4, 0.1, None, None]


def test_the_last_line_of_a_prediction_set_and_of_a_graph_wins(tmp_path):
    run = small()
    first, last = run.predictions[0], dataclasses.replace(run.predictions[0], samples=7, metrics={"accuracy": 1.0})
    graph = dataclasses.replace(run.graphs[0], captured="again")
    run = dataclasses.replace(run, predictions=(first, last), graphs=(*run.graphs, graph))
    read = read_folder(write_folder(tmp_path, run))
    assert read.predictions == (last,)
    assert read.graphs == (graph,)


def test_notes_that_repeat_are_one(tmp_path):
    notes = [Note("failure", "log", "it failed", 5, 1), Note("failure", "log", "it failed", 9, 40)]
    read = read_folder(write_folder(tmp_path, small(notes=tuple(notes))))
    assert read.notes == (Note("failure", "log", "it failed", 5, 40),)


# -- status -------------------------------------------------------------------------------------------------------


def test_a_journal_without_an_end_says_so(tmp_path):
    run = read_folder(folder_of(tmp_path, line("scalars", {"a": 1.0}, t=1.5e9)))
    assert (run.meta.status, run.meta.ended, run.meta.last_record) == ("no end recorded", None, 1.5e9)


def test_a_run_that_went_on_after_its_end_has_none(tmp_path):
    lines = [line("scalars", {"a": 1.0}), END, line("scalars", {"a": 2.0}, 1)]
    assert read_folder(folder_of(tmp_path, *lines)).meta.status == "no end recorded"


def test_an_end_is_an_end_whatever_the_manifest_says(tmp_path):
    run = read_folder(folder_of(tmp_path, line("scalars", {"a": 1.0}), END))
    assert (run.meta.status, run.meta.ended) == ("finished", 2e9)
    assert [(attempt.number, attempt.status) for attempt in run.meta.attempts] == [(0, "finished")]


def test_a_lost_end_line_leaves_what_the_manifest_says(tmp_path):
    run = read_folder(folder_of(tmp_path, line("scalars", {"a": 1.0}), END[:-5], status="failed"))
    assert run.meta.status == "failed"
    assert run.damage.lines == 1


def test_a_folder_whose_journal_was_never_written_is_a_run(tmp_path):
    folder = folder_of(tmp_path)
    journal_path(folder).unlink()
    assert read_folder(folder).meta.status == "no end recorded"


# -- attempts -----------------------------------------------------------------------------------------------------


def attempts_of(tmp_path, resumed_from):
    folder = folder_of(
        tmp_path, *(line("scalars", {"a": float(k)}, k) for k in range(10)), line("scalars", {"b": 0.0}, 8)
    )
    start = {"schema": SCHEMA, "attempt": 1, "rank": 0, "resumed_from": resumed_from, "reportgen": "0.1.0"}
    lines = [line("start", start, t=1.1e9), *(line("scalars", {"a": 100.0 + k}, k) for k in range(6, 12)), END]
    journal_path(folder, 1).write_text("".join(f"{entry}\n" for entry in lines))
    return read_folder(folder)


@pytest.mark.parametrize("resumed_from", [None, 6])
def test_a_resumed_attempt_hides_what_it_did_again(tmp_path, resumed_from):
    run = attempts_of(tmp_path, resumed_from)
    assert list(run.scalars["a"].steps) == list(range(12))
    assert list(run.scalars["a"].values) == [0, 1, 2, 3, 4, 5, 106, 107, 108, 109, 110, 111]
    assert run.scalars["a"].restarts == (6,)
    assert run.scalars["a"].logged == 12
    assert [attempt.resumed_from for attempt in run.meta.attempts] == [None, resumed_from]
    assert run.meta.status == "finished"


def test_what_the_resumed_attempt_never_reached_again_is_hidden_only_when_its_step_is_known(tmp_path):
    assert list(attempts_of(tmp_path / "known", 6).scalars["b"].steps) == []
    assert list(attempts_of(tmp_path / "unknown", None).scalars["b"].steps) == [8]


def test_a_failure_of_an_earlier_attempt_is_no_failure_of_the_run(tmp_path):
    run = small(failure=True)
    write_folder(tmp_path, run)
    assert read_folder(tmp_path).failure == run.failure
    write_folder(tmp_path, small(), attempt=1, resumed_from=0)
    assert read_folder(tmp_path).failure is None


# -- damage -------------------------------------------------------------------------------------------------------

WRONG = [
    "",
    "null",
    "[]",
    "{}",
    '"text"',
    "\x00\x01",
    "{" * 5000,
    "[" * 100_000,
    "9" * 5000,
    '{"k":"scalars","step":1}',
    line("scalars", [1, 2]),
    line("scalars", {"a": None}),
    line("scalars", {"a": "1.0"}),
    line("scalars", {"a": [1]}),
    line("scalars", {"a": 10**400}),
    line("scalars", {"a": 1.0}, step=2**63),
    line("scalars", {"a": 1.0}, step=True),
    line("scalars", {"a": 1.0}, opt="3"),
    line("scalars", {"a": 1.0}, epoch="soon"),
    line("scalars", {"a": 1.0}, t=1e300),
    line("scalars", {"a": 1.0}, t="now"),
    line("measures", {"q": [1]}),
    line("measures", 3),
    line("distributions", {"weight": {"w": [1, 2]}}),
    line("distributions", {"weight": {"w": {"count": -1}}}),
    line("predictions", {"split": 3}),
    line("predictions", None),
    line("graph", {"model": "m", "nodes": [{"id": 5}]}),
    line("images", {"tag": "t", "stamp": None, "media": "abc"}),
    line("note", "text"),
    line("end", {"status": 5}),
    line("unheard of", {}),
]


@pytest.mark.parametrize("wrong", [w for w in WRONG if w], ids=range(len(WRONG) - 1))
def test_a_damaged_line_is_skipped_and_counted(tmp_path, wrong):
    run = read_folder(folder_of(tmp_path, line("scalars", {"a": 1.0}, 1), wrong, line("scalars", {"a": 2.0}, 2)))
    assert list(run.scalars["a"].values) == [1.0, 2.0]
    assert run.damage.lines == 1
    assert run.damage.files == ("events.rank-00000.attempt-000.jsonl",)
    assert not run.damage.torn_tail


def test_a_torn_last_line_is_skipped_and_said(tmp_path):
    folder = folder_of(tmp_path, line("scalars", {"a": 1.0}, 1))
    with journal_path(folder).open("a") as file:
        file.write(line("scalars", {"a": 2.0}, 2)[:-4])
    run = read_folder(folder)
    assert list(run.scalars["a"].values) == [1.0]
    assert (run.damage.lines, run.damage.torn_tail) == (0, True)


def test_a_whole_last_line_without_its_newline_counts(tmp_path):
    folder = folder_of(tmp_path)
    journal_path(folder).write_text(f"{START}\n{line('scalars', {'a': 2.0}, 2)}")
    run = read_folder(folder)
    assert list(run.scalars["a"].values) == [2.0]
    assert not run.damage.torn_tail


@pytest.fixture(scope="module")
def journal_bytes():
    return "".join(f"{entry}\n" for entry in journal_lines(small(failure=True))).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_journal_stops_reading(tmp_path_factory, journal_bytes, data):
    damaged = bytearray(journal_bytes)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "remove", "swap"]))
        if kind == "cut":
            del damaged[at:]
        elif kind == "insert":
            damaged[at:at] = data.draw(st.binary(max_size=40))
        elif kind == "remove":
            del damaged[at : at + data.draw(st.integers(1, 400))]
        elif damaged:
            damaged[at % len(damaged)] = data.draw(st.integers(0, 255)) if kind == "flip" else ord("9")
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        write_folder(folder, small())
    journal_path(folder).write_bytes(damaged)
    try:
        assert isinstance(read_folder(folder), Run)
    except NewerSchemaError:
        assert f'"schema":{SCHEMA},'.encode() not in damaged


# -- what is not read ---------------------------------------------------------------------------------------------


def test_missing_pictures_are_taken_out_and_noted(tmp_path):
    run = small()
    folder = write_folder(tmp_path, run)
    lost = sorted(run.media)[0]
    (folder / "media" / lost).unlink()
    read = read_folder(folder)
    assert lost not in read.media
    assert "1 of" in read.notes[-1].what
    assert all(example.image != lost for one in read.predictions for example in one.examples)


def test_a_name_that_leads_out_of_the_folder_is_never_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "run" / "media").mkdir(parents=True)
    os.symlink(tmp_path / "secret.png", tmp_path / "run" / "media" / "link.png")
    names = ("../../secret.png", str(tmp_path / "secret.png"), "link.png", "..", "", "a/b.png", "x\x00.png")
    run = small(images=(Images("odd", Stamp(0), names),), media={}, predictions=())
    read = read_folder(write_folder(tmp_path / "run", run))
    assert dict(read.media) == {}
    assert read.images[0].media == ()
    assert "7 of 7 files are missing" in read.notes[-1].what


def test_other_ranks_and_stray_files_are_left_alone(tmp_path):
    folder = folder_of(tmp_path, line("scalars", {"a": 1.0}))
    (folder / "events.rank-00001.attempt-000.jsonl").write_text(line("scalars", {"other": 1.0}))
    (folder / "events.rank-00000.attempt-x.jsonl").write_text("rubbish")
    run = read_folder(folder)
    assert list(run.scalars) == ["a"]
    assert run.damage.lines == 0


def test_a_confusion_matrix_that_is_not_square_is_a_damaged_line(tmp_path):
    made = to_plain(fake_run(layers=0, steps=1, snapshots=1).predictions[0])
    assert "confusion" in made
    lines = [line("predictions", {**made, "confusion": rows}) for rows in ([[1, 2]] * 5, [[1], [2]], [[]])]
    run = read_folder(folder_of(tmp_path, *lines, line("predictions", {**made, "confusion": [[1, 2], [3, 4]]})))
    assert [each.confusion for each in run.predictions] == [((1, 2), (3, 4))]
    assert run.damage.lines == 3


@pytest.mark.parametrize("odd", [{"severity": "\x1b[31m"}, {"tier": ""}])
def test_a_finding_of_no_known_kind_is_a_damaged_line(tmp_path, odd):
    found = {"id": "mine", "tier": "fact", "severity": "error", "title": "Bad", "why": "", "fix": ""}
    checks = [{"id": name, "title": "Good", "found": [each]} for name, each in (("odd", found | odd), ("mine", found))]
    run = read_folder(folder_of(tmp_path, *(line("found", check) for check in checks)))
    assert [check.id for check in run.own_rules] == ["mine"]
    assert run.damage.lines == 1
    assert "mine" in [finding.id for finding in diagnose(run).findings]


def test_a_newer_journal_is_an_error(tmp_path):
    folder = folder_of(tmp_path)
    start = json.loads(START)
    start["v"]["schema"] = SCHEMA + 1
    journal_path(folder).write_text(json.dumps(start) + "\n")
    with pytest.raises(NewerSchemaError, match="update reportgen"):
        read_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_journal_without_permission_is_an_error(tmp_path):
    folder = folder_of(tmp_path)
    journal_path(folder).chmod(0)
    with pytest.raises(UnreadableRunError, match="cannot be read"):
        read_folder(folder)


# -- for a page ---------------------------------------------------------------------------------------------------


def test_reading_for_a_page_gives_the_same_page(tmp_path):
    run = fake_run(snapshots=40, hostile=True)
    series = next(iter(run.distributions["gradient"].values()))
    odd = (*series.snapshots[:20], distribution_of([1.0, float("nan")]), *series.snapshots[21:])
    gradients = {**run.distributions["gradient"], series.name: dataclasses.replace(series, snapshots=odd)}
    run = dataclasses.replace(run, distributions={**run.distributions, "gradient": gradients})
    folder = write_folder(tmp_path, run)
    full, page = thin(read_folder(folder)), thin(read_folder(folder, page=True))
    assert_same(page, full)
    assert encode(page) == encode(full)
    assert any(snapshot.nans for snapshot in page.distributions["gradient"][series.name].snapshots)


def test_a_damaged_distribution_is_found_when_it_is_decoded(tmp_path):
    wrong = line("distributions", {"weight": {"w": [1] * 11, "v": [1] * 11}})
    run = read_folder(folder_of(tmp_path, wrong, line("scalars", {"a": 1.0})))
    assert run.damage.lines == 1
    assert run.distributions == {}
