import json

import pytest

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.run.evidence import Evidence
from reportgen.run.overview import Judged, LeftOut, Member, Overview, Unread
from reportgen.run.overview_data import decode_many, encode_many
from reportgen.run.page_data import block_kind, decode, encode
from reportgen.run.records import SCHEMA
from reportgen.testing import fake_run
from tests.run.test_page_data import assert_same
from tests.sections.overview.several import finding, overview_of


@pytest.fixture(scope="module")
def overview():
    hostile = fake_run(hostile=True, layers=1, steps=20)
    made = overview_of(hostile, fake_run(layers=1), findings={0: [finding(), finding("warning")]})
    return Overview(made.members, (Unread("x", "y"),), 3, LeftOut(2, 1, 0, {"failed": 2}), Judged("val", "acc", 2), 40)


def test_an_overview_comes_back_exactly(overview):
    text = encode_many(overview)
    again = decode_many(text)
    assert encode_many(again) == text
    for got, wanted in zip(again.members, overview.members, strict=True):
        assert_same(got.run, wanted.run)
        assert (got.name, got.found, got.errors, got.warnings) == (
            wanted.name,
            wanted.found,
            wanted.errors,
            wanted.warnings,
        )
    assert again.left_out == overview.left_out
    assert (again.judged, again.metrics, again.unread, again.unread_total) == (
        overview.judged,
        40,
        overview.unread,
        3,
    )


def test_its_text_is_safe_inside_a_script_element(overview):
    text = encode_many(overview)
    assert text.isascii()
    assert not set("<>&'") & set(text)


def test_steps_that_runs_share_are_stored_once():
    run = fake_run(layers=0, steps=1, scalars={"a": [0.5] * 900}, evidence=Evidence())
    one, nine = (encode_many(Overview((Member("x", run),) * times)) for times in (1, 9))
    assert len(nine) < 1.2 * len(one)


def test_the_block_of_one_run_and_that_of_several_are_told_apart(overview):
    several, one = encode_many(overview), encode(fake_run(layers=0, steps=1))
    assert (block_kind(several), block_kind(one), block_kind('{"schema":3}')) == ("runs", "run", "")
    with pytest.raises(UnreadableRunError):
        decode(several)
    with pytest.raises(UnreadableRunError):
        decode_many(one)


def test_a_damaged_block_is_refused(overview):
    text = encode_many(overview)
    block = json.loads(text)
    for broken in (text[:-20], text.replace("A", "B", 40), json.dumps({**block, "runs": block["runs"][:400]})):
        with pytest.raises(UnreadableRunError):
            decode_many(broken)
    with pytest.raises(NewerSchemaError):
        decode_many(json.dumps({**block, "schema": SCHEMA + 1}))
