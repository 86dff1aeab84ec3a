import math
import re
import subprocess
import sys
import warnings

import matplotlib
import pytest

from reportgen.blocks import Line, LineChart, Point, ScatterChart
from reportgen.figures.chart import line_chart
from reportgen.figures.frame import BESIDE
from reportgen.figures.minor import minor_chart
from reportgen.figures.plot import chart_settings
from reportgen.figures.scatter import scatter_chart
from tests.render.sample import EPOCHS, STEPS, VAL, charts, loss_chart, noisy


def draw(*lines, size=None, **settings):
    block = LineChart("title", lines, "caption", **settings)
    with chart_settings():
        return line_chart(block, size) if size else line_chart(block)


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_noisy_line_stays_small():
    with chart_settings():
        drawn = line_chart(loss_chart())
    assert 2_000 < len(drawn) < 8_000
    assert 'aria-label="title' not in drawn
    assert 'aria-label="loss: Train falls' in drawn


def test_lines_are_named_at_their_ends_and_the_best_value_has_a_ring():
    drawn = draw(
        Line("train", STEPS, noisy(), "train"), Line("val", EPOCHS, VAL, "val", best=Point(630, 0.066, "0.066"))
    )
    assert {"train", "val", "0.066", "step 900"} <= set(texts(drawn))
    assert drawn.count("<circle") == 1


def test_hosts_without_styles_get_every_colour():
    for drawn in (draw(Line("a", STEPS, noisy(), "4")), draw(Line("a", (1.0,), (2.0,)))):
        assert "style=" not in drawn
        assert "<style" not in drawn
        assert not re.search(r"var\(--\w+\)", drawn)
        assert not re.search(r' (id|clip-path|xlink:href)="', drawn)
        assert set(re.findall(r' class="([^"]*)"', drawn)) <= {
            "chart",
            "bands",
            "axes",
            "lines",
            "dots",
            "names",
            "marks",
        }


def test_values_that_are_no_numbers_are_a_gap_with_a_mark():
    values = (*noisy()[:140], *(math.nan,) * 160)
    drawn = draw(Line("train", STEPS, values, "train"))
    assert "NaN from step 420" in texts(drawn)
    one = (*noisy()[:100], math.inf, *noisy()[101:])
    assert "∞ at step 300" in texts(draw(Line("train", STEPS, one, "train")))


def test_a_resumed_run_is_a_break_with_a_mark():
    drawn = draw(Line("train", STEPS, noisy(), "train", breaks=(150,)))
    assert "resumed" in texts(drawn)
    whole = draw(Line("train", STEPS, noisy(), "train"))
    assert drawn.count("M") > whole.count("M")


def test_odd_series_are_drawn():
    assert draw(Line("x", (), ())) == ""
    assert draw(Line("x", (0.0,), (math.nan,))) == ""
    assert draw(Line("x", (0.0, 1.0), (-1.0, 0.0)), log_y=True) == ""
    assert "<circle" in draw(Line("x", (7.0,), (0.5,)))
    assert "0.050" in "".join(texts(draw(Line("x", STEPS, (0.05,) * 300))))
    assert "−1e308" in texts(draw(Line("x", (0.0, 1.0, 2.0), (-1.7e308, 0.0, 1.7e308))))
    assert "nan" not in draw(Line("x", (0.0, 1.0, 2.0), (1e-310, 2e-310, 5e-324))).lower()
    assert "1e-5" in texts(draw(Line("x", (0.0, 1.0), (1e-6, 1e-1)), log_y=True))


def test_many_lines_are_named_as_far_as_there_is_room():
    lines = tuple(Line(f"layer{at}.weight", STEPS, noisy(at), str(at % 6 + 1)) for at in range(40))
    written = texts(draw(*lines))
    assert any(re.fullmatch(r"and \d+ more", words) for words in written)
    assert len(written) < 40


def test_names_of_users_stay_text():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw(
            Line("<b>\x00$x_1$\ud800", STEPS, noisy()), Line("漢字\u0001", STEPS, noisy(1), "2"), x_label="$s$<i>"
        )
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    assert "&lt;b&gt;\u2400$x_1$\ufffd" in drawn
    assert "漢字\u2401" in drawn


def test_settings_of_the_program_change_nothing_and_stay():
    plain = draw(Line("a", STEPS, noisy(), "4"), size=BESIDE)
    own = {
        "lines.linewidth": 9,
        "lines.marker": "o",
        "font.family": "serif",
        "font.weight": "bold",
        "svg.fonttype": "path",
        "text.color": "red",
        "axes.prop_cycle": matplotlib.cycler(color=["r"]),
        "path.sketch": (1, 2, 3),
        "figure.autolayout": True,
        "savefig.bbox": "tight",
        "lines.scale_dashes": True,
        "svg.hashsalt": "other",
    }
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        assert draw(Line("a", STEPS, noisy(), "4"), size=BESIDE) == plain
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported():
    program = (
        "import sys; from tests.figures.test_chart import draw, noisy, STEPS, Line; draw(Line('a', STEPS, noisy()));"
        "assert 'matplotlib.figure' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("block", [block for block in charts() if isinstance(block, LineChart)])
def test_beyond_many_charts_a_small_version_is_drawn(block):
    drawn = minor_chart(block)
    assert bool(drawn) == (block.title != "empty")
    assert len(drawn) < 16_000
    assert "var(--c" in drawn or not drawn or block.title == "single"


def test_points_of_a_scatter_chart_lie_where_they_should():
    with chart_settings():
        drawn = scatter_chart(
            ScatterChart("t", ((0.0, 0.0), (1.0, 1.0), (math.nan, 1.0)), "c", "x", "y", diagonal=True)
        )
        none = scatter_chart(ScatterChart("t", ((math.nan, 1.0),), "c", "x", "y"))
    assert none == ""
    assert {"y", "x 1.0", "0.0"} <= set(texts(drawn))
    assert drawn.count("h0") == 2


def test_dots_keep_off_the_numbers_below_and_shares_are_shown_from_0_to_1():
    with chart_settings():
        low = scatter_chart(ScatterChart("t", ((3.0, 0.934), (5.0, 0.988)), "c", "x", "y", y_format="percent"))
        one = scatter_chart(ScatterChart("t", ((0.104, 0.101),), "c", "sure", "right", True, y_format="percent"))
    x, y = map(float, re.search(r'<path d="M(-?[\d.]+) (-?[\d.]+)h0', low).groups())
    assert y < 220 - 24 - 5
    assert x > 40
    assert {"0%", "100%", "sure 100%"} <= set(texts(one))


def test_the_best_value_beside_other_lines_has_its_lines_colour_and_stands_on_no_axis():
    low = Line("val", (0.0, 1.0, 2.0), (6.0, 3.5, 0.01), "val", best=Point(2.0, 0.01, "0.01"))
    drawn = draw(Line("train", (0.0, 1.0, 2.0), (13.0, 4.0, 0.1), "train"), low, x_label="seconds")
    (found,) = re.findall(r"<text([^>]*)>0\.01</text>", drawn)

    name = next(tag for tag in re.findall(r"<text([^>]*)>val</text>", drawn))
    assert re.search(r'fill="([^"]*)"', found).group(1) == re.search(r'fill="([^"]*)"', name).group(1)
    ticks = [float(y) for y in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>seconds', drawn)]
    assert float(re.search(r' y="([\d.]+)"', found).group(1)) < min(ticks) - 8
