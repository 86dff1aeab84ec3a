"""All sections together: order, anchors, what is missing, and that a page's run gives the same page."""

import dataclasses
import math
from collections.abc import Iterator

from reportgen.blocks import Fold, ImageGrid, LineChart, Link, Ridgelines, Table
from reportgen.diagnose import diagnose
from reportgen.run.records import SCHEMA, Meta, Run
from reportgen.run.thin import thin
from reportgen.sections import SECTIONS, build_sections
from reportgen.testing import HOSTILE, fake_run
from tests.healthy import healthy


def built(run: Run):
    return build_sections(run, diagnose(run))


def walked(blocks) -> Iterator[object]:
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from walked(block.blocks)


def anchors(sections) -> list[str]:
    found = [section.id for section in sections]
    for section in sections:
        for block in walked(section.blocks):
            if isinstance(block, Table):
                found.extend(anchor for anchor in block.anchors if anchor)
            elif getattr(block, "anchor", ""):
                found.append(block.anchor)
    return found


def test_a_full_run_has_its_sections_in_order():
    _, sections, footer = built(healthy())

    assert [s.id for s in sections] == ["findings", "metrics", "layers", "predictions", "graph", "environment"]
    assert all(section.how for section in sections)
    assert footer[0].startswith("Not recorded: images, texts, tables and histograms (call report.images(")


def test_an_empty_run_says_what_to_call_for_each_section():
    header, sections, footer = built(Run(schema=SCHEMA, meta=Meta("nothing", "finished", 0.0)))

    assert [section.id for section in sections] == ["start", "findings", "environment"]
    calls = [row[1] for row in sections[0].blocks[0].rows]
    assert calls == [section.call for section in SECTIONS if section.call]
    assert "".join(part.text for part in header.verdict).startswith("Nothing was recorded yet")
    assert header.stats.items == ()
    assert all(call in footer[0] for call in calls)


def test_ids_are_unique_and_graph_nodes_lead_to_rows_that_exist():
    _, sections, _ = built(fake_run(hostile=True))
    ids = anchors(sections)

    assert len(ids) == len(set(ids))
    drawing = next(s for s in sections if s.id == "graph").blocks[0]
    assert drawing.links
    assert set(drawing.links.values()) <= set(ids)
    for section in sections:
        for block in walked(section.blocks):
            if isinstance(block, Table):
                targets = {cell.target for row in block.rows for cell in row if isinstance(cell, Link)}
                assert targets <= {*ids, *drawing.places.values()}


def test_the_page_of_a_thinned_run_is_the_page_of_that_run_again():
    once = thin(fake_run(steps=3000, snapshots=40))

    assert built(thin(once)) == built(once)
    assert repr(built(once)) == repr(built(dataclasses.replace(once)))


def test_hostile_names_stay_whole_or_are_cut_and_break_nothing():
    _, sections, _ = built(fake_run(hostile=True, failure=True))
    text = repr(sections)

    assert "</script><img src=x onerror=" in text
    assert "x" * 2000 not in repr([s.blocks for s in sections if s.id == "metrics"])
    assert len(text) < 1_000_000


def test_titles_and_captions_of_hostile_metrics_are_bounded():
    _, sections, _ = built(fake_run(scalars={text: [1.0, 2.0] for text in HOSTILE}))
    charts = [b for s in sections if s.id == "metrics" for b in s.blocks if isinstance(b, LineChart)]

    assert len({chart.anchor for chart in charts}) == len(charts)
    assert all(len(chart.title) <= 100 and len(chart.caption) < 400 for chart in charts)


def test_every_chart_has_a_caption_and_its_numbers():
    _, sections, _ = built(healthy())

    for section in sections:
        for block in walked(section.blocks):
            if isinstance(block, LineChart):
                assert block.caption.endswith(".")
                assert 0 < len(block.numbers.rows) <= 100
            if isinstance(block, Ridgelines):
                assert block.numbers.rows
                assert all(item.caption.endswith(".") for item in block.items)
            if isinstance(block, ImageGrid):
                assert all(item.alt for item in block.items)


def test_runs_at_the_edge_of_emptiness_give_a_page():
    nan = math.nan
    for run in (
        fake_run(steps=0),
        fake_run(steps=1),
        fake_run(layers=0),
        fake_run(scalars={"val/acc": [nan, nan], "val/loss": [nan]}),
        fake_run(scalars={"one": [0.0]}, predictions=(), distributions={}, measures={}, graphs=(), models=()),
        fake_run(classes=1),
        fake_run(distributions={}, measures={}),
        fake_run(models=(), graphs=()),
    ):
        header, sections, _ = built(run)
        assert header.verdict
        assert {"findings", "environment"} <= {section.id for section in sections}
