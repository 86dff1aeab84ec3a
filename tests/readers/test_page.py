import base64
import dataclasses

import numpy as np
import pytest

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.pipeline import build_html
from reportgen.readers.page import read_page
from reportgen.run.found import Found, OwnCheck
from reportgen.run.logged import Audio
from reportgen.run.page_data import encode
from reportgen.run.records import Images
from reportgen.run.series import Stamp
from reportgen.run.thin import thin
from reportgen.testing import fake_run
from reportgen.testing.logged import photograph, png, wav
from tests.run.test_page_data import assert_same


@pytest.fixture(scope="module")
def run():
    return fake_run(layers=2, steps=30, snapshots=3, examples=6)


@pytest.fixture(scope="module")
def page(run):
    return build_html(run)[0]


def written(tmp_path, text):
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_page_gives_its_run_again(tmp_path, run, page):
    assert_same(read_page(written(tmp_path, page)), thin(run))


def test_a_full_page_gives_the_full_run_again(tmp_path, run):
    assert_same(read_page(written(tmp_path, build_html(run, embed="full")[0])), run)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_page_that_is_cut_off_is_refused(tmp_path, page, share):
    with pytest.raises(UnreadableRunError, match=r"report\.html"):
        read_page(written(tmp_path, page[: int(share * len(page))]))


@pytest.mark.parametrize("odd", [{"severity": "\x1b[31m"}, {"tier": ""}])
def test_a_page_with_a_finding_of_no_known_kind_is_refused(tmp_path, run, page, odd):
    finding = Found(**{**dict.fromkeys(("id", "title", "why", "fix"), "x"), "tier": "fact", "severity": "error", **odd})
    data = encode(dataclasses.replace(thin(run), own_rules=(OwnCheck("x", "Good", found=(finding,)),)))
    start = page.index(">", page.index('id="reportgen-data"')) + 1
    path = written(tmp_path, page[:start] + data + page[page.index("</script>", start) :])
    with pytest.raises(UnreadableRunError, match="that is not known; build it again"):
        read_page(path)


def test_another_page_is_refused(tmp_path):
    with pytest.raises(UnreadableRunError, match="holds no run"):
        read_page(written(tmp_path, "<html><body>hello</body></html>"))
    with pytest.raises(UnreadableRunError, match="cannot be read"):
        read_page(
            written(tmp_path, '<html><script type="application/json" id="reportgen-data">{"a":1}</script></html>')
        )
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableRunError, match="give a run folder"):
        read_page(tmp_path / "binary")


def test_a_page_of_a_newer_reportgen_is_refused(tmp_path):
    block = '<html><script type="application/json" id="reportgen-data">{"schema":99,"run":""}</script></html>'
    with pytest.raises(NewerSchemaError, match="update reportgen"):
        read_page(written(tmp_path, block))


def test_a_damaged_picture_is_refused(tmp_path, page):
    picture = '<img data-media="a.jpg" src="data:image/jpeg;base64,%%%">'
    with pytest.raises(UnreadableRunError, match="damaged"):
        read_page(written(tmp_path, page.replace("</body>", f"{picture}</body>")))


def test_pictures_and_sounds_are_taken_from_where_they_are_shown(tmp_path, run):
    photo, sound = photograph(np.random.default_rng(0), 48, 48), wav([0.0, 0.5] * 50)
    media = {"photo.png": png(photo), "tone.wav": sound}
    known = dataclasses.replace(
        run,
        images=(Images("photo", Stamp(1), ("photo.png",), total=1),),
        audio=(Audio("tone", Stamp(1), "tone.wav", 16_000),),
        media={**run.media, **media},
    )
    text = build_html(known)[0]
    assert text.count(base64.b64encode(sound).decode()) == 1
    assert {name: read_page(written(tmp_path, text)).media[name] for name in media} == media


def test_files_that_no_record_names_are_left_out(tmp_path, page):
    shown = base64.b64encode(b"picture").decode()
    picture = f'<img data-media="a.jpg" src="data:image/jpeg;base64,{shown}">'
    assert "a.jpg" not in read_page(written(tmp_path, page.replace("</body>", f"{picture}</body>"))).media
