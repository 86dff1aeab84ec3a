"""What the page's script adds to charts: axes, smoothing, read-out, zoom, and all of it by keys."""

from __future__ import annotations

import itertools
import json
import math
import re
from array import array

import pytest

from reportgen.run.logged import Layout, LayoutChart, TagGroup
from reportgen.run.series import Series, Stamp
from reportgen.testing.run import STARTED, fake_run, series_of
from tests.browser import looking
from tests.browser.conftest import write

LOSS = "#metric-loss svg"
# Two hours with a pause of another hour after the first half.
TIMES = [STARTED + 72.0 * k + (3600.0 if k >= 50 else 0.0) for k in range(100)]
ZIGZAG = [2.0 if k % 2 else 1.0 for k in range(60)]


def timed(values, times, steps=None, restarts=()) -> Series:
    at = array("q", steps or range(len(values)))
    none = array("d", [math.nan] * len(at))
    return Series(at, array("d", values), array("d", times), none, array("q", [0] * len(at)), len(at), restarts)


@pytest.fixture(scope="module")
def chart_page(tmp_path_factory):
    """A page with few and many points, times with a pause, a group, an error band, a resumed run, NaN."""
    from reportgen.pipeline import build_html

    many = series_of([2.0 * math.exp(-k / 800) + 0.3 * math.sin(k * 1.7) for k in range(3000)])
    scalars = {
        "val/loss": timed([3.0 * math.exp(-k / 25) + 0.1 for k in range(100)], TIMES),
        "zigzag": series_of(ZIGZAG),
        "noisy": many,
        "gap": series_of([1.0, 2.0, math.nan, 2.0, 3.0]),
        "again": timed([3.0, 2.0, 1.0, 2.5, 1.5, 0.5], [STARTED + 100 * k for k in range(6)], [0, 1, 2, 1, 2, 3], (1,)),
        "g/one": series_of([1.0, 2.0, 3.0]),
        "g/two": series_of([3.0, 2.0, 1.0]),
        "m": series_of([1.0, 2.0, 3.0]),
        "m-": series_of([0.5, 1.0, 2.0]),
        "m+": series_of([2.0, 3.0, 5.0]),
        "schedule": series_of([1e-3, 1.0] * 20 + [1e-10]),
    }
    layout = Layout(Stamp(0), (LayoutChart("c", "margin", "margin", ("m", "m-", "m+")),))
    run = fake_run(steps=60, scalars=scalars, groups=(TagGroup("g", ("g/one", "g/two")),), layouts=(layout,))
    return write(tmp_path_factory.mktemp("charts"), build_html(run)[0])


@pytest.fixture
def tab(browser, chart_page):
    with browser.tab() as opened:
        opened.open(chart_page.as_uri())
        yield opened
        assert opened.messages == []


def choose(tab, control: str, value: str) -> None:
    """Set a control of the bar as a user does: "x", "y" or "smoothing"."""
    number = {"x": 1, "y": 2, "smoothing": 3}[control]
    tab.evaluate(
        f"(() => {{ const one = document.querySelector('.bar label:nth-of-type({number}) :is(select, input)');"
        f"one.value = '{value}'; one.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    )


def markup(tab, chart: str = LOSS) -> str:
    return tab.evaluate(f"document.querySelector('{chart}').innerHTML")


def words(tab, chart: str = LOSS) -> list[str]:
    return tab.evaluate(f"[...document.querySelectorAll('{chart} text')].map(text => text.textContent)")


def readout(tab, chart: str = LOSS) -> list[str]:
    return words(tab, f"{chart} .readout")


def line(tab, chart: str, at: int = 0) -> list[list[float]]:
    """The points of a redrawn line, in px: the `at`-th stroke within the clipped group."""
    data = tab.evaluate(
        f"[...document.querySelectorAll('{chart} [clip-path] path:not([fill-opacity])')][{at}].getAttribute('d')"
    )
    return [[float(one) for one in pair.split(",")] for pair in re.findall(r"[\d.-]+,[\d.-]+", data)]


def mouse(tab, chart: str, kind: str, share: float, pressed: bool = False, count: int = 1) -> None:
    """A mouse event at a share of a chart's plot, between its axes."""
    tab.evaluate(f"document.querySelector('{chart}').scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    left, top, width, height = tab.evaluate(
        f"(() => {{ const svg = document.querySelector('{chart}'), box = svg.getBoundingClientRect();"
        "const [, , a, b] = svg.dataset.c.split(' ').map(Number), px = box.width / svg.viewBox.baseVal.width;"
        "return [box.x + a * px, box.y, (b - a) * px, box.height]; })()"
    )
    named = {"button": "left", "buttons": 1 if kind != "mouseReleased" else 0} if pressed else {"button": "none"}
    tab.send(
        "Input.dispatchMouseEvent", type=kind, x=left + share * width, y=top + height / 2, clickCount=count, **named
    )


def drag(tab, chart: str, start: float, end: float) -> None:
    mouse(tab, chart, "mousePressed", start, pressed=True)
    for share in ((start + end) / 2, end):
        mouse(tab, chart, "mouseMoved", share, pressed=True)
    mouse(tab, chart, "mouseReleased", end, pressed=True)


def press(tab, *keys: str) -> None:
    for key in keys:
        tab.send("Input.dispatchKeyEvent", type="keyDown", key=key)
        tab.send("Input.dispatchKeyEvent", type="keyUp", key=key)


def test_what_was_drawn_is_as_it_was_until_something_is_chosen_and_again_afterwards(tab, chart_page):
    static = re.search(r'id="metric-loss".*?<svg[^>]*>(.*?)</svg>', chart_page.read_text("utf-8"), re.DOTALL)[1]
    parsed = (
        f"(() => {{ const drawn = document.querySelector('{LOSS}').cloneNode(); drawn.innerHTML = {json.dumps(static)};"
        "return drawn.innerHTML; })()"
    )
    before = markup(tab)
    assert before == tab.evaluate(parsed)

    choose(tab, "x", "relative")
    choose(tab, "smoothing", "0.9")
    choose(tab, "y", "log")
    assert markup(tab) != before
    choose(tab, "x", "step")
    choose(tab, "smoothing", "0")
    choose(tab, "y", "")
    assert markup(tab) == before


def test_redrawn_unchanged_every_line_and_tick_is_where_it_was(tab):
    places = (
        "[...document.querySelectorAll('#metrics svg[data-c]')].map(svg => [...svg.querySelectorAll('text')]"
        ".map(text => [text.textContent, Math.round(text.getBoundingClientRect().x / 2)]).sort())"
    )
    before = tab.evaluate(places)
    choose(tab, "smoothing", "0.01")  # all is drawn anew, and nearly nothing moves
    after = tab.evaluate(places)
    for old, new in zip(before, after, strict=True):
        assert [word for word, _ in old] == [word for word, _ in new]
        # Estimated widths may move the last number of an axis a little.
        assert all(abs(a - b) <= 4 for (_, a), (_, b) in zip(old, new, strict=True))
    assert looking.chart_faults(tab) == []


def test_smoothing_is_a_debiased_moving_average(tab):
    chart = "#metric-zigzag svg"
    choose(tab, "smoothing", "0.9")
    raw, even = line(tab, chart, 0), line(tab, chart, 1)
    assert len(raw) == len(even) == 60
    last = wanted = 0.0
    for k, (_, y) in enumerate(raw, 1):
        last = 0.9 * last + 0.1 * y
        wanted = last / (1 - 0.9**k)
        assert even[k - 1][1] == pytest.approx(wanted, abs=0.3)
    assert max(y for _, y in even[20:]) - min(y for _, y in even[20:]) < 0.2 * abs(raw[1][1] - raw[0][1])


def test_smoothing_goes_on_over_a_gap_and_begins_anew_with_an_attempt(tab):
    choose(tab, "smoothing", "0.9")
    gap, again = line(tab, "#metric-gap svg", 1), line(tab, "#metric-again svg", 1)
    raw = line(tab, "#metric-again svg", 0)

    assert again[3] == raw[3]
    assert gap[2] != line(tab, "#metric-gap svg", 0)[2]


def test_relative_time_shows_the_pause(tab):
    choose(tab, "x", "relative")
    points = line(tab, LOSS)
    steps = [after[0] - before[0] for before, after in itertools.pairwise(points)]

    assert max(steps) > 10 * sorted(steps)[50]
    assert steps.index(max(steps)) == 49
    assert "after 2 h 58 min" in [word.replace("\u00a0", " ") for word in words(tab)]
    assert "1 h" in [word.replace("\u00a0", " ") for word in words(tab)]


def test_time_of_day_is_in_utc(tab):
    choose(tab, "x", "wall")

    assert "UTC 17:59:00" in words(tab)
    assert "16:00" in words(tab)


def test_attempts_stand_apart_in_time(tab):
    choose(tab, "x", "relative")
    points = line(tab, "#metric-again svg")

    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[3][0] > points[2][0]


def test_a_logarithmic_axis_is_even_in_decades(tab):
    choose(tab, "y", "log")
    ticks = [word for word in words(tab) if re.fullmatch(r"[\d.]+", word)]
    assert {"0.2", "0.5", "1", "2"} <= set(ticks)
    points = line(tab, LOSS)
    first = [before[1] - after[1] for before, after in itertools.pairwise(points[:21])]
    assert max(first) - min(first) < 0.5 * abs(sum(first) / len(first))


def test_the_readout_names_step_and_values_under_the_pointer(tab):
    mouse(tab, LOSS, "mouseMoved", 0.5)
    head, value = readout(tab)
    step = int(head.removeprefix("step "))

    assert abs(step - 50) <= 1
    assert float(value.split(" ")[-1]) == pytest.approx(3.0 * math.exp(-step / 25) + 0.1, abs=0.01)
    mouse(tab, "#metric-zigzag svg", "mouseMoved", 0.5)
    assert readout(tab) == []


def test_the_readout_of_a_value_below_the_axis_says_that_it_is_no_more_than_its_end(tab):
    chart = "#metric-schedule svg"
    tab.evaluate(f"document.querySelector('{chart}').focus()")
    press(tab, "End")
    assert readout(tab, chart) == ["step 40", "≤ 1e-4"]
    press(tab, "ArrowLeft")
    assert readout(tab, chart) == ["step 39", "1"]


def test_the_readout_of_several_lines_and_bands_names_each(tab):
    mouse(tab, "#metric-g svg", "mouseMoved", 0.98)
    assert readout(tab, "#metric-g svg") == ["step 2", "one 3", "two 1"]
    mouse(tab, "#metric-m svg", "mouseMoved", 0.5)
    assert readout(tab, "#metric-m svg") == ["step 1", "2 (1 to 3)"]
    mouse(tab, "#metric-noisy svg", "mouseMoved", 0.5)
    head, value = readout(tab, "#metric-noisy svg")
    assert re.fullmatch(r"step (≈ )?1,\d\d\d", head)
    assert re.fullmatch(r"0\.\d+ \(0\.\d+ to 0\.\d+\)", value)


def test_dragging_zooms_and_a_double_click_goes_back(tab):
    before = markup(tab)
    drag(tab, LOSS, 0.5, 0.75)
    numbers = [int(word.removeprefix("step ")) for word in words(tab) if re.fullmatch(r"(step )?\d+", word)]
    assert all(48 <= number <= 76 for number in numbers if number > 5)
    assert tab.evaluate("document.querySelector('.bar button').checkVisibility()")
    # Only this chart is zoomed, and it uses its height for what is seen.
    assert "2.5" not in words(tab)
    assert tab.evaluate("document.querySelector('#metric-zigzag svg [clip-path]')") is None

    mouse(tab, LOSS, "mousePressed", 0.5, pressed=True)
    mouse(tab, LOSS, "mouseReleased", 0.5, pressed=True)
    mouse(tab, LOSS, "mousePressed", 0.5, pressed=True, count=2)
    mouse(tab, LOSS, "mouseReleased", 0.5, pressed=True, count=2)
    mouse(tab, "#metric-zigzag svg", "mouseMoved", 0.5)
    tab.evaluate(f"document.querySelector('{LOSS}').blur()")
    assert markup(tab) == before
    assert not tab.evaluate("document.querySelector('.bar button').checkVisibility()")


def test_all_of_it_works_by_keys(tab):
    tab.evaluate(f"document.querySelector('{LOSS}').focus()")
    press(tab, "Home")
    assert readout(tab)[0] == "step 0"
    press(tab, "ArrowRight", "ArrowRight")
    assert readout(tab)[0] == "step 2"
    assert tab.evaluate("document.querySelector('.spoken').textContent").startswith("step 2: 2.8")
    press(tab, "End", "ArrowLeft")
    assert readout(tab)[0] == "step 98"
    press(tab, "+")
    assert tab.evaluate(f"document.querySelector('{LOSS} [clip-path]') !== null")
    assert readout(tab)[0] == "step 98"
    press(tab, "-")
    assert tab.evaluate(f"document.querySelector('{LOSS} [clip-path]') === null")
    press(tab, "+", "Escape")
    assert tab.evaluate(f"document.querySelector('{LOSS} [clip-path]') === null")
    assert readout(tab) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_redrawn_charts_stay_within_their_frames(tab, chart_page, width, scheme):
    tab.resize(width, 844, mobile=width < 600)
    tab.prefer(scheme)
    tab.open(chart_page.as_uri())
    for x, y, smoothing in (("relative", "", "0.6"), ("wall", "log", "0.99"), ("step", "linear", "0.3")):
        choose(tab, "x", x)
        choose(tab, "y", y)
        choose(tab, "smoothing", smoothing)
        assert looking.overflow(tab) == []
        assert looking.chart_faults(tab) == []
        assert looking.faint_text(tab) == []


@pytest.fixture(scope="module")
def odd_page(tmp_path_factory):
    """A page of the least and the largest numbers and steps there are."""
    from reportgen.pipeline import build_html

    scalars = {
        "sparse": series_of([1.0, 2.0, 3.0]),
        "one": series_of([1.0]),
        "same": series_of([-3.0] * 5),
        "huge": series_of([1e308, -1e308, 1e308]),
        "tiny": series_of([5e-324, 1e-320, 1e-310]),
        "far": timed([1.0, 2.0, 3.0], TIMES[:3], [0, 2**53, 2**62]),
        "at once": timed([1.0, 2.0, 3.0], [STARTED] * 3),
        "one step": timed([1.0, 2.0, 3.0], TIMES[:3], [7, 7, 7]),
    }
    return write(tmp_path_factory.mktemp("odd"), build_html(fake_run(steps=3, scalars=scalars))[0])


@pytest.mark.parametrize("scale", ["", "log"])
def test_odd_numbers_are_redrawn_and_zoomed_in_between_points_without_a_fault(browser, odd_page, scale):
    charts = "document.querySelectorAll('#metrics svg[tabindex]')"
    coordinates = f"[...{charts}].flatMap(svg => [...svg.querySelectorAll('*')].flatMap(one => [...one.attributes]))"
    odd = f"{coordinates}.filter(one => /NaN|Infinity|undefined/.test(one.value)).map(one => one.value)"
    with browser.tab() as tab:
        tab.open(odd_page.as_uri())
        before = tab.evaluate(f"[...{charts}].map(svg => svg.innerHTML)")
        for x, smoothing in (("step", "0"), ("relative", "0.9"), ("wall", "0")):
            for control, value in (("x", x), ("y", scale), ("smoothing", smoothing)):
                choose(tab, control, value)
            assert tab.evaluate(odd) == []
            for at in range(len(before)):
                tab.evaluate(f"{charts}[{at}].focus()")
                press(tab, "Home", "ArrowRight", *"++++++")
                assert tab.evaluate(odd) == []
                press(tab, "Escape")
        for control, value in (("x", "step"), ("y", ""), ("smoothing", "0")):
            choose(tab, control, value)
        tab.evaluate("document.activeElement.blur()")
        assert tab.evaluate(f"[...{charts}].map(svg => svg.innerHTML)") == before
        assert tab.messages == []
