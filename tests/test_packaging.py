"""What is shipped: the wheel's content, the installed package far from the checkout, the public names."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import reportgen

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = [
    "Finding",
    "InvalidArgumentError",
    "NotApplicable",
    "NewerSchemaError",
    "OutputError",
    "Report",
    "ReportgenError",
    "ReportgenWarning",
    "Result",
    "Rule",
    "Run",
    "SummaryWriter",
    "Unchecked",
    "UnreadableRunError",
    "Visualizer",
    "Where",
    "__version__",
    "findings",
    "load",
    "load_all",
    "rule",
]
RENDER_WITHOUT_TORCH = """
import sys
from pathlib import Path

checkout, target = map(Path, sys.argv[1:])
sys.path = [place for place in sys.path if not place or Path(place).resolve() != checkout]
for name in ("torch", "torchvision", "torchviz"):
    sys.modules[name] = None
import reportgen
from reportgen.pipeline import build_html
from reportgen.testing import fake_run

assert Path(reportgen.__file__).is_relative_to(target), reportgen.__file__
sys.stdout.reconfigure(encoding="utf-8")
print(build_html(fake_run(title="from a wheel"))[0])
"""


def run(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_templates_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    templates = {f"reportgen/templates/{name}" for name in files_below(ROOT / "templates")}
    assert len(templates) > 5
    assert shipped == templates | {f"reportgen/{name}" for name in files_below(ROOT / "reportgen")}
    assert {"reportgen/py.typed", "reportgen/demo/digits/digits.csv.gz", "reportgen/demo/digits/NOTICE.md"} <= shipped


def test_the_wheel_names_its_licences_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert "License-Expression: MIT AND CC-BY-4.0" in texts["METADATA"]
    assert f"Version: {reportgen.__version__}\n" in texts["METADATA"]
    assert {"LICENSE", "NOTICE.md"} <= texts.keys()
    assert "reportgen = reportgen.cli.main:main" in texts["entry_points.txt"]


def test_an_installed_wheel_renders_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel, cwd=elsewhere)
    page = run("-c", RENDER_WITHOUT_TORCH, ROOT, target, cwd=elsewhere, PYTHONPATH=str(target))
    assert page.lower().startswith("<!doctype html>")
    assert "from a wheel" in page


def test_the_public_names_are_these() -> None:
    assert reportgen.__all__ == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(reportgen, name) is not None
        assert name in dir(reportgen)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="SummaryWriterX"):
        reportgen.SummaryWriterX  # noqa: B018 - the look-up is what is tested


def test_importing_reportgen_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("torch", "torchvision", "numpy", "matplotlib", "jinja2", "PIL", "graphviz")
    code = f"import reportgen, sys; print([name for name in {heavy} if name in sys.modules])"
    assert run("-c", code, cwd=ROOT).strip() == "[]"
