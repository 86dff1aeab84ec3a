"""The user's own histograms: ridgelines, percentiles over steps, numbers."""

import math
from array import array

import numpy as np
import pytest

from reportgen.blocks import Ridgelines, Text
from reportgen.run.distribution import DistributionSeries
from reportgen.run.thin import thin
from reportgen.sections.histograms import blocks, percentile_chart
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of


def logged(*arrays, steps=None) -> DistributionSeries:
    at = array("q", steps or range(len(arrays)))
    return DistributionSeries("histogram", "h", at, at, tuple(distribution_of(one) for one in arrays), len(arrays))


def of(*arrays):
    return blocks(fake_run(steps=5, distributions={"histogram": {"h": logged(*arrays)}}))


NORMAL = np.random.default_rng(0).normal(0.0, 1.0, 20_000)


def test_percentiles_are_those_of_the_numbers():
    chart = percentile_chart(logged(NORMAL, NORMAL + 3.0, steps=[0, 50]), "h")

    assert chart.lines[0].x == (0.0, 50.0)
    shares = (0.0668, 0.1587, 0.3085, 0.6915, 0.8413, 0.9332)
    for column, share in zip((1, 2, 3), shares[:3], strict=True):
        assert chart.bands[column].low[0] == pytest.approx(np.quantile(NORMAL, share), abs=0.1)
        assert chart.bands[column].high[0] == pytest.approx(np.quantile(NORMAL, 1 - share), abs=0.1)
    assert chart.bands[0].low[0] == pytest.approx(NORMAL.min(), rel=1e-6)
    assert chart.bands[0].high[1] == pytest.approx(NORMAL.max() + 3.0, rel=1e-6)
    assert chart.lines[0].y[1] == pytest.approx(3.0, abs=0.2)


def test_a_single_snapshot_has_no_percentiles_over_steps():
    (block,) = of([1.0, 2.0, 3.0, 9.0])

    assert isinstance(block, Ridgelines)
    assert block.chart is None


def test_what_is_not_finite_is_counted_in_the_table():
    (block,) = of([1.0, 2.0, 4.0, 0.0], [1.0, math.nan, math.nan, math.inf, 3.0, 0.0, 0.0])
    names = [column.name for column in block.numbers.columns]
    first, last = (dict(zip(names, row, strict=True)) for row in block.numbers.rows)

    assert (first["count"], first["zeros"], first["NaN"], first["+∞"]) == (4, 1, 0, 0)
    assert (last["count"], last["zeros"], last["NaN"], last["+∞"]) == (7, 2, 2, 1)
    assert "−∞" not in names
    assert (last["least"], last["greatest"]) == (0.0, 3.0)


def test_a_snapshot_of_nothing_finite_is_a_gap_in_the_percentiles():
    chart = percentile_chart(logged([1.0, 2.0], [math.nan], [3.0, 4.0]), "h")

    assert [math.isnan(value) for value in chart.lines[0].y] == [False, True, False]


def test_nothing_but_nan_is_a_sentence_with_its_counts():
    told, table = of([math.nan] * 3, [math.nan] * 4)

    assert isinstance(told, Text)
    assert told.text == "h holds nothing but NaN and infinities."
    assert [row[1] for row in table.rows] == [3, 4]


def test_a_page_keeps_more_snapshots_of_few_histograms_than_of_many():
    many = [NORMAL[:50] + at for at in range(100)]
    few = thin(fake_run(steps=5, distributions={"histogram": {"h": logged(*many)}}))
    crowd = thin(fake_run(steps=5, distributions={"histogram": {f"h{k}": logged(*many[:20]) for k in range(60)}}))

    assert len(few.distributions["histogram"]["h"].snapshots) == 32
    assert thin(few) is few
    assert {len(series.snapshots) for series in crowd.distributions["histogram"].values()} == {8}


def test_numbers_without_a_shape_are_told_by_what_they_are():
    def told(*arrays):
        return of(*arrays)[0].text.replace("\u00a0", " ")

    assert told([3.0]) == "h holds nothing but 3."
    assert told([3.0, math.nan]) == "h holds nothing but 3, NaN and infinities."
    assert told([1.0, 1.25, 1.5]) == "h holds numbers from 1 to 1.5."
    assert told([0.0, 1.0, 1.0, 0.0]) == "h holds numbers from 0 to 1, 50.0 % of them exactly 0."
    assert told([]) == "h holds no number."
