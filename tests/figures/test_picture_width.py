"""How wide pictures are shown."""

import pytest

from reportgen.blocks.media import ImageItem
from reportgen.figures.picture_width import is_coarse, picture_width
from reportgen.run.logged import Box

ITEM = ImageItem("a.png", "a")


@pytest.mark.parametrize(
    ("size", "width"),
    [((28, 28), 96), ((10, 20), 48), ((96, 3), 96), ((2, 96), 8), ((2, 500), 8), ((300, 200), 0), ((0, 0), 0)],
)
def test_small_pictures_are_enlarged_to_their_longer_side_alone(size, width):
    assert picture_width(ITEM, size, small=False) == width


@pytest.mark.parametrize(
    ("size", "width"),
    [((28, 28), 96), ((320, 200), 96), ((100, 150), 96), ((2, 500), 8), ((50, 200), 48), ((0, 0), 96)],
)
def test_thumbnails_are_never_towers(size, width):
    assert picture_width(ITEM, size, small=True) == width


@pytest.mark.parametrize(
    ("size", "width"), [((238, 238), 476), ((78, 300), 156), ((798, 600), 0), ((78, 78), 468), ((270, 270), 540)]
)
def test_sheets_are_enlarged_by_whole_factors(size, width):
    assert picture_width(ImageItem("a.png", "a", columns=8), size, small=False) == width


def test_pictures_with_boxes_are_as_wide_as_their_labels_need():
    boxed = ImageItem("a.png", "a", boxes=(Box(1.0, 1.0, 9.0, 9.0),), size=(30, 30))
    assert picture_width(boxed, (30, 30), small=False) == 320


def test_what_is_small_or_narrow_is_coarse():
    assert is_coarse((28, 28))
    assert is_coarse((2, 500))
    assert not is_coarse((300, 200))
    assert not is_coarse((0, 0))
