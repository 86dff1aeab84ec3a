"""Where a run runs: versions, processors, seeds, variables from an allow-list. Never the host, the user or the home."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import replace

import torch

from reportgen.config import ENVIRONMENT_NAMES
from reportgen.run.records import Environment, Git
from reportgen.run.redact import redact_argv, scrub

# Named when installed, imported or not: what computes and what draws.
ALWAYS = frozenset({"torch", "torchvision", "numpy", "matplotlib", "pillow"})
# Distribution -> module: what is named when the script has imported it.
PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "torchmetrics": "torchmetrics",
    "lightning": "lightning",
    "pytorch-lightning": "pytorch_lightning",
    "transformers": "transformers",
    "accelerate": "accelerate",
    "datasets": "datasets",
    "timm": "timm",
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "pandas": "pandas",
    "pillow": "PIL",
    "matplotlib": "matplotlib",
}


def environment() -> Environment:
    """The environment of this process, but for the commit: git is asked in the background (collect/git.py).

    Reads only: no device is initialised and no random number drawn.
    """
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        processors=_processors(),
        accelerators=_accelerators(),
        packages=_packages(),
        argv=redact_argv(sys.argv),
        variables={name: scrub(os.environ[name]) for name in ENVIRONMENT_NAMES if name in os.environ},
        git_note="git had not answered yet",
        seeds=_seeds(),
        threads=torch.get_num_threads(),
    )


def completed(known: Environment, answer: tuple[Git | None, str] | None) -> Environment:
    """`known` with what nobody could say when the run began: git's answer (None: not yet), and the accelerators.

    Scripts make their report before they move the model to a device, and some before they seed torch.
    """
    git, git_note = answer if answer is not None else (known.git, known.git_note)
    accelerators = known.accelerators or _accelerators()
    return replace(known, git=git, git_note=git_note, accelerators=accelerators, seeds=_seeds())


def _seeds() -> dict[str, int]:
    seeds = {"torch": torch.initial_seed()}
    hashing = os.environ.get("PYTHONHASHSEED", "")
    if hashing.isascii() and hashing.isdigit():
        seeds["PYTHONHASHSEED"] = int(hashing)
    return seeds


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 0


def _accelerators() -> tuple[str, ...]:
    # Asking for a device's name would initialise CUDA, which a script may want to do only after a fork.
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch has no types here
        return ()
    return tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


def _packages() -> dict[str, str]:
    found = {}
    for distribution, module in PACKAGES.items():
        if module in sys.modules or distribution in ALWAYS:
            try:
                found[distribution] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                if module in sys.modules:  # a module of that name from a checkout
                    found[distribution] = str(getattr(sys.modules[module], "__version__", "unknown"))
    return found
