"""Three short trainings with other hyperparameters, a writer and a folder each."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.tensorboard import SummaryWriter

TRIALS = ({"lr": 0.02, "momentum": 0.0}, {"lr": 0.1, "momentum": 0.0}, {"lr": 0.1, "momentum": 0.9})


def main(log_dir):
    iris = load_iris()
    inputs, kinds = torch.from_numpy(iris.data).float(), torch.from_numpy(iris.target)
    for trial in TRIALS:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), **trial)
        with SummaryWriter(Path(log_dir) / "lr={lr} momentum={momentum}".format(**trial)) as writer:
            for step in range(30):
                optimizer.zero_grad()
                output = model(inputs)
                loss = F.cross_entropy(output, kinds)
                loss.backward()
                optimizer.step()
                accuracy = (output.argmax(1) == kinds).float().mean()
                writer.add_scalar("loss", loss, step)
                writer.add_scalar("accuracy", accuracy, step)
            writer.add_hparams(trial, {"hparam/loss": loss.item(), "hparam/accuracy": accuracy})


if __name__ == "__main__":
    main(sys.argv[1])
