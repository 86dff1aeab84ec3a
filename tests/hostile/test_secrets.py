"""What a training script knows and a report must not: secrets, and the names of the host, the user and the home."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys

import pytest

from reportgen.run import redact

SECRET = "s3cr3t-VALUE"
USER = "karlageheim"
HOST = "wunderhost77"


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """The run folder, page included, of a training in a fake home whose every corner holds a secret."""
    base = tmp_path_factory.mktemp("secrets")
    home = base / "home" / USER
    project = home / "work"
    project.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "USER": USER,
            "LOGNAME": USER,
            "USERNAME": USER,
            "HOSTNAME": HOST,
            "WANDB_API_KEY": f"{SECRET}-1",
            "AWS_SECRET_ACCESS_KEY": f"{SECRET}-2",
            "HARMLESS": f"{SECRET}-3",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }.items():
            patch.setenv(name, value)
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.setattr(socket, "getfqdn", lambda *_: f"{HOST}.example.org")
        patch.setattr(platform, "node", lambda: HOST)
        patch.setattr(
            sys,
            "argv",
            [
                str(project / "train.py"),
                f"--api-key={SECRET}-4",
                "--token",
                f"{SECRET}-5",
                f"--data={home}/digits",
                f"https://{USER}:{SECRET}-6@{HOST}/data.zip",
                f"MY_PASSWORD={SECRET}-7",
            ],
        )
        patch.setattr(redact, "_user", lambda: USER)  # it is asked for once a process
        patch.chdir(project)
        remote = f"https://{USER}:{SECRET}-8@example.org/x.git"
        (project / "train.py").write_text("def train(report):\n    raise RuntimeError(explain())\n")
        for command in (
            ["init", "-q"],
            ["remote", "add", "origin", remote],
            ["add", "train.py"],
            ["-c", f"user.name={USER}", "-c", f"user.email={USER}@{HOST}", "commit", "-q", "-m", f"by {USER}"],
        ):
            subprocess.run(["git", *command], check=True, capture_output=True)
        return _train(project, home)


def _train(project, home):
    import reportgen

    config = {
        "lr": 0.1,
        "password": f"{SECRET}-9",
        "hub": {"HF_TOKEN": f"{SECRET}-10", "authorization": [f"{SECRET}-11"], "url": f"https://a:{SECRET}-12@b.org/"},
        "services": [{"credentials": {"key": f"{SECRET}-13"}}],
        "data": home / "digits",
        "cache": str(home / "cache"),
        "worker": f"{HOST}:8080",
    }
    secret = f"{SECRET}-14"  # a local value of the frame that raises

    def explain():
        return f"cannot open {home}/digits on {HOST} as {USER}" if secret else ""

    scope = {"explain": explain}
    exec(compile((project / "train.py").read_text(), str(project / "train.py"), "exec"), scope)
    report = reportgen.Report("quiet", config=config, strict=True)

    def train():
        with report:
            report.log({"train/loss": 1.0})
            report.text("remark", "nothing to see")
            scope["train"](report)

    with pytest.raises(RuntimeError):
        train()
    # Absolute, since the working folder is the old one again when the tests read it.
    return report.folder.resolve()


def all_bytes(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_run_folder_and_the_page_are_there(left_behind):
    names = {str(path) for path in all_bytes(left_behind)}
    assert {"run.json", "report.html"} <= names
    assert any(name.startswith("events.rank-00000") for name in names)


@pytest.mark.parametrize("word", [SECRET, USER, HOST])
def test_no_secret_nor_name_is_in_any_file(left_behind, word):
    for path, data in all_bytes(left_behind).items():
        place = data.lower().find(word.lower().encode())
        assert place < 0, f"{path}: …{data[max(0, place - 120) : place + 60].decode(errors='replace')}…"
        assert word.lower() not in str(path).lower()


def test_what_is_not_secret_is_still_told(left_behind):
    page = (left_behind / "report.html").read_text(encoding="utf-8")
    for told in ("--api-key", "(hidden)", "cannot open", "raise RuntimeError(explain())", "train.py", "digits"):
        assert told in page
