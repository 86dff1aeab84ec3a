"""Files made to take all memory or time: each costs what it says of itself, and no more."""

import os
import struct
import zlib

import pytest
from PIL import Image

from reportgen import load
from reportgen.errors import UnreadableRunError
from reportgen.readers.events import framing
from reportgen.readers.events.graphdef import Node
from reportgen.readers.events.plugins import graphs, meshes, projector
from reportgen.readers.events.remarks import SAID, TOLD
from tests.readers.events.writing import (
    double,
    event,
    number,
    points,
    scalar,
    session,
    single,
    summary,
    text,
    version,
    write,
)


def shape(*sizes):
    return text(2, b"".join(text(2, number(1, size)) for size in sizes))


def logged(tag, field, data, plugin="", content=b""):
    told = text(9, text(1, text(1, plugin) + text(2, content))) if plugin else b""
    return event(summary(text(1, tag) + text(field, data) + told), step=1)


def with_numbers(folder, *payloads):
    """The run of a file with these payloads between two numbers, which must both be there."""
    write(folder, version(), scalar("loss", 1.0, 1), *payloads, scalar("loss", 2.0, 2))
    run = load(folder)
    assert points(run, "loss") == [(1, 1.0), (2, 2.0)]
    return run


def said(run, where):
    return [note.what for note in run.notes if note.where == where]


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_a_number_that_stands_for_all_of_a_huge_tensor_is_refused(tmp_path):
    huge = number(1, 2) + shape(1 << 28) + double(6, 1.0)
    small = number(1, 2) + shape(3) + double(6, 1.0)
    run = with_numbers(tmp_path, logged("huge", 8, huge, "tensor"), logged("small", 8, small, "tensor"))
    assert [record.tag for record in run.tensors] == ["small"]
    assert "far larger than its numbers" in run.damage.ranges[0]


def test_of_a_batch_of_very_many_meshes_the_first_are_taken(tmp_path):
    empty = number(1, 1) + shape(1 << 40, 0, 3)
    run = with_numbers(tmp_path, logged("mesh_VERTEX", 8, empty, "mesh", number(3, 1)))
    assert len(run.meshes) == meshes.MOST
    assert "1,099,511,627,776 meshes" in said(run, "meshes")[0]


@pytest.mark.parametrize(("depth", "kept"), [(3, True), (70, False), (3000, False)])
def test_lists_within_lists_are_told_once_and_refused_where_too_deep(tmp_path, depth, kept):
    value = text(3, "'\"")
    for _ in range(depth):
        value = text(6, text(1, value))
    params = text(3, text(1, text(1, "x") + text(2, value)))
    told = text(1, "_hparams_/session_start_info") + text(9, text(1, text(1, "hparams") + text(2, params)))
    run = with_numbers(tmp_path, event(summary(told)))
    assert run.damage.losses == (0 if kept else 1)
    if kept:
        assert run.hparams[0].params == {"x": "[[['\\'\"']]]"}


def test_a_graph_of_very_many_scopes_is_drawn_to_a_depth():
    deep = "/".join(["scope"] * 5000)
    graph = graphs.graph_of([Node(f"{deep}/a", "Add"), Node(f"{deep}/b", "Mul", (f"{deep}/a",))])
    assert len(graph.nodes) < graphs.MOST_DEPTH + 5
    assert len(graph.edges) == 1


def test_a_graph_of_very_many_edges_says_that_some_are_missing(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_EDGES", 10)
    nodes = [Node(f"n{at}", "Add", tuple(f"n{before}" for before in range(at))) for at in range(8)]
    graph = graphs.graph_of(nodes)
    assert len(graph.edges) == 10
    assert "too many edges" in graph.notes[-1]


def test_paths_through_what_is_not_drawn_are_followed_so_far(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_PATHS", 50)
    silent = [Node(f"c{at}", "Identity", tuple(f"c{before}" for before in range(at))) for at in range(30)]
    graph = graphs.graph_of([*silent, Node("end", "Add", ("c29",))])
    assert "too many edges" in graph.notes[-1]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ('embeddings { tensor_path: "../../other.tsv" }', "outside of the log folder"),
        ('embeddings { tensor_path: "link.tsv" }', "outside of the log folder"),
        ('embeddings { tensor_path: "loop" }', "loop of links"),
        ('embeddings { tensor_path: "pipe" }', "is missing"),
        ('embeddings { tensor_path: "\\000" }', "null"),
        ('embeddings { tensor_path: "t.tsv" sprite { image_path: "s.png" single_image_dim: [1, 1] } }', "many pixels"),
    ],
)
def test_a_projector_leads_nowhere_but_into_its_folder(tmp_path, config, reason):
    folder = tmp_path / "logs"
    folder.mkdir()
    (tmp_path / "other.tsv").write_text("1\t2\n")
    (folder / "link.tsv").symlink_to(tmp_path / "other.tsv")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    (folder / "t.tsv").write_text("1\t2\n3\t4\n")
    (folder / "s.png").write_bytes(png(60_000, 60_000))
    (folder / projector.CONFIG).write_text(config)
    run = with_numbers(folder)
    assert run.embeddings == ()
    assert reason in said(run, "embeddings")[0]


def test_a_projector_that_names_a_table_very_often_reads_it_so_often(tmp_path):
    (tmp_path / "t.tsv").write_text("1\t2\n")
    (tmp_path / projector.CONFIG).write_text('embeddings { tensor_path: "t.tsv" }\n' * 300)
    run = with_numbers(tmp_path)
    assert len(run.embeddings) == projector.MOST
    assert "names 300 embeddings" in said(run, "embeddings")[0]


@pytest.mark.parametrize("text", ['"' + '\\"' * 300_000, "'" * 99_999 + '"\\', 'a: "b\\\nc'])
def test_a_text_without_an_end_is_one_text(text):
    message = projector.parse(f"name: {text}")
    assert len(message.fields) == 1


def test_payloads_that_make_no_sense_cost_themselves_alone(tmp_path):
    bad = [payload for at in range(500) for payload in (b"\xff" * 30, scalar("between", at, at))]
    run = with_numbers(tmp_path, *bad)
    assert points(run, "between") == [(at, at) for at in range(500)]
    assert (run.damage.losses, run.damage.bytes, len(run.damage.ranges)) == (500, 500 * 46, TOLD)


def test_of_a_file_that_is_damaged_all_over_the_losses_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(framing, "MOST_LOSSES", 3)
    run = with_numbers(tmp_path, *[b"\xff" * 30] * 20)
    assert (run.damage.losses, run.damage.bytes, len(run.damage.ranges)) == (20, 20 * 46, 3)


def test_a_tag_that_is_a_whole_text_is_cut_and_stays_its_own(tmp_path):
    tags = ["x" * 100_000 + end for end in "ab"]
    run = with_numbers(tmp_path, *(scalar(tag, at, step) for step in range(2) for at, tag in enumerate(tags)))
    first, second = (tag for tag in run.scalars if tag != "loss")
    assert len(first) < 300
    assert (points(run, first), points(run, second)) == ([(0, 0.0), (1, 0.0)], [(0, 1.0), (1, 1.0)])


def test_what_is_not_shown_and_what_was_purged_is_told_in_few_notes(tmp_path):
    odd = [logged(f"u{at}", 8, number(1, 1) + single(5, 1.0), f"plugin {at}") for at in range(200)]
    write(tmp_path, *odd, *(part for at in range(200) for part in (scalar("a", 1.0, 5), session(5))))
    run = load(tmp_path)
    assert len(run.notes) < 2 * SAID + 10
    assert sum(note.times for note in run.notes if note.where == "event files") == 200
    assert said(run, "purge")[-1] == "150 records more were dropped, as later writers asked (purge_step)"


def test_a_histogram_whose_file_has_gone_since_is_noted(tmp_path):
    bounds, counts = struct.pack("<2d", 0.0, 1.0), struct.pack("<2d", 0.0, 3.0)
    data = double(2, 1.0) + double(3, 3.0) + text(6, bounds) + text(7, counts)
    from reportgen.readers.load import runs_in

    path = write(tmp_path, version(), scalar("loss", 1.0, 1), logged("h", 5, data))
    ((_, read),) = runs_in(tmp_path)
    assert read(False).distributions["histogram"]["h"].snapshots[0].count == 3
    path.unlink()
    run = read(False)
    assert run.distributions == {}
    assert "cannot be read any more" in said(run, "histograms")[0]
    assert points(run, "loss") == [(1, 1.0)]


def test_a_picture_that_shrank_since_is_a_clear_error(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "p.png")
    data = number(1, 4) + number(2, 4) + text(4, (tmp_path / "p.png").read_bytes())
    path = write(tmp_path, version(), logged("i", 4, data))
    run = load(tmp_path)
    (name,) = run.media
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableRunError, match="shorter"):
        run.media[name]


def test_a_manifest_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(UnreadableRunError, match="not a regular file"):
        load(tmp_path)
