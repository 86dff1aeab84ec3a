"""The commit of the working folder, asked of git itself while the script goes on."""

from __future__ import annotations

import os
import subprocess
import threading

from reportgen.run.records import Git
from reportgen.run.redact import scrub

# A repository on a slow network file system must not hold up a run.
TIMEOUT = 2.0


class GitQuestion:
    """Asks git about the working folder in a thread of its own. `answer` gives what it said."""

    def __init__(self) -> None:
        self._answer: tuple[Git | None, str] | None = None
        # The script may change the folder before git is started.
        self._folder = os.getcwd()  # noqa: PTH109 - a text for subprocess
        self._thread = threading.Thread(target=self._ask, name="reportgen-git", daemon=True)
        self._thread.start()

    def answer(self, patience: float) -> tuple[Git | None, str] | None:
        """What `read_git` gave, waited for at most `patience` seconds; None when it is still being asked."""
        if self._answer is None and patience > 0:
            self._thread.join(patience)
        return self._answer

    def _ask(self) -> None:
        self._answer = read_git(self._folder)


def read_git(folder: str | None = None) -> tuple[Git | None, str]:
    """Commit, branch and whether tracked files differ from it, or None and a sentence that says why not.

    Remotes are not read: their addresses may hold credentials and host names.
    """
    try:
        commit = _git("rev-parse", "HEAD", folder=folder)
    except FileNotFoundError:
        return None, "git is not installed"
    except subprocess.TimeoutExpired:
        return None, f"git did not answer within {TIMEOUT:.0f} s"
    except (OSError, subprocess.CalledProcessError):
        return None, "the working folder is not a git repository with a commit"
    try:
        branch = _git("rev-parse", "--abbrev-ref", "HEAD", folder=folder)
        dirty: bool | None = bool(_git("status", "--porcelain", "--untracked-files=no", folder=folder))
    except (OSError, subprocess.SubprocessError):
        return Git(commit), "git did not say whether files were changed"
    return Git(commit, "" if branch == "HEAD" else scrub(branch), dirty), ""  # branches are named after users


def _git(*arguments: str, folder: str | None) -> str:
    finished = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        # No lock is taken, so a commit made meanwhile is not disturbed; no prompt may wait for an answer.
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    return finished.stdout.decode("utf-8", "replace").strip()
