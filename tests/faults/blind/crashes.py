"""What stops the script with an exception."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, digits, split, table
from tests.faults.setup import faulty


@faulty("shape_mismatch")
def flattened_size_is_wrong(report: Report, seed: int) -> float:
    """The first fully connected layer was sized for pictures of another size."""
    torch.manual_seed(seed)
    xt, yt, _, _ = digits(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3, padding=1)
            self.fc = nn.Linear(8 * (7 - seed % 3) ** 2, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1))

    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for x, y in report.track(DataLoader(TensorDataset(xt.view(-1, 1, 8, 8), yt), batch_size=64, shuffle=True)):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
    return 0.0


@faulty("dtype_mismatch")
def numpy_doubles(report: Report, seed: int) -> float:
    """Rows straight from numpy are float64, the model is float32."""
    torch.manual_seed(seed)
    x, y = load_wine(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    model = nn.Sequential(nn.Linear(13, 16 + seed % 8), nn.ReLU(), nn.Linear(16 + seed % 8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report.watch(model, optimizer)
    report.data("train", dataset)
    for _ in range(10):
        for x, y in report.track(DataLoader(dataset, batch_size=16, shuffle=True)):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
    return 0.0


@faulty("labels_out_of_range")
def classes_from_one(report: Report, seed: int) -> float:
    """Labels 1 to 10 for ten outputs, which are 0 to 9."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    yt, yv = yt + 1, yv + 1
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=4 + seed % 4, shuffle=True)
    for x, y in report.track(loader):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
    return accuracy(model(xv), yv)


@faulty("last_batch_size_1")
def one_row_is_left_over(report: Report, seed: int) -> float:
    """The number of rows is one more than a multiple of the batch's, and BatchNorm cannot train on one row."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed)
    batch = (32, 48, 64)[seed % 3]
    xt, yt = xt[: 20 * batch + 1], yt[: 20 * batch + 1]
    model = nn.Sequential(nn.Linear(20, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=batch, shuffle=True)
    for _ in range(3):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        report.predictions(xv, model(xv), yv)
    return accuracy(model(xv), yv)


@faulty("detached_graph", "no_gradient")
def loss_of_plain_numbers(report: Report, seed: int) -> float:
    """The predicted class, not the outputs, goes into the loss: argmax leaves nothing to go back through."""
    torch.manual_seed(seed)
    xt, yt, _, _ = split(*load_wine(return_X_y=True), seed, 178)
    xt = (xt - xt.mean(0)) / xt.std(0)
    net = nn.Sequential(nn.Linear(13, 16), nn.Tanh(), nn.Linear(16, 3))
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    report.watch(net, opt, nn.MSELoss())
    for idx in torch.randperm(len(xt)).split(16):
        opt.zero_grad()
        predicted = net(xt[idx]).argmax(1).float()
        loss = F.mse_loss(predicted, yt[idx].float())
        loss.backward()
        opt.step()
        report.log({"train/loss": loss})
    return 0.0
