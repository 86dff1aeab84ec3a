import base64
import contextlib
import dataclasses
import json
import math
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.run.media_kind import drawn_as_svg
from reportgen.run.page_data import decode, encode
from reportgen.run.records import SCHEMA, Run
from reportgen.run.thin import thin
from reportgen.testing import fake_run


def assert_same(got, wanted):
    """Equal in every field, NaN to itself: what encodes to the same text held the same."""
    for name in (field.name for field in dataclasses.fields(Run) if field.name not in ("scalars", "measures", "media")):
        assert getattr(got, name) == getattr(wanted, name), name
    assert dict(got.media) == dict(wanted.media)
    for found, expected in [
        (got.scalars, wanted.scalars),
        *((got.measures[q], wanted.measures[q]) for q in wanted.measures),
    ]:
        assert list(found) == list(expected)
        for tag, series in expected.items():
            for column in ("steps", "values", "times", "epochs", "optimizer_steps"):
                assert getattr(found[tag], column).tobytes() == getattr(series, column).tobytes(), (tag, column)
            assert (found[tag].logged, found[tag].restarts) == (series.logged, series.restarts)


@pytest.mark.parametrize("changes", [{}, {"hostile": True, "failure": True}, {"steps": 0, "layers": 0, "classes": 1}])
def test_a_thinned_run_comes_back_exactly(changes):
    run = thin(fake_run(**changes))
    text = encode(run)
    again = decode(text)
    assert_same(again, run)
    assert encode(again) == text


def test_a_full_run_comes_back_exactly():
    run = fake_run(scalars={"a": [0.1, 1e300, -math.inf, math.nan, 1e-300]})
    assert_same(decode(encode(run)), run)


def test_the_text_is_safe_inside_a_script_element():
    text = encode(thin(fake_run(hostile=True)))
    assert text.isascii()
    assert not set("<>&'") & set(text)
    assert json.loads(text)["schema"] == SCHEMA


def test_pictures_that_the_page_shows_as_they_are_are_not_stored_twice():
    picture = b"\xff\xd8\xff a photograph " * 100
    drawn = next(iter(fake_run().media.values()))
    assert drawn_as_svg(drawn)
    assert not drawn_as_svg(picture)
    media = {"photo.jpg": picture, "digit.png": drawn, "no picture.png": b"rubbish"}
    run = dataclasses.replace(fake_run(layers=1, predictions=()), media=media)
    apart = encode(run, shown=set(media))
    assert set(decode(apart).media) == {"digit.png", "no picture.png"}
    assert dict(decode(apart, {"photo.jpg": picture}).media) == dict(run.media)
    assert dict(decode(encode(run)).media) == dict(run.media)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_block_is_an_error_of_ours_or_still_a_run(data):
    text = encode(thin(fake_run(layers=1, steps=5, snapshots=2, examples=2)))
    at = data.draw(st.integers(0, len(text) - 1))
    change = data.draw(st.sampled_from(["cut", "flip"]))
    damaged = text[:at] if change == "cut" else text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    with contextlib.suppress(UnreadableRunError):
        assert isinstance(decode(damaged), Run)


@pytest.mark.parametrize(
    "head", [b"", b"\xff\xff\xff\xff{}", b"\x02\x00\x00\x00{}", b"\x02\x00\x00\x00[]", b"\x04\x00\x00\x00null"]
)
def test_a_block_whose_inside_is_wrong_is_an_error_of_ours(head):
    text = json.dumps({"schema": 1, "run": base64.b64encode(zlib.compress(head)).decode()})
    with pytest.raises(UnreadableRunError, match="damaged"):
        decode(text)


def test_a_newer_schema_is_said():
    with pytest.raises(NewerSchemaError, match=r"schema 99.*update reportgen"):
        decode('{"schema":99,"run":""}')


def test_the_text_does_not_depend_on_the_hash_seed():
    code = (
        "import hashlib; from reportgen.testing import fake_run; from reportgen.run.thin import thin;"
        "from reportgen.run.page_data import encode;"
        "print(hashlib.sha256(encode(thin(fake_run(hostile=True))).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PATH": ""},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(digests) == 1
