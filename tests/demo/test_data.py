"""The demo's digits: the set in the package, MNIST on disk, and the jitter."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as load_original

from reportgen.demo.data import BUNDLED, jitter, load_digits
from reportgen.errors import ReportgenWarning


def test_the_bundled_digits_are_the_uci_sets() -> None:
    original = load_original()
    with gzip.open(BUNDLED, "rt") as file:
        rows = np.loadtxt(file, delimiter=",")
    assert np.array_equal(rows[:, :64], original.data)
    assert np.array_equal(rows[:, 64], original.target)


def test_bundled_digits_are_enlarged_and_split_into_two_parts_that_hold_every_digit() -> None:
    digits = load_digits(mnist_folders=())
    assert digits.name == "UCI handwritten digits, 1540 + 257 images"
    for part, least in ((digits.train, 140), (digits.val, 20)):
        images, targets = part.tensors
        assert images.shape == (len(part), 1, 28, 28)
        assert (images.dtype, targets.dtype) == (torch.float32, torch.int64)
        assert 0 == images.min() < images.max() <= 1
        assert torch.bincount(targets, minlength=10).min() >= least
    # Enlarging keeps the mean ink of an image: pixels are interpolated, none is left out.
    assert digits.train.tensors[0].mean() == pytest.approx(load_original().data.mean() / 16, rel=0.03)


def write_mnist(folder: Path, train: int, test: int) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", train), ("t10k", test)):
        pixels = (np.arange(count * 784) % 256).astype(np.uint8)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, count, 28, 28) + pixels.tobytes())
        labels = bytes(index % 10 for index in range(count))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels)


def test_mnist_on_disk_goes_first(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=30, test=12)
    digits = load_digits(mnist_folders=(tmp_path / "absent", tmp_path))
    assert digits.name == "MNIST, 30 + 12 images"
    images, targets = digits.train.tensors
    assert images.shape == (30, 1, 28, 28)
    assert images[0, 0, 0, 3].item() == pytest.approx(3 / 255)
    assert (images.min(), images.max()) == (0, 1)
    assert targets[:11].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_mnist_that_cannot_be_read_is_said_and_left(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=30, test=12)
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").unlink()
    with pytest.warns(ReportgenWarning, match="unreadable, training on the bundled digits"):
        digits = load_digits(mnist_folders=(tmp_path,))
    assert digits.name.startswith("UCI")


def test_jitter_moves_each_image_differently_and_a_little() -> None:
    images = load_digits(mnist_folders=()).train.tensors[0][:1].repeat(64, 1, 1, 1)
    torch.manual_seed(0)
    moved = jitter(images)
    assert moved.shape == images.shape
    assert len({image.numpy().tobytes() for image in moved}) == 64
    assert 0 <= moved.min() <= moved.max() <= 1
    # The ink stays on the paper (scaled in area by up to 1.1 squared) and most of it where it was.
    ink = moved.sum(dim=(1, 2, 3)) / images.sum(dim=(1, 2, 3))
    assert ((ink > 0.75) & (ink < 1.25)).all()
    assert torch.corrcoef(torch.stack([moved.mean(0).flatten(), images[0].flatten()]))[0, 1] > 0.9
    torch.manual_seed(0)
    assert torch.equal(jitter(images), moved)
