import io

import pytest
from PIL import Image

from reportgen.run.media_kind import drawn_as_svg, media_type


def picture(mode="L", size=(28, 28), kind="PNG", **options):
    data = io.BytesIO()
    Image.new(mode, size).save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    "data", [picture(), picture(size=(32, 32)), picture(size=(1, 1)), picture("1"), picture(bits=4)]
)
def test_small_grey_pictures_are_drawn(data):
    assert drawn_as_svg(data)
    assert media_type(data) == "image/png"


@pytest.mark.parametrize(
    "data",
    [
        picture(size=(33, 32)),
        picture(size=(8, 33)),
        picture("RGB"),
        picture("LA"),
        picture("P"),
        picture("I;16"),
        picture(kind="JPEG"),
        b"",
        picture()[:25],
        b"\x89PNG\r\n\x1a\n" + bytes(30),
    ],
)
def test_others_are_not(data):
    assert not drawn_as_svg(data)


def test_media_types_go_by_the_first_bytes():
    assert media_type(picture(kind="JPEG")) == "image/jpeg"
    assert media_type(picture("P", kind="GIF")) == "image/gif"
    assert media_type(picture("RGB", kind="WEBP")) == "image/webp"
    assert media_type(b"<svg onload=alert(1)>") == ""
    assert media_type(b"") == ""
