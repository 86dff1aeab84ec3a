"""Data that several of these scripts draw."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sentences(seed: int, count: int, length: int, letters: int = 12) -> Tensor:
    """Strings of a second-order chain, as indices (count, length): the next letter follows mostly from two before."""
    fixed = torch.Generator().manual_seed(5)
    follows = torch.randint(letters, (letters, letters), generator=fixed)
    drawn = torch.Generator().manual_seed(seed)
    text = torch.randint(letters, (count, length), generator=drawn)
    for at in range(2, length):
        keep = torch.rand(count, generator=drawn) < 0.8
        text[:, at] = torch.where(keep, follows[text[:, at - 2], text[:, at - 1]], text[:, at])
    return text


def blobs(seed: int, count: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images (count, 1, size, size) with one bright spot each, and its centre (count, 2) in [-1, 1]."""
    drawn = torch.Generator().manual_seed(seed)
    centre = torch.rand(count, 2, generator=drawn) * 1.4 - 0.7
    axis = torch.linspace(-1, 1, size)
    away = (axis[None, :, None] - centre[:, 1, None, None]) ** 2 + (axis[None, None, :] - centre[:, 0, None, None]) ** 2
    images = torch.exp(-away / 0.05)[:, None] + 0.1 * torch.randn(count, 1, size, size, generator=drawn)
    return images, centre


def waves(seed: int, count: int, length: int = 40) -> tuple[Tensor, Tensor]:
    """Noisy signals (count, 1, length) of three shapes (sine, square, saw), and which (count,)."""
    drawn = torch.Generator().manual_seed(seed)
    kind = torch.randint(3, (count,), generator=drawn)
    pace = 1.5 + 2 * torch.rand(count, 1, generator=drawn)
    phase = torch.rand(count, 1, generator=drawn)
    turns = pace * torch.linspace(0, 1, length) + phase
    sine = torch.sin(2 * math.pi * turns)
    saw = 2 * (turns % 1) - 1
    shapes = torch.stack([sine, sine.sign(), saw], 1)
    signal = shapes[torch.arange(count), kind]
    return (signal + 0.2 * torch.randn(count, length, generator=drawn))[:, None], kind


def table(seed: int, count: int, width: int = 10) -> tuple[Tensor, Tensor]:
    """Rows (count, width) of unit normal features, and a smooth nonlinear response (count,) of about unit variance."""
    fixed = torch.Generator().manual_seed(11)
    first = torch.randn(width, 6, generator=fixed) / math.sqrt(width)
    second = torch.randn(6, generator=fixed) * 0.8
    drawn = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, width, generator=drawn)
    return rows, torch.tanh(1.5 * rows @ first) @ second + 0.1 * torch.randn(count, generator=drawn)
