"""Sizes of pictures, from the heads of their files."""

import io

import numpy as np
import pytest
from PIL import Image

from reportgen.run.picture_size import picture_size


def saved(kind: str, **options) -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    mode = options.pop("mode", "RGB")
    Image.fromarray(rng.integers(0, 255, (37, 301, 3), np.uint8)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"mode": "RGBA"}),
    ],
)
def test_the_size_is_what_pillow_says(kind, options):
    assert picture_size(saved(kind, **options)) == (301, 37)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP"])
def test_the_head_of_a_damaged_file_gives_a_size_or_none_and_never_an_error(kind):
    data = saved(kind)
    assert {picture_size(data[:end]) for end in range(700)} <= {(0, 0), (301, 37)}


def test_what_is_no_picture_has_no_size():
    assert picture_size(b"rubbish") == picture_size(b"") == (0, 0)
