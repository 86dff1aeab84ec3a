"""The commit of the working folder, asked of git itself."""

from __future__ import annotations

import os
import subprocess

from reportgen.run.records import Git

# A repository on a slow network file system must not hold up a run.
TIMEOUT = 2.0


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
    return Git(commit, "" if branch == "HEAD" else branch, dirty), ""


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
