import dataclasses
import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.config import PAGE_POINTS
from reportgen.run.distribution import Distribution
from reportgen.run.records import Images, Meta, Run, TableRecord, TextRecord
from reportgen.run.series import Series, Stamp
from reportgen.run.thin import thin
from reportgen.run.thin_distributions import group, merged, snapshot_limit, spread
from reportgen.run.thin_series import FEWEST_POINTS, kept_positions, point_limit, rounded, thin_series
from reportgen.testing import HOSTILE, fake_run
from reportgen.testing.run import distribution_of, series_of

any_float = st.floats(allow_nan=True, allow_infinity=True)
float_lists = st.lists(any_float, max_size=300)


@settings(max_examples=200, deadline=None)
@given(float_lists, st.integers(FEWEST_POINTS, 60))
def test_a_thinned_series_keeps_ends_and_extremes_and_stays_within_the_limit(values, limit):
    kept = kept_positions(array("d", values), limit)
    assert len(kept) <= limit
    assert kept == sorted(set(kept))
    if not values:
        return
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    finite = [value for value in values if math.isfinite(value)]
    shown = [values[position] for position in kept if math.isfinite(values[position])]
    odd = len(values) - len(finite)
    # With more non-finite values than the limit has room for, buckets get fewer but never none.
    if finite:
        assert min(shown) == min(finite)
        assert max(shown) == max(finite)
    if odd <= limit // 4:
        assert sum(not math.isfinite(values[position]) for position in kept) == odd


@settings(max_examples=100, deadline=None)
@given(float_lists, st.integers(FEWEST_POINTS, 60), st.sampled_from([16, 24]), st.integers(0, 20))
def test_thinning_a_series_again_changes_nothing(values, limit, digits, tick):
    once = thin_series(series_of(values), limit, digits, tick)
    assert thin_series(once, limit, digits, tick) is once
    assert once.logged == len(values)


def test_a_long_stretch_of_nan_keeps_its_ends():
    values = [1.0] * 5000 + [math.nan] * 3000 + [2.0] * 2000
    kept = kept_positions(array("d", values), PAGE_POINTS)
    assert {5000, 7999} <= set(kept)
    assert len(kept) <= PAGE_POINTS


def test_values_that_float32_cannot_hold_keep_float64():
    for values in ([1e300, 1.0], [1e-60, 1.0], [3.4028235677973366e38]):
        assert rounded(array("d", values), 24).tolist() == values
    assert rounded(array("d", [0.1]), 24)[0] == pytest.approx(0.1, rel=1e-7)
    assert rounded(array("d", [0.1, -math.inf]), 16)[0] == pytest.approx(0.1, rel=2e-5)


def test_very_many_series_share_the_points():
    assert point_limit([10_000] * 20) == PAGE_POINTS
    assert point_limit([50] * 200) == PAGE_POINTS
    assert point_limit([10_000] * 100) == 400
    assert point_limit([10_000] * 100_000) == FEWEST_POINTS


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=120))
def test_merging_a_distribution_keeps_its_numbers_and_is_done_once(values):
    full = distribution_of(values)
    coarse = merged(full)
    assert merged(coarse) is coarse
    assert sum(coarse.counts) == sum(full.counts)
    assert (coarse.count, coarse.nans, coarse.zeros) == (full.count, full.nans, full.zeros)
    assert list(coarse.bins) == sorted(set(coarse.bins))
    assert all(count > 0 for count in coarse.counts)
    if coarse.bins:
        # What is stored of it, and what is made of that again.
        starts, sums = group(coarse.bins, coarse.counts, coarse.fine)
        again = spread(dataclasses.replace(coarse, bins=array("h"), counts=array("q")), starts, sums)
        assert (again.bins, again.counts) == (coarse.bins, coarse.counts)


def test_merging_moves_quantiles_by_less_than_a_quarter_octave_where_the_mass_is():
    values = [math.sin(k) * (1 + k % 7) for k in range(5000)]
    full = distribution_of(values)
    for share, a, b in zip(
        (0.01, 0.05, 0.2, 0.8, 0.95, 0.99),
        full.quantiles((0.01, 0.05, 0.2, 0.8, 0.95, 0.99)),
        merged(full).quantiles((0.01, 0.05, 0.2, 0.8, 0.95, 0.99)),
        strict=True,
    ):
        assert b == pytest.approx(a, rel=0.06), share


def test_a_snapshot_with_nan_is_among_those_kept():
    run = fake_run(snapshots=40, layers=1)
    series = run.distributions["gradient"]["fc1.weight"]
    steps = len(series.steps)
    odd = distribution_of([1.0, math.nan])
    snapshots = (*series.snapshots[: steps - 3], odd, *series.snapshots[steps - 2 :])
    changed = dataclasses.replace(series, snapshots=snapshots)
    run = dataclasses.replace(run, distributions={"gradient": {"fc1.weight": changed}})
    kept = thin(run).distributions["gradient"]["fc1.weight"]
    assert any(snapshot.nans for snapshot in kept.snapshots)
    assert kept.steps[0] == series.steps[0]
    assert kept.steps[-1] == series.steps[-1]
    assert len(kept.snapshots) == len(kept.steps) == 8


def test_snapshots_are_shared_among_very_many_tensors():
    assert snapshot_limit([50] * 150) == 8
    assert snapshot_limit([50] * 350) == 4
    assert snapshot_limit([50] * 5000) == 2


@pytest.mark.parametrize(
    "changes", [{}, {"hostile": True, "failure": True}, {"steps": 0}, {"steps": 1}, {"steps": 3000}]
)
def test_thinning_a_run_again_gives_the_same_object(changes):
    thinned = thin(fake_run(**changes))
    assert thin(thinned) is thinned


def test_what_was_left_out_is_said():
    said = " ".join(thin(fake_run(steps=3000, snapshots=30)).thinned)
    assert "at most 1,000 points" in said
    assert "3 of 5 series" in said
    assert "9,000 points were logged" in said
    assert "float32" in said
    assert "distributions are kept" in said


def test_a_run_that_needs_no_thinning_is_returned_as_it_is():
    series = Series(array("q", [0, 1]), array("d", [0.5, 0.25]), array("d", [1.0, 2.0]), array("d", [0.0, 0.0]))
    series = dataclasses.replace(series, optimizer_steps=series.steps, logged=2)
    run = Run(schema=1, meta=Meta("small", "finished", 1.0, 3.0, 2.0), scalars={"a": series})
    assert thin(run) is run


def test_of_evaluations_the_first_the_best_and_the_last_keep_their_examples():
    run = fake_run(steps=600)
    first, _, last = run.predictions
    sets = [dataclasses.replace(first, stamp=Stamp(step), metrics={"accuracy": 0.5}) for step in range(300)]
    sets[7] = dataclasses.replace(sets[7], metrics={"accuracy": 0.99})
    thinned = thin(dataclasses.replace(run, predictions=(*sets, last))).predictions
    assert len(thinned) <= 200
    assert [one.stamp.step for one in thinned if one.examples] == [0, 7, last.stamp.step]
    assert thinned[-1].confusion == last.confusion
    assert all(not one.confusion for one in thinned if not one.examples)


def test_pictures_that_no_kept_record_names_are_dropped():
    run = fake_run()
    names = tuple(run.media)
    images = tuple(Images("samples", Stamp(step), names[:20]) for step in range(10))
    thinned = thin(dataclasses.replace(run, images=images, predictions=()))
    assert [record.stamp.step for record in thinned.images] == [0, 2, 4, 6, 9]
    assert thinned.moments == {"images": {"samples": 10}, "pictures": {"samples": 200}}
    assert set(thinned.media) == set(names[:20])


def test_very_many_tags_texts_and_rows_are_bounded():
    tags = {f"tag {k}": series_of([1.0, 2.0, 3.0] * 10) for k in range(10_050)}
    run = fake_run(
        layers=1,
        snapshots=1,
        scalars=tags,
        texts=tuple(TextRecord(f"t{k}", Stamp(0), "x" * 30_000) for k in range(300)),
        tables=(TableRecord("rows", ("a",), tuple((k,) for k in range(5000))),),
    )
    thinned = thin(run)
    assert len(thinned.scalars) == 10_000
    assert sum(len(series) for series in thinned.scalars.values()) <= 10_000 * FEWEST_POINTS
    assert len(thinned.texts) == 100
    assert max(len(record.text) for record in thinned.texts) == 20_000
    assert (len(thinned.tables[0].rows), thinned.tables[0].total) == (1000, 5000)
    assert thin(thinned) is thinned
    assert any("10,000 of 10,050 tags" in sentence for sentence in thinned.thinned)


def test_hostile_names_keep_their_series():
    run = fake_run(hostile=True)
    assert set(HOSTILE) <= set(thin(run).scalars)


def test_an_empty_distribution_stays_empty():
    empty = Distribution(count=0)
    assert merged(empty).count == 0
    assert list(merged(empty).bins) == []
