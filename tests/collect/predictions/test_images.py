from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from reportgen.collect.predictions.images import encode, picture_of, text_of
from reportgen.collect.predictions.notes import Notes
from reportgen.run.media_kind import drawn_as_svg

GENERATOR = np.random.default_rng(0)


def shown(sample: object, side: int = 160) -> tuple[np.ndarray, tuple[str, ...]]:
    notes = Notes()
    picture = picture_of(sample, side, notes)
    assert picture is not None
    assert picture.dtype == np.uint8
    return picture, notes.texts()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 40, 50), (40, 50)),
        ((3, 40, 50), (40, 50, 3)),
        ((4, 40, 50), (40, 50, 4)),
        ((40, 50), (40, 50)),
        ((40, 50, 3), (40, 50, 3)),
        ((40, 50, 1), (40, 50)),
        ((3, 400, 200), (160, 80, 3)),
    ],
)
def test_every_layout_of_an_image(shape, expected):
    assert shown(GENERATOR.random(shape))[0].shape == expected


@pytest.mark.parametrize("sample", [np.zeros(7), np.zeros((2, 40, 50)), np.zeros((40, 2)), np.float32(1), "text", None])
def test_what_is_no_image(sample):
    assert picture_of(sample, 160, Notes()) is None


def test_ranges_that_are_shown_as_they_are():
    ramp = np.linspace(0, 1, 40 * 50).reshape(40, 50)
    assert (shown(ramp)[0] == np.round(ramp * 255)).all()
    assert (shown((ramp * 255).astype(np.int64))[0] == (ramp * 255).astype(np.uint8)).all()
    assert (shown((ramp * 9).astype(np.int64))[0] == (ramp * 9).astype(np.uint8)).all()  # not multiplied
    assert (shown((ramp * 255).astype(np.uint8))[0] == (ramp * 255).astype(np.uint8)).all()
    assert set(np.unique(shown(ramp > 0.5)[0])) == {0, 255}
    assert shown(ramp)[1] == ()


def test_normalised_images_are_rescaled_and_it_is_said():
    picture, notes = shown(np.linspace(-2, 3, 40 * 50).reshape(40, 50))
    assert (picture.min(), picture.max()) == (0, 255)
    assert notes == ("1 shown images have values outside [0, 1]: each is shown from its minimum to its maximum.",)


def test_nan_pixels_and_extreme_values():
    values = np.full((40, 50), 0.5)
    values[0, 0] = np.nan
    picture, notes = shown(values)
    assert (picture[0, 0], picture[1, 1]) == (0, 128)
    assert notes == ("1 shown images hold NaN or infinite pixels, drawn black.",)
    assert shown(np.full((40, 50), np.nan))[0].max() == 0
    span = np.repeat([-1e308, 1e308], 1000).reshape(40, 50)
    assert shown(span)[0].max() == 255
    assert (shown(np.full((40, 50), 7.0))[0] == 0).all()


def test_small_grey_images_have_16_levels_and_are_drawn_as_shapes():
    grey = GENERATOR.random((28, 28))
    picture, _ = shown(grey)
    assert set(np.unique(picture)) <= set(range(0, 256, 17))
    assert np.abs(picture.astype(int) - grey * 255).max() <= 9
    data, suffix = encode(picture)
    assert suffix == "png"
    assert drawn_as_svg(data)
    colourless, _ = shown(np.stack([grey] * 3))
    assert encode(colourless)[0] == data


def test_photos_are_webp_and_drawings_are_png():
    photo = GENERATOR.integers(0, 256, (100, 120, 3)).astype(np.uint8)
    drawing = np.repeat(np.repeat(GENERATOR.integers(0, 3, (10, 12)), 10, 0), 10, 1).astype(np.uint8) * 100
    assert encode(photo)[1] == "webp"
    assert encode(photo[:64, :64])[1] == "png"
    data, suffix = encode(drawing)
    assert suffix == "png"
    assert (np.array(Image.open(io.BytesIO(data))) == drawing).all()


def test_the_same_picture_gives_the_same_bytes():
    photo = GENERATOR.integers(0, 256, (100, 120, 3)).astype(np.uint8)
    assert encode(photo) == encode(photo.copy())


def test_pillow_images_of_any_mode():
    image = Image.new("CMYK", (90, 70), (0, 255, 255, 0))
    assert shown(image)[0].shape == (70, 90, 3)
    assert shown(Image.new("1", (20, 30), 1))[0].shape == (30, 20)


def test_the_copy_does_not_share_memory():
    values = torch.zeros(40, 50, dtype=torch.uint8)
    picture, _ = shown(values.numpy())
    values += 9
    assert picture.max() == 0


def test_texts_for_other_inputs():
    assert text_of(np.arange(3)) == "0, 1, 2"
    assert text_of(np.linspace(0, 1, 11)) == "0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7 … (11 values)"
    assert text_of({"input_ids": np.arange(2), "mask": np.ones(1, bool)}) == "input_ids: 0, 1; mask: 1"
    assert len(text_of("x" * 1000)) == 200
    assert text_of([[1], [2, 3]]) == "[[1], [2, 3]]"
