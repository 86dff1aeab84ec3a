"""Damaged event files: whatever is wrong with a file, everything outside of the damage is read."""

import contextlib

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from reportgen import load
from reportgen.diagnose import diagnose
from reportgen.errors import UnreadableRunError
from reportgen.pipeline import build_html
from reportgen.readers.events import framing, log
from reportgen.readers.events.names import shown_file
from reportgen.sections.environment import build as environment
from tests.readers.events.writing import NAME, frame, points, scalar, session, version, write


@pytest.fixture
def slow(monkeypatch):
    """As if the extra with fast checksums were not installed."""
    monkeypatch.setattr(framing, "fast_crc32c", lambda: None)


PAYLOADS = [version(), *(scalar("a", at, at) for at in range(3)), *(scalar("b", at, at) for at in range(3))]
FRAMES = [frame(payload) for payload in PAYLOADS]
WHOLE = b"".join(FRAMES)
ENDS = [sum(len(one) for one in FRAMES[: at + 1]) for at in range(len(FRAMES))]


def intact(kept):
    """What is to be read of PAYLOADS when only those of these numbers are intact."""
    found = {}
    for at in kept:
        if at:
            step = (at - 1) % 3
            found.setdefault("a" if at <= 3 else "b", []).append((step, float(step)))
    return found


def read(path):
    run = load(path)
    return run, {tag: points(run, tag) for tag in run.scalars}


def test_every_byte_may_be_flipped_and_costs_one_record(tmp_path):
    path = write(tmp_path)
    for place in range(len(WHOLE)):
        damaged = bytearray(WHOLE)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        hit = next(at for at, end in enumerate(ENDS) if place < end)
        run, found = read(path)
        assert found == intact([at for at in range(len(FRAMES)) if at != hit])
        assert run.damage.losses == 1
        assert run.damage.bytes == len(FRAMES[hit])
        start = ENDS[hit] - len(FRAMES[hit])
        assert f"{len(FRAMES[hit])} bytes from byte {start:,} on" in run.damage.ranges[0]
        assert not run.damage.torn_tail


def test_a_file_may_end_anywhere(tmp_path):
    path = write(tmp_path)
    for size in range(1, len(WHOLE)):
        path.write_bytes(WHOLE[:size])
        whole = sum(end <= size for end in ENDS)
        if not whole:
            with pytest.raises(UnreadableRunError, match="is no event file"):
                load(path)
            continue
        run, found = read(path)
        assert found == intact(range(whole))
        torn = size not in ENDS
        assert (run.damage.torn_tail, run.damage.losses) == (torn, int(torn))


def test_without_fast_checksums_nothing_outside_of_the_damage_changes(tmp_path, slow):
    path = write(tmp_path)
    for place in range(len(WHOLE)):
        damaged = bytearray(WHOLE)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        hit = next(at for at, end in enumerate(ENDS) if place < end)
        run, found = read(path)
        wanted = intact([at for at in range(len(FRAMES)) if at != hit])
        for tag, kept in wanted.items():
            assert [point for point in found[tag] if point in kept] == kept
        # A changed time, step or value of a known tag is not noticed; a changed tag is, and makes no new one.
        assert set(found) <= {"a", "b"}
        assert sum(map(len, found.values())) + run.damage.losses <= 7


def test_the_page_says_which_checksums_were_checked(tmp_path, slow):
    path = write(tmp_path, *PAYLOADS)
    told = [note.what for note in load(path).notes if note.where == "checksums"]
    assert len(told) == 1
    assert "crc32c" in told[0]
    assert "crc32c" in str(environment(load(path), diagnose(load(path))).blocks)


def test_with_the_extra_every_checksum_is_checked_and_the_page_says_so(tmp_path):
    path = write(tmp_path, *PAYLOADS)
    (told,) = (note.what for note in load(path).notes if note.where == "checksums")
    assert told == "the checksum of every record was checked"


def test_damage_is_a_finding_that_names_the_bytes(tmp_path):
    damaged = bytearray(WHOLE)
    damaged[ENDS[2] + 3] ^= 1
    run = load(write(tmp_path, tail=bytes(damaged)))
    (finding,) = (one for one in diagnose(run).findings if one.id == "damaged_journal")
    assert finding.severity == "warning"
    assert f"{shown_file(NAME)}: {len(FRAMES[3])} bytes from byte {ENDS[2]} on" in finding.evidence.rows[0][0]
    html, _ = build_html(run)
    assert f"bytes from byte {ENDS[2]} on" in html


def test_a_torn_end_alone_is_no_warning(tmp_path):
    run = load(write(tmp_path, tail=WHOLE[:-3]))
    (finding,) = (one for one in diagnose(run).findings if one.id == "damaged_journal")
    assert finding.severity == "info"


def test_a_record_that_says_nothing_known_is_told_as_lost(tmp_path):
    run = load(write(tmp_path, version(), b"\x0b\x0c", scalar("a", 1, 1)))
    assert points(run, "a") == [(1, 1.0)]
    assert run.damage.losses == 1


def test_very_many_losses_are_counted_and_not_all_told(tmp_path):
    payloads = [scalar("a", at, at) for at in range(300)]
    data = bytearray(b"".join(frame(one) for one in (version(), *payloads)))
    size = len(frame(payloads[5]))
    for at in range(5, 295):
        data[len(frame(version())) + at * size - 20 + 8] ^= 1
    run = load(write(tmp_path, tail=bytes(data)))
    assert run.damage.losses > 200
    assert len(run.damage.ranges) == 100


@pytest.mark.parametrize("fast", [True, False])
def test_a_damaged_session_record_purges_nothing(tmp_path, monkeypatch, fast):
    if not fast:
        monkeypatch.setattr(framing, "fast_crc32c", lambda: None)
    purge = bytearray(frame(session(1)))
    purge[-6] ^= 0x02
    data = WHOLE + bytes(purge)
    run, found = read(write(tmp_path, tail=data))
    assert found == intact(range(7))
    assert run.damage.losses == 1


def amounts(run):
    """How much there is of each kind of record."""
    kinds = ("images", "texts", "pr_curves", "audio", "meshes", "tensors", "layouts", "hparams")
    found = {kind: len(getattr(run, kind)) for kind in kinds}
    return {**found, "histograms": sum(map(len, run.distributions.values()))}


def test_every_kind_of_record_may_be_damaged_anywhere(tmp_path, slow, monkeypatch):
    import torch

    monkeypatch.setattr(log, "SMALL", 0)  # no payload is checked: every parser meets the damage
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("i", np.zeros((3, 4, 4), np.uint8), 1)
        writer.add_text("t", "text", 1)
        writer.add_histogram("h", np.arange(4.0), 1)
        writer.add_pr_curve_raw("p", [1, 0], [1, 0], [0, 1], [0, 1], [0.5, 0.0], [1.0, 0.0], 1, num_thresholds=2)
        writer.add_audio("s", torch.zeros(1, 20), 1, sample_rate=100)
        writer.add_mesh("m", torch.zeros(1, 2, 3))
        writer.add_tensor("x", torch.arange(3))
        writer.add_custom_scalars({"A": {"x": ["Margin", ["a", "b", "c"]]}})
        writer.add_hparams({"lr": 0.1, "k": "v"}, {"m": 1.0}, run_name=".")
    first, second = sorted(tmp_path.iterdir())
    whole = first.read_bytes() + second.read_bytes()
    second.unlink()
    first.write_bytes(whole)
    undamaged = amounts(load(first))
    assert all(undamaged.values())
    met = set()
    generator = np.random.default_rng(0)
    for place in range(0, len(whole), 13):
        damaged = bytearray(whole)
        damaged[place] = int(generator.integers(0, 256))
        first.write_bytes(damaged)
        run = load(first)
        for name in run.media:
            with contextlib.suppress(UnreadableRunError):
                run.media[name]
        found = amounts(run)
        poorer = {kind for kind in found if found[kind] < undamaged[kind]}
        assert len(poorer) <= 1, f"the byte at {place} is of one record, but {poorer} are lost"
        met |= poorer
    assert met == set(undamaged)
