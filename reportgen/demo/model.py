"""The network of the demo."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import Tensor, nn


class DigitsCNN(nn.Module):
    """Two convolutions, a pooling, two linear layers: images (N, 1, 28, 28) to logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(64 * 3 * 3, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        """The logits of a batch of images."""
        x = F.relu(self.conv1(images))
        x = F.relu(self.conv2(x))
        x = torch.flatten(F.avg_pool2d(x, 8), 1)
        x = F.relu(self.fc1(x))
        logits: Tensor = self.fc2(x)
        return logits
