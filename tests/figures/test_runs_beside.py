"""Lines of runs beside each other, their swatches, and settings on a logarithmic axis."""

import re

import pytest

from reportgen.blocks import Line, LineChart, ScatterChart
from reportgen.figures.chart import line_chart
from reportgen.figures.palette import colour_of, dashes_of
from reportgen.figures.plot import chart_settings
from reportgen.figures.scatter import scatter_chart
from reportgen.figures.small import swatch

ROLES = [f"run{number}" for number in range(1, 9)]


def drawn(chart):
    with chart_settings():
        return line_chart(chart) if isinstance(chart, LineChart) else scatter_chart(chart)


def test_each_run_has_a_dash_of_its_own_besides_its_colour():
    assert len({dashes_of(role) for role in ROLES}) == 8
    assert len({(colour_of(role), dashes_of(role)) for role in [*ROLES, "rest"]}) == 9


@pytest.mark.parametrize("role", [*ROLES, "rest"])
def test_a_swatch_is_a_piece_of_the_line_it_stands_for(role):
    made = swatch(role)
    assert f"var(--{colour_of(role)}," in made
    assert (f'stroke-dasharray="{dashes_of(role)}"' in made) == bool(dashes_of(role))
    assert 'aria-hidden="true"' in made


def test_runs_of_the_rest_are_thin_and_have_no_name_at_their_end():
    lines = [Line("quiet one", (0.0, 1.0), (1.0, 3.0), "rest"), Line("named", (0.0, 1.0), (2.0, 2.5), "run1")]
    made = drawn(LineChart("x", tuple(lines), "a caption"))
    names = re.findall(r">([^<>]+)</text>", made)
    assert "named" in names
    assert "quiet one" not in names
    assert 'stroke-width=".8"' in made


def test_many_noisy_runs_are_lines_without_bands():
    noisy = [Line(role, tuple(map(float, range(3000))), tuple([1.0, 3.0, 2.0] * 1000), role) for role in ROLES[:4]]
    assert "fill-opacity" not in drawn(LineChart("x", tuple(noisy), ""))
    assert "fill-opacity" in drawn(LineChart("x", tuple(noisy[:2]), ""))


def test_a_setting_over_decades_stands_on_a_logarithmic_axis():
    points = ((0.001, 0.5), (0.01, 0.9), (0.1, 0.7), (-1.0, 0.2))
    made = drawn(ScatterChart("lr", points, "", "lr", "best", log_x=True, y_format="percent"))
    words = re.findall(r">([^<>]+)</text>", made)
    assert {"0.001", "0.01", "lr 0.1"} <= set(words)
    assert any(word.endswith("%") for word in words)
    (path,) = re.findall(r'<path d="(M[^"]*h0[^"]*)"', made)
    assert path.count("h0") == 3  # a value that is not above zero has no place
    gaps = [float(step) for step in re.findall(r"m(-?[\d.]+)", path)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1)
