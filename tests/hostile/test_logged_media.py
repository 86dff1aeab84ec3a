"""Whatever names, labels and texts logged media have, the page shows them as text and keeps its promises."""

from __future__ import annotations

import dataclasses

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
