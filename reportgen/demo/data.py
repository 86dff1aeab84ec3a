"""Handwritten digits to train on: those in the package, or MNIST where it lies on disk. Nothing is downloaded."""

from __future__ import annotations

import gzip
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import Tensor
from torch.utils.data import TensorDataset

from reportgen.errors import ReportgenWarning

BUNDLED = Path(__file__).with_name("digits") / "digits.csv.gz"
SIZE = 28
# Where PyTorch's own examples and tutorials put MNIST, seen from the working folder.
MNIST_FOLDERS = (Path("data"), Path("..", "data"))
# A part of MNIST, so that the demo takes half a minute with it too.
MNIST_TRAIN, MNIST_VAL = 6000, 1000
# Every seventh of the bundled images validates. Seven has no factor in common with the ten digits, which their writers
# wrote in turn, so each digit gets its share; a writer's other images are in the training part.
VALIDATE_EVERY = 7


@dataclass(frozen=True)
class Digits:
    """Training and validation part: images float32 (N, 1, 28, 28) from 0 (paper) to 1 (ink), digits int64 (N,)."""

    name: str
    train: TensorDataset
    val: TensorDataset


def load_digits(mnist_folders: Sequence[Path] = MNIST_FOLDERS) -> Digits:
    """MNIST from the first of `mnist_folders` that holds it, else the 1,797 digits in the package."""
    for folder in mnist_folders:
        if (folder / "MNIST" / "raw").is_dir():
            try:
                return _mnist(folder)
            # What torchvision raises when its compiled part does not fit torch, or when the files are not MNIST's.
            except (ImportError, RuntimeError, OSError, ValueError) as error:
                warnings.warn(
                    f"MNIST in {folder} unreadable, training on the bundled digits: {type(error).__name__}: {error}",
                    ReportgenWarning,
                    stacklevel=2,
                )
    return _bundled()


def _mnist(folder: Path) -> Digits:
    from torchvision.datasets import MNIST

    def part(train: bool, most: int) -> TensorDataset:
        whole = MNIST(folder, train=train, download=False)
        return TensorDataset(whole.data[:most, None].float() / 255, whole.targets[:most])

    train, val = part(True, MNIST_TRAIN), part(False, MNIST_VAL)
    return Digits(f"MNIST, {len(train)} + {len(val)} images", train, val)


def _bundled() -> Digits:
    with gzip.open(BUNDLED, "rt", encoding="ascii") as file:
        rows = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.int64))
    small = rows[:, :64].float().reshape(-1, 1, 8, 8) / 16
    # Bilinear: strokes keep the soft edges that MNIST's have; copying pixels would make stairs of uneven width.
    images = F.interpolate(small, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    digits = rows[:, 64]
    val = torch.arange(len(rows)) % VALIDATE_EVERY == 0
    return Digits(
        f"UCI handwritten digits, {int((~val).sum())} + {int(val.sum())} images",
        TensorDataset(images[~val], digits[~val]),
        TensorDataset(images[val], digits[val]),
    )


def jitter(images: Tensor) -> Tensor:
    """Each image (N, C, H, W) turned by up to 10 degrees, scaled by up to 10 %, moved by up to 8 % of its width.

    Draws from torch's global generator.
    """
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return torch.empty(count).uniform_(-limit, limit)

    angle, scale = uniform(math.radians(10)), 1 + uniform(0.1)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    # Offsets are in half widths (affine_grid's coordinates run from -1 to 1).
    affine = torch.stack([cos, -sin, uniform(0.16), sin, cos, uniform(0.16)], dim=1).view(count, 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
