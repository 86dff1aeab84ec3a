"""Logged media in a real browser: steps that are switched with and without scripts, boxes, sound, motion."""

from __future__ import annotations

import re

import numpy as np
import pytest

from reportgen.run.logged import Video
from reportgen.run.records import Images
from reportgen.run.series import Stamp
from reportgen.testing import ReportDoc, fake_run
from reportgen.testing.logged import animation, png, with_logged
from tests.browser import looking
from tests.browser.conftest import write
from tests.browser.serving import JENKINS, NO_SCRIPT, Serving

VISIBLE = "[...document.querySelectorAll('.steps[aria-label=samples] .slide')].map(item => item.checkVisibility())"
SAMPLES = "document.querySelector('.steps[aria-label=samples]')"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    from reportgen.pipeline import build_html

    run = fake_run(layers=1, steps=30, snapshots=2, predictions=(), graphs=(), media={})
    return write(tmp_path_factory.mktemp("logged"), build_html(with_logged(run))[0])


@pytest.fixture(scope="module")
def tab(browser):
    with browser.tab() as opened:
        yield opened


def show(tab, page, width=1280, scheme="light", medium="screen"):
    tab.resize(width, 844, mobile=width < 600)
    tab.prefer(scheme)
    tab.medium(medium)
    tab.open(page.as_uri())


def test_it_keeps_what_every_report_promises(page):
    doc = ReportDoc(page).check()
    assert {"pr-curves", "media", "embeddings", "meshes"} <= set(doc.sections)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_nothing_is_clipped_overlapping_or_faint(tab, page, width, scheme):
    show(tab, page, width, scheme)
    assert looking.overflow(tab) == []
    assert looking.faint_text(tab) == []
    looking.unfold(tab)
    for look in (looking.missing_text, looking.chart_faults, looking.overflow, looking.faint_text):
        assert look(tab) == [], look.__name__
    assert tab.messages == []
    assert len(tab.requests) == 1


def test_without_styles_and_scripts_every_step_is_there(tab, page):
    show(tab, page)
    with Serving(page.parent, JENKINS) as serving:
        tab.open(f"{serving.url}/{page.name}")
    looking.unfold(tab)
    assert looking.missing_text(tab) == []
    there = looking.section_texts(tab)
    for name, section in ReportDoc(page).sections.items():
        for piece in section.pieces:
            assert re.sub(r"\s+", "", piece) in there[name]


def test_without_scripts_the_last_step_is_shown_and_labels_and_arrow_keys_switch(tab, page):
    show(tab, page)
    with Serving(page.parent, NO_SCRIPT) as serving:
        tab.open(f"{serving.url}/{page.name}")
    assert tab.evaluate(VISIBLE) == [False, False, True]
    tab.evaluate(f"{SAMPLES}.querySelectorAll('label')[0].click()")
    assert tab.evaluate(VISIBLE) == [True, False, False]
    tab.evaluate(f"{SAMPLES}.querySelectorAll('input')[0].focus()")
    for kind in ("rawKeyDown", "keyUp"):
        tab.send("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    assert tab.evaluate(VISIBLE) == [False, True, False]
    assert not tab.evaluate("document.querySelectorAll('input[type=range]').length")


def test_with_scripts_a_slider_moves_the_same_switches(tab, page):
    show(tab, page)
    slider = f"{SAMPLES}.querySelector('input[type=range]')"
    assert tab.evaluate(f"[{slider}.value, {slider}.max, {slider}.getAttribute('aria-valuetext')]") == [
        "2",
        "2",
        "step 450",
    ]
    tab.evaluate(f"{slider}.value = 1; {slider}.dispatchEvent(new Event('input'))")
    assert tab.evaluate(VISIBLE) == [False, True, False]
    assert tab.evaluate(f"{SAMPLES}.querySelector('output').textContent") == "2 of 3"
    tab.evaluate(f"{SAMPLES}.querySelectorAll('label')[0].click()")
    assert tab.evaluate(f"{slider}.value") == "0"
    assert tab.messages == []


def test_in_print_every_step_is_there(tab, page):
    show(tab, page, width=794, medium="print")
    assert tab.evaluate(VISIBLE) == [True, True, True]
    assert tab.evaluate("[...document.querySelectorAll('.slide > .at')].every(item => item.offsetHeight > 10)")


@pytest.mark.parametrize("width", [1280, 390])
def test_boxes_lie_exactly_over_their_picture(tab, page, width):
    show(tab, page, width)
    boxes = tab.evaluate(
        "[...document.querySelectorAll('.framed')].filter(item => item.checkVisibility()).map(item => "
        "['img', 'svg'].map(name => item.querySelector(name).getBoundingClientRect())"
        ".map(box => [box.x, box.y, box.width, box.height]))"
    )
    assert len(boxes) == 1
    picture, over = boxes[0]
    assert over == pytest.approx(picture, abs=1)
    assert picture[2] > 250


def test_the_sound_in_the_page_can_be_played(tab, page):
    show(tab, page)
    tab.evaluate("document.querySelector('audio').preload = 'auto'; document.querySelector('audio').load()")
    tab.wait_for("document.querySelector('audio').readyState >= 1", 20)
    assert 1 < tab.evaluate("document.querySelector('audio').duration") <= 2.01
    assert tab.messages == []


def test_who_asks_for_less_motion_sees_frames_alone(tab, page):
    show(tab, page)
    moving = "[...document.querySelectorAll('.moving img')].some(item => item.checkVisibility())"
    frames = "[...document.querySelectorAll('.frames img')].some(item => item.checkVisibility())"
    assert tab.evaluate(f"[{moving}, {frames}]") == [True, True]
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    tab.send("Emulation.setEmulatedMedia", media="screen", features=features)
    assert tab.evaluate(f"[{moving}, {frames}]") == [False, True]
    tab.medium("screen")


@pytest.fixture(scope="module")
def odd_sizes(tmp_path_factory):
    """Narrow, flat and tiny pictures and films, and a batch of many."""
    from reportgen.pipeline import build_html

    rng = np.random.default_rng(0)
    shapes = {"narrow": (500, 2), "flat": (2, 500), "tiny": (5, 5), "tower": (32, 2)}
    media = {f"{tag}.png": png(rng.integers(0, 255, (*shape, 3), np.uint8)) for tag, shape in shapes.items()}
    media |= {f"{k}.png": png(rng.integers(0, 255, (28, 28), np.uint8)) for k in range(64)}
    media |= {f"grey {k}.png": png(rng.integers(0, 255, (32, 2), np.uint8)) for k in range(2)}
    media["film.gif"] = animation([np.full((400, 2, 3), 80 * k, np.uint8) for k in range(3)])
    images = [Images(tag, Stamp(1), (f"{tag}.png",), total=1) for tag in shapes]
    images.append(Images("grey", Stamp(1), ("grey 0.png", "grey 1.png"), total=2))
    images.append(Images("batch", Stamp(1), tuple(f"{k}.png" for k in range(64)), total=64, sizes=((28, 28),) * 64))
    videos = (Video("film", Stamp(1), "film.gif", 3, 8.0, 2, 400),)
    run = fake_run(
        layers=1, steps=3, snapshots=1, predictions=(), graphs=(), media=media, images=tuple(images), videos=videos
    )
    return write(tmp_path_factory.mktemp("odd"), build_html(run)[0])


@pytest.mark.parametrize("width", [1280, 390])
def test_pictures_of_any_shape_can_be_seen_and_none_is_a_tower(tab, odd_sizes, width):
    show(tab, odd_sizes, width)
    sizes = tab.evaluate(
        "[...document.querySelectorAll('.item img, .item svg, .moving img')].map(item => item.getBoundingClientRect())"
        ".map(box => [box.width, box.height])"
    )
    assert len(sizes) == 4 + 2 + 1 + 1 + 3
    assert min(min(size) for size in sizes) >= 4
    assert max(size[1] for size in sizes) <= 640
    assert looking.overflow(tab) == []


def test_a_sheet_shows_each_of_its_pictures_large_enough(tab, odd_sizes):
    show(tab, odd_sizes)
    (across,) = tab.evaluate("[...document.querySelectorAll('img.sheet')].map(item => item.offsetWidth)")
    assert across >= 8 * 40
