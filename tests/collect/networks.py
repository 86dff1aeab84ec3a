"""A small network and a loop, for tests of watching."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class DigitsNet(nn.Module):
    """Convolutions whose rectifiers are functions, not modules."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.fc1 = nn.Linear(6 * 4, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(F.avg_pool2d(x, 2), 1)
        return self.fc2(torch.tanh(self.fc1(x)))


def train(model, optimizer, batch, steps, loss=lambda output: output.square().mean()):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(batch)).backward()
        optimizer.step()
