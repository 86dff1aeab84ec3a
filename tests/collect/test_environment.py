import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from reportgen.collect import git as asking
from reportgen.collect.environment import completed, environment
from reportgen.collect.git import GitQuestion, read_git
from reportgen.run import redact


def git(folder, *arguments):
    names = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "trunk")
    git(tmp_path, "remote", "add", "origin", "https://user:s3cr3t@example.org/x.git")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_environment_names_what_a_reader_needs(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr", "0.1"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    torch.manual_seed(42)
    found = environment()
    assert found.packages["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert "numpy" in found.packages
    assert found.argv == ("train.py", "--lr", "0.1")
    assert found.seeds == {"torch": 42, "PYTHONHASHSEED": 7}
    assert found.variables["OMP_NUM_THREADS"] == "1"
    assert found.processors >= 1
    assert found.threads == torch.get_num_threads()
    assert "s3cr3t" not in str(found)


def test_a_random_hash_seed_is_no_seed(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    assert "PYTHONHASHSEED" not in environment().seeds


def test_asking_changes_no_random_state_and_starts_no_device():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    environment()
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), np.random.get_state()[1].tobytes())
    assert not torch.cuda.is_initialized()


def test_git_tells_commit_branch_and_whether_files_were_changed(repository):
    found, note = read_git(str(repository))
    assert (len(found.commit), found.branch, found.dirty, note) == (40, "trunk", False, "")
    (repository / "untracked").write_text("")
    assert read_git(str(repository))[0].dirty is False
    (repository / "file").write_text("2")
    assert read_git(str(repository))[0].dirty is True
    assert "s3cr3t" not in repr(read_git(str(repository)))
    git(repository, "checkout", "-q", "--detach")
    assert read_git(str(repository))[0].branch == ""


def test_an_accelerator_is_named_though_the_model_was_moved_there_after_the_report_was_made(monkeypatch):
    begun = environment()
    assert begun.accelerators == ()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"accelerator {index}")
    later = completed(begun, (None, "git is not installed"))
    assert later.accelerators == ("accelerator 0",)
    assert later.git_note == "git is not installed"
    monkeypatch.undo()
    assert completed(later, None) == later


def test_a_branch_does_not_name_the_user(repository, monkeypatch):
    monkeypatch.setattr(redact, "_user", lambda: "karlageheim")
    git(repository, "checkout", "-q", "-b", "karlageheim/fix")
    assert read_git(str(repository))[0].branch == "(user)/fix"


def test_no_repository_and_no_git_are_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_git(str(tmp_path)) == (None, "the working folder is not a git repository with a commit")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git(str(tmp_path)) == (None, "git is not installed")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for git is a shell script")
def test_a_git_that_hangs_holds_nothing_up(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(asking, "TIMEOUT", 0.3)
    started = time.monotonic()
    question = GitQuestion()
    assert question.answer(0.0) is None
    assert time.monotonic() - started < 0.25
    assert question.answer(10.0) == (None, "git did not answer within 0 s")


def test_the_folder_asked_about_is_the_one_at_the_start(repository, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(repository)
    question = GitQuestion()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert question.answer(10.0)[0].branch == "trunk"
