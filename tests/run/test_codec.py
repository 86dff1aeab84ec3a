import dataclasses
import json
import math
import re
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.run.codec import from_plain, to_plain
from reportgen.run.distribution import LARGEST_BIN, Distribution
from reportgen.run.graph import TensorSpec
from reportgen.run.logged import Audio
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.records import Environment, Git, Meta, Model, Note, Parameter, Run
from reportgen.run.series import Series, Stamp
from reportgen.testing import HOSTILE, fake_run


def through_json(record):
    text = json.dumps(to_plain(record), allow_nan=False)
    assert text.isascii()
    return from_plain(type(record), json.loads(text))


numbers = st.floats(width=64)
# JSON joins a high and a low surrogate that stand side by side to the character that they mean.
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
texts = (st.text(st.characters(codec=None), max_size=8) | st.sampled_from(HOSTILE)).filter(lambda t: not PAIR.search(t))


@st.composite
def distributions(draw):
    bins = sorted(draw(st.sets(st.integers(-LARGEST_BIN, LARGEST_BIN) | st.integers(-9, 9), max_size=30)))
    counts = [draw(st.integers(1, 2**62)) for _ in bins]
    whole = st.integers(0, 2**62)
    return Distribution(
        draw(whole),
        draw(whole),
        draw(numbers),
        draw(numbers),
        draw(numbers),
        draw(numbers),
        *(draw(whole) for _ in range(4)),
        bins=array("h", bins),
        counts=array("q", counts),
    )


@settings(max_examples=200, deadline=None)
@given(distributions())
def test_a_distribution_comes_back_exactly(one):
    found = through_json(one)
    for name in ("minimum", "maximum", "total", "squares"):
        assert repr(getattr(found, name)) == repr(getattr(one, name))
    blank = {"minimum": 0.0, "maximum": 0.0, "total": 0.0, "squares": 0.0}
    assert dataclasses.replace(found, **blank) == dataclasses.replace(one, **blank)
    assert (found.bins.typecode, found.counts.typecode) == ("h", "q")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), numbers, numbers)),
    st.integers(0, 99),
    st.lists(st.integers(), max_size=3),
)
def test_a_series_comes_back_exactly(rows, logged, restarts):
    series = Series(
        steps=array("q", [row[0] for row in rows]),
        values=array("d", [row[1] for row in rows]),
        times=array("d", [row[2] for row in rows]),
        logged=logged,
        restarts=tuple(restarts),
    )
    found = through_json(series)
    assert found.steps == series.steps
    assert repr(list(found.values)) == repr(list(series.values))
    assert repr(list(found.times)) == repr(list(series.times))
    assert (found.logged, found.restarts) == (logged, tuple(restarts))


@settings(max_examples=100, deadline=None)
@given(
    title=texts,
    config=st.dictionaries(
        texts, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    ),
    epoch=st.none() | st.floats(allow_nan=False),
    top=st.lists(st.tuples(texts, st.floats(allow_nan=False))),
)
def test_records_with_any_text_come_back_exactly(title, config, epoch, top):
    git = Git("abc", title, dirty=None)
    meta = Meta(title=title, status="running", started=1.5, config=config, environment=Environment(git=git))
    example = Example(0, title, title, confidence=epoch, top=tuple(top))
    one = PredictionSet(title, Stamp(3, epoch=epoch), "classification", examples=(example,), confusion=((1, 2), (3, 4)))
    assert through_json(meta) == meta
    assert through_json(one) == one


@pytest.mark.parametrize("hostile", [False, True])
def test_a_whole_run_comes_back(hostile):
    run = dataclasses.replace(fake_run(hostile=hostile, failure=True, steps=40), media={}, scalars={})
    assert through_json(run) == run


def test_lone_surrogates_and_control_characters_stay_what_they_are():
    note = Note("failure", "\x00\x1f", "\ud800 alone, \udfff alone")
    assert through_json(note) == note


def test_numbers_that_json_lacks_are_spelled_out():
    assert to_plain([math.nan, math.inf, -math.inf, -0.0]) == ["nan", "inf", "-inf", -0.0]
    found = from_plain(Stamp, {"step": 1, "epoch": "nan", "time": "-inf"})
    assert math.isnan(found.epoch)
    assert found.time == -math.inf


def test_the_text_nan_in_a_configuration_stays_a_text():
    meta = Meta(title="nan", status="inf", started=0.0, config={"mode": "nan"})
    assert through_json(meta).config == {"mode": "nan"}


def test_keys_of_a_later_version_are_ignored_and_missing_ones_take_their_defaults():
    assert from_plain(Git, {"commit": "abc", "signed": True}) == Git("abc")


@pytest.mark.parametrize(
    ("cls", "data", "named"),
    [
        (Git, {"commit": 1}, "Git.commit"),
        (Git, {}, "Git.commit"),
        (Git, [], "Git"),
        (Git, {"commit": "a", "dirty": 1}, "Git.dirty"),
        (Stamp, {"step": 1.5}, "Stamp.step"),
        (Stamp, {"step": True}, "Stamp.step"),
        (Stamp, {"step": 1, "time": "soon"}, "Stamp.time"),
        (Series, {"steps": [1, "2"]}, "Series.steps"),
        (Series, {"steps": [2**70]}, "Series.steps"),
        (Series, {"values": {"a": 1}}, "Series.values"),
        (Parameter, {"name": "w", "shape": [1, None], "dtype": "", "device": "", "trainable": True}, "Parameter.shape"),
        (Model, {"name": "m", "type": "M", "groups": [{"lr": [1]}]}, "Model.groups"),
        (Meta, {"title": "t", "status": "", "started": 0, "environment": {"git": {"commit": 3}}}, "Git.commit"),
        (Run, {"schema": 1, "meta": {"title": 1, "status": "", "started": 0}}, "Meta.title"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_the_field(cls, data, named):
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        from_plain(cls, data)


SOUND = [1, 1, 0.5, 0.5, 0.5, 0.25, 0, 0, 0, 0, [[3, 1]]]


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "1"), (0, 1.5), (2, "x"), (2, None), (6, None), (10, [[40_000, 1]]), (10, [[3, 2**70]]), (10, [[3, "x"]])],
)
def test_a_damaged_distribution_is_an_error(place, value):
    assert from_plain(Distribution, SOUND).counts == array("q", [1])
    damaged = [*SOUND[:place], value, *SOUND[place + 1 :]]
    with pytest.raises((ValueError, TypeError, OverflowError)):
        from_plain(Distribution, damaged)
    with pytest.raises(ValueError, match="distribution"):
        from_plain(Distribution, SOUND[:place])


def test_what_is_no_record_is_refused():
    with pytest.raises(TypeError, match="complex"):
        to_plain({"a": 1j})


def test_a_tensor_spec_is_short_and_its_earlier_form_is_still_read():
    assert to_plain(TensorSpec((2, 3), "float32")) == ["float32", [2, 3]]
    assert to_plain(TensorSpec((), "int64", "mask")) == ["int64", [], "mask"]
    for spec in (TensorSpec((2, 3), "float32"), TensorSpec((), "int64", "mask")):
        assert through_json(spec) == spec
    assert from_plain(TensorSpec, {"shape": [2, 3], "dtype": "float32", "name": "x"}) == TensorSpec(
        (2, 3), "float32", "x"
    )
    for damaged in (["float32"], ["float32", ["2"]], [3, [2]], ["float32", [2], 5], "float32", {"dtype": "x"}):
        with pytest.raises(ValueError, match=r"."):
            from_plain(TensorSpec, damaged)


@pytest.mark.parametrize(
    "number", [0.1, -0.1, 1 / 3, 3.4028234663852886e38, 1e-45, 16777217.0, -0.0, 0.0, math.inf, -math.inf, 123456.789]
)
def test_a_float32_is_written_with_as_few_digits_as_give_it_again(number):
    exact = array("f", [number])
    (plain,) = to_plain(exact)
    again = from_plain(Audio, {"tag": "t", "stamp": {"step": 0}, "media": "", "rate": 1, "low": [plain]}).low
    assert again.tobytes() == exact.tobytes()
    assert isinstance(plain, str) or len(json.dumps(plain)) <= len(repr(exact[0]))
    assert len(str(plain).lstrip("-").replace(".", "").partition("e")[0].strip("0")) <= 9


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_every_float32_comes_back(numbers):
    exact = array("f", numbers)
    assert array("f", map(float, to_plain(exact))).tobytes() == exact.tobytes()


@given(st.lists(st.floats(allow_nan=False), max_size=20))
def test_every_float64_comes_back_whole_ones_without_a_point(numbers):
    exact = array("d", numbers)
    plain = json.loads(json.dumps(to_plain(exact)))
    assert array("d", map(float, plain)).tobytes() == exact.tobytes()
    assert to_plain(array("d", [5021.0, -3.0, 0.5, 1e15, -0.0])) == [5021, -3, 0.5, 1e15, -0.0]
    assert json.dumps(to_plain(array("d", [5021.0, -0.0]))) == "[5021, -0.0]"
