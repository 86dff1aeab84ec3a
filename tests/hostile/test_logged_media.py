"""Whatever names, labels and texts logged media have, the page shows them as text and keeps its promises."""

from __future__ import annotations

import dataclasses
import itertools
import math
from array import array

import pytest

from reportgen.pipeline import build_html
from reportgen.run.logged import Box
from reportgen.testing import HOSTILE, ReportDoc, fake_run, with_logged


@pytest.fixture(scope="module")
def page():
    run = with_logged(fake_run(layers=1, steps=3, snapshots=1, predictions=(), graphs=(), media={}), steps=(1, 2))
    changed = {}
    for name in ("images", "audio", "videos", "pr_curves", "embeddings", "meshes", "tensors", "texts"):
        records = getattr(run, name)
        notes = {} if name == "texts" else {"notes": HOSTILE[:3]}
        changed[name] = tuple(
            dataclasses.replace(record, tag=HOSTILE[at % len(HOSTILE)], **notes) for at, record in enumerate(records)
        )
    changed["images"] = tuple(
        dataclasses.replace(
            record,
            captions=HOSTILE[: len(record.media)],
            sizes=((320, 240),) * len(record.media),
            boxes=tuple(tuple(Box(1.0, 1.0, 99.0, 99.0, text) for text in HOSTILE) for _ in record.media),
        )
        for record in changed["images"]
    )
    changed["embeddings"] = tuple(
        dataclasses.replace(
            record,
            header=HOSTILE[:2],
            metadata=tuple((HOSTILE[row % len(HOSTILE)], HOSTILE[-1 - row % 5]) for row in range(record.rows)),
        )
        for record in changed["embeddings"]
    )
    changed["texts"] = tuple(
        dataclasses.replace(changed["texts"][0], tag=f"text {at}", text=text) for at, text in enumerate(HOSTILE)
    )
    changed["tensors"] = tuple(
        dataclasses.replace(record, dtype="string", first=HOSTILE[:6]) for record in changed["tensors"]
    )
    return build_html(dataclasses.replace(run, **changed))[0]


def test_the_page_keeps_its_promises(page):
    ReportDoc(page).check()
    page.encode("utf-8")


def test_nothing_of_it_becomes_an_element(page):
    doc = ReportDoc(page)
    assert not [image for image in doc.root.all("img") if not image.get("src").startswith("data:image/")]
    assert len(doc.root.all("script")) == 2
    assert "<img src=x" not in page
    assert "javascript:alert(1)" in doc.sections["media"].text
    assert not [link for link in doc.root.all("a") if not link.get("href").startswith("#")]


def odd(column):
    """The numbers of an array with some that no picture has a place for."""
    return array(
        column.typecode, [(math.nan, math.inf, -math.inf, -1e308, value)[at % 5] for at, value in enumerate(column)]
    )


def test_numbers_without_a_place_leave_no_coordinate_without_one():
    run = with_logged(fake_run(layers=1, steps=3, snapshots=1, predictions=(), graphs=(), media={}), steps=(1, 2))
    numbers = (math.nan, math.inf, -math.inf, -1e308, 1e308, 0.0, 50.0)
    boxes = tuple(Box(*four, "odd", math.nan) for four in itertools.product(numbers, repeat=4))
    images = tuple(dataclasses.replace(one, boxes=(boxes[:: 7 + at],)) for at, one in enumerate(run.images))
    columns = ("thresholds", "true_positives", "false_positives", "false_negatives", "precision", "recall")
    curves = tuple(
        dataclasses.replace(one, **{name: odd(getattr(one, name)) for name in columns}) for one in run.pr_curves
    )
    sounds = tuple(dataclasses.replace(one, low=array("f", [math.nan, -9.0]), rate=0) for one in run.audio)
    videos = tuple(dataclasses.replace(one, fps=math.inf, width=-1) for one in run.videos)
    html = build_html(dataclasses.replace(run, images=images, pr_curves=curves, audio=sounds, videos=videos))[0]

    doc = ReportDoc(html).check()
    coordinates = [
        element.get(name)
        for svg in doc.root.all("svg")
        for element in svg.elements
        for name in ("d", "x", "y", "width", "height", "cx", "cy", "points")
    ]
    assert len(coordinates) > 1000
    assert not [text for text in coordinates if "nan" in text.lower() or "inf" in text.lower()]
