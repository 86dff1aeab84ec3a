"""Runs one of the scripts with either writer: the same source, but for the line that imports it."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import torch

SCRIPTS = Path(__file__).with_name("scripts")
THEIR_IMPORT = "from torch.utils.tensorboard import SummaryWriter\n"
OUR_IMPORT = "from reportgen import SummaryWriter\n"


def run_script(name: str, log_dir: Path, *, ours: bool) -> str:
    """Run scripts/<name>.py's main on `log_dir`, with torch's writer or with ours; what it printed comes back.

    A warning is an error with ours, and is let pass with torch's, whose add_graph warns of its own being deprecated.
    """
    path = SCRIPTS / f"{name}.py"
    source = path.read_text("utf-8")
    assert source.count(THEIR_IMPORT) == 1
    if ours:
        source = source.replace(THEIR_IMPORT, OUR_IMPORT)
    namespace = {"__name__": f"script_{name}", "__file__": str(path)}
    printed = io.StringIO()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("error" if ours else "ignore")
        exec(compile(source, str(path), "exec"), namespace)
        namespace["main"](log_dir)
    return printed.getvalue()
