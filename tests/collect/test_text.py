"""The text of distributions and measures is what the codec and json give."""

from __future__ import annotations

import json
import math
from array import array

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.collect.distribution import distributions_of
from reportgen.collect.distribution.text import json_of, measures_json
from reportgen.collect.lines import line
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.distribution import LARGEST_BIN, Distribution
from reportgen.run.journal import encoded


def plain_text(value):
    return json.dumps(to_plain(value), separators=(",", ":"), allow_nan=False)


def distribution(table):
    bins = sorted(table)
    return Distribution(
        sum(table.values()), 9, -1.5, 1e-45, math.inf, math.nan, 1, 2, 3, 4,
        array("h", bins), array("q", [table[index] for index in bins]),
    )  # fmt: skip


COUNTS = st.one_of(st.integers(1, 120), st.integers(9_990, 10_010), st.integers(1, 2**40))
TABLES = st.dictionaries(st.integers(-LARGEST_BIN, LARGEST_BIN) | st.integers(-9, 9), COUNTS, max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(TABLES, max_size=5))
def test_any_distributions(tables):
    kinds = {"weight": {f"layer {i} \u00fc": distribution(t) for i, t in enumerate(tables)}, "gradient": {}}
    assert json_of(kinds) == plain_text(kinds)


def test_those_of_tensors_come_back_as_they_were():
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.randn(5000, generator=generator),
        torch.zeros(70_000),
        torch.tensor([math.nan, 1.0, -math.inf]),
        torch.zeros(0),
        torch.randn(12_000_000, generator=generator).abs().clamp(1.0, 1.01),  # a count of more than seven digits
    ]
    for made in (distributions_of(tensors), distributions_of(tensors[:4])):
        group = {"weight": {str(i): one for i, one in enumerate(made)}}
        text = json_of(group)
        assert text == plain_text(group)
        back = [from_plain(Distribution, plain) for plain in json.loads(text)["weight"].values()]
        assert [(b.count, b.bins, b.counts) for b in back] == [(m.count, m.bins, m.counts) for m in made]


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), st.floats(), max_size=4), max_size=3))
def test_any_measures(values):
    assert measures_json(values) == plain_text(values)


def test_a_line_is_the_same_whether_its_payload_was_made_text_before():
    for kind, payload, text in (
        ("measures", {"gradient_norm": {"a": math.inf}}, measures_json({"gradient_norm": {"a": math.inf}})),
        ("distributions", {"weight": {"a": distribution({0: 3})}}, json_of({"weight": {"a": distribution({0: 3})}})),
    ):
        entry = (kind, 3, 2, None, 1.23456, payload)
        plain = {"k": kind, "step": 3, "opt": 2, "t": 1.235, "v": to_plain(payload)}
        assert line(entry) == line((*entry[:5], text)) == encoded(plain)
