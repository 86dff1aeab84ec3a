"""Images, videos, sounds, texts, tables, histograms and tensors."""

import dataclasses
import math
from array import array

from reportgen.blocks import AudioPlayers, Fold, ImageGrid, Markdown, Ridgelines, Steps, Table, Text, VideoView
from reportgen.diagnose import diagnose
from reportgen.run.distribution import DistributionSeries
from reportgen.run.logged import Audio, Box, TensorRecord, Video
from reportgen.run.records import Images, Run, TableRecord, TextRecord
from reportgen.run.series import Stamp
from reportgen.sections import media
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of
from tests.healthy import healthy


def blocks(run: Run):
    view = media.build(run, diagnose(run))
    return view.blocks if view is not None else None


def of(found, kind: type) -> list:
    return [block for block in found if isinstance(block, kind)]


def test_images_stand_at_each_step_the_last_of_which_is_last():
    images = tuple(Images("samples", Stamp(step), ("a.png", "b.png"), ("left", "right"), 5) for step in (30, 10, 20))
    steps, left = blocks(fake_run(images=images, media={"a.png": b"x", "b.png": b"y"}))

    assert [slide.label for slide in steps.slides] == ["step 10", "step 20", "step 30"]
    assert steps.title == "samples"
    assert steps.anchor == "images-samples"
    assert steps.caption == "6 of 15 images kept."
    (grid,) = steps.slides[-1].blocks
    assert grid.caption == "2 of 5 images."
    assert [item.title for item in grid.items] == ["left", "right"]
    assert grid.items[1].alt == "samples, image 2 of 5 at step 30: right"
    assert left.text == "6 of 15 images are shown."


def test_images_of_one_step_need_no_switch():
    images = (Images("samples", Stamp(7), ("a.png",), (), 3, ("Black is zero.",)),)
    grid, _ = blocks(fake_run(images=images, media={"a.png": b"x"}))

    assert grid.title == "samples"
    assert grid.caption == "Step 7, 1 of 3 images. Black is zero."


def test_how_many_steps_and_images_were_logged_is_told():
    images = tuple(Images("samples", Stamp(step), ("a.png",), (), 1) for step in (0, 5, 9))
    run = fake_run(
        images=images, media={"a.png": b"x"}, moments={"images": {"samples": 400}, "pictures": {"samples": 400}}
    )
    steps, left = blocks(run)

    assert steps.caption == "3 of 400 images kept. 3 of 400 steps are kept, the first and the last among them."
    assert left.text == "3 of 400 images are shown."


def test_images_are_bounded():
    media_files = {f"{k}.png": b"x" for k in range(300)}
    images = tuple(Images(f"t{k}", Stamp(1), tuple(media_files)[k * 30 : k * 30 + 30], total=30) for k in range(10))
    found = blocks(fake_run(images=images, media=media_files))

    assert sum(len(grid.items) for grid in of(found, ImageGrid)) == 100
    assert found[-1].text == "100 of 300 images are shown."


def test_images_that_the_page_has_not_are_counted():
    images = (Images("gone", Stamp(1), ("lost.png",), total=1), Images("there", Stamp(1), ("a.png",), total=1))
    found = blocks(fake_run(images=images, media={"a.png": b"x"}))

    assert [block.title for block in of(found, ImageGrid)] == ["there"]
    assert found[-1].text == "1 of 2 images are shown."


def test_boxes_are_drawn_on_large_pictures_and_listed():
    boxes = (Box(1.0, 2.0, 3.0, 4.0, "cat", 0.934), Box(0.0, 0.0, 9.0, 9.0), *(Box(0.0, 0.0, 1.0, 1.0, "x"),) * 20)
    images = (Images("found", Stamp(1), ("a.png", "b.png"), (), 2, (), ((64, 48), (64, 48)), (boxes, ())),)
    (grid,) = blocks(fake_run(images=images, media={"a.png": b"x", "b.png": b"y"}))

    first, second = grid.items
    assert first.boxes == boxes
    assert first.size == (64, 48)
    assert first.lines[0].startswith("22 boxes: 1 cat 0.934, 2, 3 x, ")
    assert first.lines[0].endswith("12 x, 10 more")
    assert second.lines == ()
    assert not grid.small


def test_sounds_of_all_steps_stand_under_each_other():
    wave = array("f", [0.5, 0.25])
    sounds = (
        Audio("voice", Stamp(9), "gone.wav", 8000, 2, 16_000, wave, wave, ("Clipped",)),
        Audio("voice", Stamp(3), "a.wav", 8000, 1, 4000),
    )
    (players,) = blocks(fake_run(audio=sounds, media={"a.wav": b"RIFF"}))

    assert isinstance(players, AudioPlayers)
    first, last = players.items
    assert (first.title, first.media, first.caption) == ("step 3", "a.wav", "500\u00a0ms, 8,000\u00a0Hz, 1 channel.")
    assert (last.title, last.media, last.low) == ("step 9", "", (0.5, 0.25))
    assert last.caption == "2.0\u00a0s, 8,000\u00a0Hz, 2 channels, loudest 0.5 of 1. Clipped."
    assert last.label.startswith("voice at step 9: ")


def test_a_video_is_a_moving_picture_with_frames_and_their_numbers():
    video = Video("ball", Stamp(4), "ball.gif", 24, 8.0, 96, 72, ("a.png", "b.png"), (0, 23))
    (view,) = blocks(fake_run(videos=(video,), media={"ball.gif": b"GIF8", "a.png": b"x", "b.png": b"y"}))

    assert isinstance(view, VideoView)
    assert (view.title, view.media) == ("ball", "ball.gif")
    assert view.caption == "Step 4, 24 frames, 96×72 pixels, 8 frames a second (3.0\u00a0s)."
    assert [item.title for item in view.strip] == ["frame 1 of 24", "frame 24 of 24"]


def test_videos_of_several_steps_share_a_switch():
    videos = tuple(Video("ball", Stamp(step), "", 2, 0.0) for step in (1, 2, 2))
    (steps,) = blocks(fake_run(videos=videos))

    assert isinstance(steps, Steps)
    assert [slide.label for slide in steps.slides] == ["step 1", "step 2", "step 2 (2)"]
    assert steps.slides[0].blocks[0].caption == "2 frames."


def test_texts_are_as_they_were_written_or_as_markdown_says():
    texts = (
        TextRecord("note", Stamp(1), "old"),
        TextRecord("note", Stamp(2), "x" * 20_000),
        TextRecord("readme", Stamp(2), "# Title", markdown=True),
    )
    steps, readme = blocks(fake_run(texts=texts))

    (old,), (new, rest) = (slide.blocks for slide in steps.slides)
    assert old == Text("old", preformatted=True)
    assert new.text == "x" * 1_600
    assert rest.blocks[0].text.endswith("x\n… 10,000 more characters")
    assert isinstance(readme, Markdown)
    assert readme.title == "readme, step 2"
    assert readme.nodes[0].kind == "heading"


def test_tables_show_the_latest_of_a_tag():
    tables = (
        TableRecord("rows", ("name", "n", "share"), (("a", 1, 0.5), ("b", 2, None)), 700),
        TableRecord("rows", ("name", "n", "share"), (("a", 1, 0.5), ("b", True, None)), 0),
    )
    (table,) = blocks(fake_run(tables=tables))

    assert [c.format for c in table.columns] == ["text", "text", "number"]
    assert table.rows == (("a", 1, 0.5), ("b", "true", None))


def test_logged_histograms_are_ridgelines():
    steps = array("q", [0, 5])
    series = DistributionSeries(
        "histogram", "h", steps, steps, (distribution_of([1, 2, 3]), distribution_of([2, 3])), 2
    )
    found = blocks(fake_run(distributions={"histogram": {"h": series}}))

    assert isinstance(found[0], Ridgelines)
    assert found[0].items[0].title == "h"


def test_tensors_are_rows_of_what_their_numbers_are_like():
    values = distribution_of([0.0, 1.0, math.nan, math.inf, -3.0])
    tensors = (
        TensorRecord("t", Stamp(5), "", (5,), "float32", values, (0.0, 1.0, "nan", "inf", -3.0)),
        TensorRecord("t", Stamp(1), "", (), "string", None, ("hello",)),
    )
    (table,) = blocks(fake_run(tensors=tensors))

    assert isinstance(table, Table)
    first, last = table.rows
    assert first == ("t", 1, "scalar", "string", *(None,) * 8, "hello")
    assert last[:4] == ("t", 5, "5", "float32")
    assert last[5:7] == (-3.0, 1.0)
    assert last[9:] == (1, 1, 1, "0, 1, NaN, ∞ …")
    assert table.marks == ((1, 10), (1, 11))


def test_a_tag_is_shown_even_when_it_has_no_name():
    images = (Images(" ", Stamp(1), ("a.png",), total=1),)
    (grid,) = blocks(fake_run(images=images, media={"a.png": b"x"}))

    assert grid.title == "(no name)"


def test_nothing_logged_gives_no_section():
    assert blocks(healthy()) is None
    assert blocks(dataclasses.replace(healthy(), images=())) is None


def test_a_long_text_is_folded_at_the_end_of_a_line_and_nothing_is_lost():
    text = "\n".join(f"line {k}" for k in range(300))
    head, fold = blocks(fake_run(texts=(TextRecord("log", Stamp(1), text),)))

    assert head.text.splitlines() == [f"line {k}" for k in range(24)]
    assert isinstance(fold, Fold)
    assert not fold.open
    assert head.text + "\n" + fold.blocks[0].text == text


def test_a_text_hardly_longer_than_the_beginning_is_not_folded():
    text = "\n".join(f"line {k}" for k in range(30))

    assert blocks(fake_run(texts=(TextRecord("log", Stamp(1), text),))) == (
        Text(text, preformatted=True, title="log, step 1"),
    )


def test_long_markdown_is_folded_between_its_parts():
    text = "\n\n".join(f"Paragraph {k} " + "of words " * 30 for k in range(20))
    head, fold = blocks(fake_run(texts=(TextRecord("notes", Stamp(1), text, True),)))

    (rest,) = fold.blocks
    assert head.title == "notes, step 1"
    assert 0 < len(head.nodes) < 10
    assert len(head.nodes) + len(rest.nodes) == 20
    assert rest.nodes[-1].line[0].text.startswith("Paragraph 19 of words")
    assert fold.title == f"The rest: {sum(len(node.line[0].text) for node in rest.nodes):,} characters"


def test_a_sheet_is_one_large_picture_that_says_how_many_it_shows():
    images = (Images("digits", Stamp(7), ("a.png",), total=100, sizes=((28, 28),), sheet=64, columns=8),)
    grid, left = blocks(fake_run(images=images, media={"a.png": b"x"}))

    assert grid.caption == "Step 7, the first 64 of 100 images row by row, 8 in a row."
    assert not grid.small
    assert grid.items[0].columns == 8
    assert grid.items[0].alt == "digits at step 7: the first 64 of 100 images row by row, 8 in a row"
    assert left.text == "64 of 100 images are shown."


def test_sheets_of_all_images_leave_nothing_to_say_about_others():
    images = tuple(Images("d", Stamp(k), ("a.png",), total=64, sizes=((9, 9),), sheet=64, columns=8) for k in range(2))
    (steps,) = blocks(fake_run(images=images, media={"a.png": b"x"}))

    assert steps.caption == ""
    assert steps.slides[1].blocks[0].caption == "64 images row by row, 8 in a row."


def test_tags_of_one_image_share_a_grid():
    images = tuple(Images(f"kernel/{k}", Stamp(k), (f"{k}.png",), ("weights",), 1, sizes=((5, 5),)) for k in range(30))
    more = Images("pair", Stamp(1), ("0.png", "1.png"), total=2)
    together, pair = blocks(fake_run(images=(*images, more), media={f"{k}.png": b"x" for k in range(30)}))

    assert together.title == "30 tags of one image"
    assert [item.title for item in together.items][:3] == ["kernel/0", "kernel/1", "kernel/2"]
    assert together.items[4].lines == ("step 4", "weights")
    assert together.small
    assert pair.title == "pair"


def test_a_list_of_figures_is_not_shown_as_thumbnails():
    def grid(size, amount):
        names = tuple(f"{k}.png" for k in range(amount))
        record = Images("f", Stamp(1), names, total=amount, sizes=(size,) * amount)
        return blocks(fake_run(images=(record,), media=dict.fromkeys(names, b"x")))[0]

    assert not grid((400, 300), 4).small
    assert grid((400, 300), 20).small
    assert grid((28, 28), 4).small
    assert grid((500, 2), 4).small


def test_columns_of_tensors_that_are_zero_everywhere_are_left_out():
    def columns(values):
        record = TensorRecord("t", Stamp(1), "", (3,), "float32", distribution_of(values))
        (table,) = blocks(fake_run(tensors=(record,)))
        assert {len(row) for row in table.rows} == {len(table.columns)}
        return [column.name for column in table.columns], table.marks

    assert not {"NaN", "infinite"} & set(columns([1.0, 2.0, 0.0])[0])
    names, marks = columns([1.0, math.inf, 0.0])
    assert "NaN" not in names
    assert marks == ((0, names.index("infinite")),)
