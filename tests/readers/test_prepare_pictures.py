"""What a page carries of logged pictures: small files within a budget, and sheets of many."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from reportgen.pipeline import build_html
from reportgen.readers.page import read_page
from reportgen.readers.prepare import prepared
from reportgen.run.media_kind import MOST_DRAWN
from reportgen.run.records import Images, Run
from reportgen.run.series import Stamp
from reportgen.run.thin import thin
from reportgen.testing import fake_run
from reportgen.testing.logged import photograph, png


def bare(**fields) -> Run:
    return fake_run(layers=1, steps=3, snapshots=1, predictions=(), graphs=(), **fields)


def pictured(*files, **fields) -> tuple[Images, Run]:
    names = tuple(f"{k}.png" for k in range(len(files)))
    run = prepared(
        bare(
            images=(Images("x", Stamp(1), names, total=len(files), **fields),),
            media=dict(zip(names, files, strict=True)),
        )
    )
    return run.images[0], run


def opened(data) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_large_photograph_becomes_a_small_webp():
    data = png(photograph(np.random.default_rng(0), 1000, 600))
    record, run = pictured(data, data[:-20] + data[-20:])
    picture = opened(run.media[record.media[0]])

    assert (picture.format, picture.size) == ("WEBP", (320, 192))
    assert len(run.media[record.media[0]]) < len(data) / 20


def test_a_picture_alone_stays_large_enough_to_read():
    record, run = pictured(png(photograph(np.random.default_rng(0), 1000, 600)))

    assert opened(run.media[record.media[0]]).size == (800, 480)


def batch(amount: int, width: int = 28, height: int = 28, **fields) -> tuple[dict[str, bytes], Images]:
    """Pictures of one grey each, brighter one by one, and their record."""
    files = {f"{k}.png": png(np.full((height, width), k, np.uint8)) for k in range(amount)}
    return files, Images("x", Stamp(1), tuple(files), total=amount, sizes=((width, height),) * amount, **fields)


def test_a_batch_of_many_pictures_becomes_one_sheet_in_rows_of_eight():
    files, record = batch(64)
    run = prepared(thin(bare(images=(record,), media=files)))
    (made,) = run.images
    picture = opened(run.media[made.media[0]]).convert("L")

    assert (made.sheet, made.columns, made.total, made.sizes) == (64, 8, 64, ((28, 28),))
    assert list(run.media) == list(made.media)
    assert picture.size == (8 * 30 - 2, 8 * 30 - 2)
    seen = [picture.getpixel((14 + 30 * (k % 8), 14 + 30 * (k // 8))) for k in range(64)]
    assert seen == pytest.approx(range(64), abs=3)
    assert prepared(run) is run
    assert thin(run) is run


def test_a_page_with_sheets_gives_itself_again(tmp_path):
    files, record = batch(40)
    later = dataclasses.replace(record, stamp=Stamp(2), total=100)
    html, _ = build_html(bare(images=(record, later), media=files))
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    again = read_page(tmp_path / "report.html")

    assert [one.sheet for one in again.images] == [40, 40]
    assert build_html(again)[0] == html


def test_large_pictures_are_made_smaller_for_a_sheet_and_that_is_told():
    files, record = batch(30, 200, 100)
    run = prepared(bare(images=(record,), media=files))

    assert run.images[0].sheet == 30
    assert "On the sheet the images are smaller than their 200×100 pixels." in run.images[0].notes
    assert max(opened(run.media[run.images[0].media[0]]).size) <= 800


@pytest.mark.parametrize(
    ("amount", "fields"), [(12, {}), (20, {"captions": ("a",) * 20}), (20, {"sizes": ((28, 28),) * 19 + ((9, 9),)})]
)
def test_few_captioned_and_uneven_pictures_stay_single(amount, fields):
    files, record = batch(amount)
    run = prepared(bare(images=(dataclasses.replace(record, **fields),), media=files))

    assert len(run.images[0].media) == amount
    assert run.images[0].sheet == 0


def test_a_sheet_has_a_gap_for_a_damaged_picture_and_says_so():
    files, record = batch(20)
    files["3.png"] = b"rubbish"
    run = prepared(bare(images=(record,), media=files))
    picture = opened(run.media[run.images[0].media[0]]).convert("L")

    assert run.images[0].notes == ("1 image of the sheet cannot be read.",)
    assert picture.getpixel((3 * 30 + 14, 14)) == pytest.approx(128, abs=3)
    assert prepared(run) is run


def test_a_batch_without_any_readable_picture_is_no_error():
    files, record = batch(40)
    run = prepared(bare(images=(record,), media=dict.fromkeys(files, b"rubbish")))

    assert run.images[0].sheet == 0
    assert run.images[0].total == 40
    assert prepared(run) is run
    build_html(run)


def test_of_very_many_small_pictures_few_are_drawn_as_shapes(tmp_path):
    rng = np.random.default_rng(0)
    files = {f"{k}.png": png(rng.integers(0, 255, (28, 28), np.uint8)) for k in range(80)}
    names = tuple(files)
    images = tuple(Images(f"t{k}", Stamp(1), names[k * 10 : k * 10 + 10], total=10) for k in range(8))
    html, _ = build_html(bare(images=images, media=files))
    (tmp_path / "report.html").write_text(html, encoding="utf-8")

    assert html.count('shape-rendering="crispEdges"') == MOST_DRAWN
    assert html.count('<img src="data:image/png') == 80 - MOST_DRAWN
    again = read_page(tmp_path / "report.html")
    assert dict(again.media) == files
    assert build_html(again)[0] == html


def test_what_is_small_already_is_not_touched():
    small = png(photograph(np.random.default_rng(0), 30, 20))
    record, run = pictured(small, small)

    assert record.media == ("0.png", "1.png")
    assert run.media["0.png"] is small


def test_a_picture_that_webp_would_make_larger_stays(monkeypatch):
    from reportgen.readers import smaller_picture

    monkeypatch.setattr(smaller_picture, "as_webp", lambda picture, quality, exact=False: b"x" * 10**6)
    record, _ = pictured(png(photograph(np.random.default_rng(0))))

    assert record.media == ("0.png",)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_pictures_of_every_mode_are_shown(mode):
    picture = Image.fromarray(photograph(np.random.default_rng(0), 400, 300))
    if mode == "I;16":
        picture = picture.convert("L").point(lambda value: value * 256, "I")
    picture = picture.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF" if mode in ("CMYK", "F", "I") else "PNG")
    record, run = pictured(buffer.getvalue(), buffer.getvalue())

    assert max(opened(run.media[record.media[0]]).size) == 320


def test_very_many_photographs_stay_within_their_room_and_the_last_steps_go_before():
    rng = np.random.default_rng(0)
    files = {f"{k}.png": png(photograph(rng)) for k in range(60)}
    images = tuple(Images("x", Stamp(k), tuple(files)[k * 5 : k * 5 + 5], total=5) for k in range(12))
    run = prepared(bare(images=images, media=files))

    assert sum(map(len, run.media.values())) <= 160_000
    assert [len(record.media) for record in run.images] == [5] * 12
    assert prepared(run) is run


def test_what_finds_no_room_is_left_out_the_middle_steps_first(monkeypatch):
    from reportgen.readers import prepare

    monkeypatch.setattr(prepare, "MOST", {"images": 3_000, "audio": 1, "videos": 1})
    rng = np.random.default_rng(0)
    files = {f"{k}.png": png(photograph(rng)) for k in range(24)}
    names = tuple(files)
    images = tuple(Images("x", Stamp(k), names[k * 4 : k * 4 + 4], captions=tuple("abcd")) for k in range(6))
    run = prepared(bare(images=images, media=files))
    kept = [len(record.media) for record in run.images]

    assert kept[-1] == 4
    assert sum(kept) < 24
    assert all(len(record.captions) == len(record.media) for record in run.images)
    assert [record.total for record in run.images if len(record.media) < 4] == [4] * sum(one < 4 for one in kept)
    assert prepared(run) is run


def test_the_sizes_that_boxes_refer_to_are_taken_before_a_picture_shrinks():
    from reportgen.run.logged import Box

    record, _ = pictured(png(photograph(np.random.default_rng(0), 1000, 500)), boxes=((Box(0.0, 0.0, 1.0, 1.0),),))

    assert record.sizes == ((1000, 500),)
