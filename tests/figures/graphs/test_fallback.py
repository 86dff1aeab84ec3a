"""A Graphviz that is missing, fails, hangs, or writes what cannot be read."""

import os
import re
import shutil
import stat
import subprocess
import sys
import time

import pytest

from reportgen.blocks.slug import slug
from reportgen.figures import engine
from reportgen.figures.graphs import view as viewing
from reportgen.testing.graphs import failed, resnet, transformer
from tests.figures.graphs.drawn import plain, texts, view, words

DOT = shutil.which("dot")


@pytest.fixture
def dot(tmp_path, monkeypatch):
    """Puts a program of Python lines in the place of dot."""

    def put(body):
        path = tmp_path / "dot"
        path.write_text(f"#!{sys.executable}\nimport os, subprocess, sys, time\nsource = sys.stdin.read()\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(engine, "programs", lambda: (str(path),))

    return put


def ids(shown):
    """The ids that are on the page with these pictures."""
    own = {name for picture in shown.pictures for name in re.findall(r'\bid="([^"]*)"', picture.markup)}
    return own | {picture.id for picture in shown.pictures[1:]} | {"graph-net"}


def leads(shown):
    """The ids to which the pictures, their ways back up, and others lead."""
    links = {name for picture in shown.pictures for name in re.findall(r'href="#([^"]*)"', picture.markup)}
    crumbs = {name for picture in shown.pictures for _, name in picture.crumbs if name}
    return links | crumbs | set(shown.targets.values())


def test_without_graphviz_the_same_is_told_as_text(monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: ())
    shown = view(transformer(48))
    assert shown.pictures == ()
    assert "pip install graphviz-pure" in shown.notes[0]
    assert [title for title, _ in shown.texts] == ["The same as text", "DOT source, for any Graphviz"]
    told = plain(shown.texts[0][1])
    assert "h.0 to h.47 Block ×48, 4×128×768, 340 M parameters in all" in told
    assert "\n  attn CausalSelfAttention, " in told
    assert "\n    c_attn Linear, 4×128×2304, 1.77 M parameters" in told
    stopped = plain(view(failed()).texts[0][1])
    assert "fc1 Linear, 402 k parameters, failed here, got float32 32×1600, takes 3,136 features" in stopped
    assert "fc2 Linear, 1.29 k parameters, not called" in stopped


def test_the_source_for_readers_is_drawn_by_graphviz(monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: ())
    source = view(failed()).texts[1][1]
    drawn = subprocess.run([DOT, "-Tsvg"], input=source.encode(), capture_output=True, check=True).stdout.decode()
    assert "fc1 Linear" in drawn
    assert "takes 3,136 features in the last" in drawn


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('no plugins')", "dot failed with status 1: no plugins"),
        ("os.abort()", "dot failed with status -6: no message"),
        ("print('<html>}')", "Graphviz wrote no layout that can be read"),
        ("print('{}')", "Graphviz wrote a layout that cannot be read (KeyError)"),
        ('print(\'{"bb": "0,0,10,10"}\')', "Graphviz left out a part of the picture"),
        ('print(\'{"bb": "0,0,nan,10"}\')', "Graphviz wrote a layout that cannot be read (ValueError)"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe{}')", "Graphviz wrote a layout that cannot be read (KeyError)"),
    ],
    ids=["fails", "crashes", "html", "empty", "nothing in it", "no number", "no text"],
)
@pytest.mark.skipif(os.name == "nt", reason="a program with a first line")
def test_a_graphviz_that_is_broken_leaves_a_sentence_and_the_text(dot, body, said):
    dot(body)
    shown = view(resnet())
    assert shown.pictures == ()
    assert shown.notes == (f"Without a picture: {said}.",)
    assert "layer2 Sequential" in shown.texts[0][1]


@pytest.mark.skipif(os.name == "nt", reason="a program with a first line")
def test_an_inside_that_takes_too_long_is_left_out_and_the_rest_drawn(dot, monkeypatch):
    monkeypatch.setattr(viewing, "SECONDS", 3.0)
    # The third picture hangs; those that follow it are well.
    dot(
        "with open(__file__ + '.calls', 'a+') as calls: calls.write('x'); count = calls.tell()\n"
        "if count == 3: time.sleep(60)\n"
        f"subprocess.run([{DOT!r}, *sys.argv[1:]], input=source.encode(), check=True)"
    )
    started = time.monotonic()
    shown = view(resnet())
    assert time.monotonic() - started < 30
    whole = ["layer1.0", "layer2.1", "layer3.0", "layer3.1", "layer4.0", "layer4.1"]
    assert [picture.title for picture in shown.pictures] == ["Net", *(f"{name}: BasicBlock" for name in whole)]
    assert "1 picture of the insides of modules left out: Graphviz took longer than 3 s." in shown.notes
    # The one that is not there is led to by no box, which says nothing of an inside either, and by nothing else.
    found = ids(shown)
    assert slug("in", "layer3.0") in found
    assert slug("in", "layer2.0") not in found
    assert leads(shown) <= found
    assert {picture.id for picture in shown.pictures[1:]} <= leads(shown)
    told = texts(shown.pictures[0].markup)
    assert len([line for line in told if line.endswith("calls inside")]) == len(whole)
    assert shown.targets["layer2.0.conv1"] == "graph-net"


@pytest.mark.skipif(os.name == "nt", reason="a program with a first line")
def test_graphviz_lays_out_one_picture_a_call_so_that_each_is_the_same_whatever_came_before(dot):
    dot(
        "assert source.count('digraph') == 1\n"
        f"subprocess.run([{DOT!r}, *sys.argv[1:]], input=source.encode(), check=True)"
    )
    assert len(view(resnet()).pictures) == 8


@pytest.mark.skipif(os.name == "nt", reason="a program with a first line")
def test_an_overview_that_takes_too_long_is_drawn_coarser(dot, monkeypatch):
    monkeypatch.setattr(viewing, "SECONDS", 1.5)
    dot(
        "if source.count('cluster'): time.sleep(60)\n"
        f"subprocess.run([{DOT!r}, *sys.argv[1:]], input=source.encode(), check=True)"
    )
    shown = view(transformer(48))
    assert [picture.title for picture in shown.pictures] == ["Net"]
    assert "h.0 to h.47 Block ×48" in words(shown)
    assert "ln_1 LayerNorm" not in words(shown)
    assert shown.notes[0] == "Drawn coarser: Graphviz took longer than 1.5 s."
    assert leads(shown) <= ids(shown)


@pytest.mark.skipif(os.name == "nt", reason="a program with a first line")
def test_a_graphviz_that_always_hangs_is_given_up(dot, monkeypatch):
    monkeypatch.setattr(viewing, "SECONDS", 0.5)
    monkeypatch.setattr(viewing, "SECONDS_AGAIN", 0.5)
    dot("time.sleep(60)")
    started = time.monotonic()
    shown = view(resnet())
    assert time.monotonic() - started < 20
    assert shown.pictures == ()
    assert shown.notes == ("Without a picture: Graphviz took longer than 0.5 s.",)
