import itertools

import pytest

from reportgen.figures.palette import COLOURS, colour_of, dashes_of, paint, variables


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, two):
    """WCAG 2.2's contrast ratio."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ground", ["paper", "wash", "badwash", "warnwash"])
@pytest.mark.parametrize("ink", ["ink", "muted", "bad", "warn", "ok", *(f"c{at}" for at in range(1, 7))])
def test_text_reads_on_every_ground(ink, ground, dark):
    assert contrast(COLOURS[ink][dark], COLOURS[ground][dark]) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("fill", ["plain", "wash", "badwash", *(f"c{at}soft" for at in range(1, 7))])
def test_words_read_in_the_boxes_of_a_graph(fill, dark):
    ink = "bad" if fill == "badwash" else "ink"
    assert contrast(COLOURS[ink][dark], COLOURS[fill][dark]) >= 4.5


def test_a_colour_names_its_value_for_hosts_without_styles():
    assert paint("c1") == "var(--c1,#0b6bcb)"


def test_no_two_names_share_a_value_on_white():
    values = [light for light, _ in COLOURS.values()]
    assert len(set(values)) == len(values)  # matplotlib's and Graphviz' colours are told apart by their values


def test_roles_have_one_colour_each():
    roles = ("train", "val", "test", "4", "5", "6", "neutral")
    assert len({colour_of(role) for role in roles}) == len(roles)
    assert colour_of("train") == colour_of("1") == colour_of("something else") == "c1"
    assert all(a != b for a, b in itertools.pairwise([dashes_of(role) for role in ("3", "4", "5", "6")]))


def test_the_sheet_has_all_colours():
    assert variables(True).count(":#") == len(COLOURS)
    assert "--c1:#0b6bcb;" in variables(False)
