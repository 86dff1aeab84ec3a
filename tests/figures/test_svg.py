import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.figures.paths import numbers_in, short_path
from reportgen.figures.svg import compact, drawing, element, line_data, text


def points_of(data):
    """The places that the path data of a line goes through."""
    x = y = 0.0
    out = []
    for letter, rest in re.findall(r"([Mlhvz])([^Mlhvz]*)", data):
        values = numbers_in(rest)
        if letter == "z":
            continue
        steps = {"h": [(value, 0) for value in values], "v": [(0, value) for value in values]}.get(letter)
        for dx, dy in steps or zip(values[::2], values[1::2], strict=True):
            x, y = (dx, dy) if letter == "M" else (x + dx, y + dy)
            out.append((x, y))
    return out


@pytest.mark.parametrize(
    ("value", "written"),
    [(3, "3"), (-0.5, "-.5"), (12.54, "12.5"), (0.04, "0"), (-0.04, "0"), (0.05, "0"), (1e4, "10000")],
)
def test_numbers_are_short(value, written):
    assert compact(value) == written


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=2, max_size=60))
def test_a_line_goes_through_its_points_without_drift(points):
    drawn = points_of(line_data(points))
    places = [(round(x, 1), round(y, 1)) for x, y in drawn]
    last = points[-1]
    assert abs(drawn[-1][0] - last[0]) < 0.051
    assert abs(drawn[-1][1] - last[1]) < 0.051
    for x, y in points:
        assert any(abs(x - a) < 0.101 and abs(y - b) < 0.101 for a, b in places)


def test_a_point_alone_is_still_a_path():
    assert line_data([(3, 4)]) == "M3 4h0"
    assert line_data([]) == ""


def test_paths_of_other_programs_become_short():
    assert short_path("M 10.04 20.06 L 11.5 20.06 L 11.5 30 L 12.04 31.96 Z") == "M10 20.1h1.5v9.9l.5 2z"
    assert short_path("M1,1C2,2 3,3 4,4 5,5 6,6 7,7") == "M1 1c1 1 2 2 3 3 1 1 2 2 3 3"
    with pytest.raises(ValueError, match="'A'"):
        short_path("M1 1A2 2 0 0 1 3 3")


def test_a_drawing_has_size_and_says_what_it_shows():
    drawn = drawing(10, 5.5, element("rect", width=3, fill="none", stroke_width="2", rx=""), 'a "b"')
    assert drawn == (
        '<svg width="10" height="5.5" viewBox="0 0 10 5.5" role="img" aria-label="a &quot;b&quot;">'
        '<rect width="3" fill="none" stroke-width="2"/></svg>'
    )
    assert 'aria-hidden="true"' in drawing(1, 1, "")
    assert "font-family" in drawing(1, 1, text(0, 0, "<x>"))
    assert "&lt;x&gt;" in text(0, 0, "<x>")
