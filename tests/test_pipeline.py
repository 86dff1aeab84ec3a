import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen.errors import InvalidArgumentError, OutputError, UnreadableRunError
from reportgen.pipeline import build, build_html
from reportgen.readers.load import load
from reportgen.run.records import Images
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.logged import with_logged
from tests.readers.writing import journal_path, line, write_folder

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_TORCH = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "torchviz"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
from reportgen.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def photograph():
    """A picture that the page shows as it is: too large to be drawn."""
    import io

    from PIL import Image

    data = io.BytesIO()
    Image.radial_gradient("L").resize((48, 48)).convert("RGB").save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A run folder with something of everything, and hostile names wherever names stand."""
    run = fake_run(layers=2, steps=60, snapshots=4, examples=6, hostile=True, failure=True)
    images = Images("photos", Stamp(3), ("photo.png",), ("a photo",), 1)
    run = dataclasses.replace(run, images=(images,), media={**run.media, "photo.png": photograph()})
    run = with_logged(run, steps=(0, 3, 9))
    return write_folder(tmp_path_factory.mktemp("full") / "run", run)


@pytest.fixture
def folder(tmp_path):
    """A run folder whose report is quick to draw."""
    run = fake_run(layers=1, steps=3, snapshots=1, scalars={"val/acc": [0.1]}, predictions=(), graphs=(), media={})
    return write_folder(tmp_path / "run", run)


def command(*arguments, cwd, **variables):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **variables}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_a_report_is_the_same_in_any_process_folder_zone_locale_and_hash_seed_without_torch(tmp_path, full):
    copied = tmp_path / "elsewhere" / "a copy"
    shutil.copytree(full, copied)
    settings = [
        (full, ROOT, {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "HOME": str(tmp_path)}),
        (
            copied.name,
            copied.parent,
            {"PYTHONHASHSEED": "2", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "COLUMNS": "40"},
        ),
    ]
    pages = []
    for number, (source, cwd, variables) in enumerate(settings):
        out = tmp_path / f"{number}.html"
        done = command("build", source, "-o", out, cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{out}\n"
        pages.append(out.read_bytes())
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


@pytest.mark.parametrize("embed", ["thin", "full"])
def test_a_report_gives_that_report_again(tmp_path, full, embed):
    first = build(full, tmp_path / "first.html", embed=embed)
    again = build(first.path, tmp_path / "again.html")
    assert again.path.read_bytes() == first.path.read_bytes()
    assert [finding.id for finding in again.findings] == [finding.id for finding in first.findings]


def test_the_result_says_where_and_how_much(folder):
    result = build(folder)
    assert result.path == folder / "report.html"
    assert result.bytes == result.path.stat().st_size
    assert 0 < result.seconds < 60
    assert result.findings == ()


def test_a_printed_result_is_one_line(folder):
    told = repr(build(folder))
    assert "report.html" in told
    assert "findings" in told
    assert len(told.splitlines()) == 1
    assert len(told) < 300


def test_the_output_may_be_a_folder_or_a_new_place(tmp_path, folder):
    (tmp_path / "out").mkdir()
    assert build(folder, tmp_path / "out").path == tmp_path / "out" / "report.html"
    assert build(folder, tmp_path / "new" / "deep" / "page.html").path.exists()
    assert build(folder, f"{tmp_path}/other/").path == tmp_path / "other" / "report.html"


def test_a_written_report_can_be_read_by_who_may_read_the_folder(folder):
    umask = os.umask(0o022)
    try:
        assert build(folder).path.stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(umask)


def test_nothing_is_left_behind_when_the_report_cannot_be_written(tmp_path, folder):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match="choose another place"):
        build(folder, tmp_path / "file" / "report.html")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not a regular file"):
        build(folder, tmp_path / "pipe")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "pipe", "run"]


def test_a_link_to_the_report_stays_a_link(tmp_path, folder):
    (tmp_path / "latest.html").symlink_to(tmp_path / "real.html")
    build(folder, tmp_path / "latest.html")
    assert (tmp_path / "latest.html").is_symlink()
    assert (tmp_path / "real.html").stat().st_size > 1000


def test_a_report_is_replaced_only_by_itself_unless_told_so(folder):
    result = build(folder)
    before = result.path.read_bytes()
    assert build(result.path).path == result.path
    assert result.path.read_bytes() == before
    result.path.write_bytes(before.replace(b"</body>", b"<!-- by hand --></body>"))
    with pytest.raises(OutputError, match="-o"):
        build(result.path)
    assert build(result.path, result.path).path.read_bytes() == before


def test_an_unknown_embedding_is_refused():
    with pytest.raises(InvalidArgumentError, match='"thin" or "full"'):
        build_html(fake_run(), embed="everything")


def test_a_damaged_journal_gives_a_report_that_says_so(folder, tmp_path):
    with journal_path(folder).open("ab") as journal:
        journal.write(b"\x00\xff rubbish\n" + line("scalars", {"a": None}).encode() + b"\n" + b'{"k":"scal')
    result = build(folder)
    text = result.path.read_text(encoding="utf-8")
    assert load(result.path).damage.lines == 2
    assert "2" in text[text.index("Environment") :]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UnreadableRunError):
        build(tmp_path)
