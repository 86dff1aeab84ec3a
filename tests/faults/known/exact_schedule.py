"""Scripts with a schedule, a clipping or a list of losses that harms the run."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, mean, moons, pick, r2, surface, table, waves
from tests.faults.setup import faulty

LEARNS_BADLY = ("loss_not_decreasing", "underfitting", "worse_than_baseline", "constant_predictions", "plateau")
TOO_LITTLE = ("lr_too_low", "update_ratio_low", "not_updated")


@faulty("scheduler_before_optimizer")
def schedule_steps_first(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Linear(64, pick(seed, 32, 48)), nn.ReLU(), nn.Linear(pick(seed, 32, 48), 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    for epoch in range(8):
        scheduler.step()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val).item(), "val/acc": accuracy(out, y_val), "epoch": epoch})
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("scheduler_before_optimizer")
def schedule_steps_first_each_batch(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = moons(seed)
    net = nn.Sequential(nn.Linear(2, pick(seed, 32, 24)), nn.ReLU(), nn.LazyLinear(2))
    net(x[:2])
    opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=300)
    report.watch(net, opt)
    for step in range(300):
        rows = torch.randint(len(x), (64,))
        loss = F.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        schedule.step()
        opt.step()
        report.log({"train/loss": loss, "lr": schedule.get_last_lr()[0]})
        if step % 60 == 59:
            with torch.no_grad():
                out = net(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val), "val/acc": accuracy(out, y_val)})
    report.predictions(x_val, out, y_val, split="val")
    return accuracy(out, y_val)


class Conv(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.fc = nn.Linear(channels * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc(F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1))


@faulty("lr_decayed_early", also=(*TOO_LITTLE, *LEARNS_BADLY))
def epochs_schedule_stepped_by_batch(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 48, 64), shuffle=True)
    model, criterion = Conv(8), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.1)
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    for _epoch in range(8):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val, out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("lr_decayed_early", also=(*TOO_LITTLE, *LEARNS_BADLY))
def exponential_schedule_stepped_by_batch(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=pick(seed, 0.85, 0.8))
    report.watch(net, opt)
    for epoch in range(10):
        for rows in torch.randperm(len(x)).split(32):
            opt.zero_grad()
            loss = F.mse_loss(net(x[rows])[:, 0], y[rows])
            loss.backward()
            opt.step()
            schedule.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = net(x_val)[:, 0]
        report.log({"val/loss": F.mse_loss(out, y_val).item(), "val/r2": r2(out, y_val), "epoch": epoch})
        report.predictions(x_val, out, y_val)
    return r2(out, y_val)


@faulty("memory_leak")
def losses_kept_with_their_graphs(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 48, 64), shuffle=True)
    model, criterion = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    report.watch(model, optimizer, criterion)
    history: list[Tensor] = []
    for _epoch in range(12):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            history.append(loss)
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    report.log({"train/mean_loss": mean([each.item() for each in history])})
    return accuracy(out, y_val)


@faulty("memory_leak")
def running_loss_is_a_tensor(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_diabetes, seed, regression=True)
    net = nn.Sequential(nn.Linear(10, pick(seed, 256, 192)), nn.Tanh(), nn.LazyLinear(1))
    net(x[:2])
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    report.watch(net, opt)
    running, steps, outputs = torch.zeros(()), 0, []
    for epoch in range(15):
        for rows in torch.randperm(len(x)).split(16):
            opt.zero_grad()
            out = net(x[rows])[:, 0]
            loss = F.mse_loss(out, y[rows])
            loss.backward()
            opt.step()
            running = running + loss
            steps += 1
            outputs.append(out)
        with torch.no_grad():
            out = net(x_val)[:, 0]
        report.log({"train/loss": running.item() / steps, "val/loss": F.mse_loss(out, y_val).item()})
        report.log({"val/r2": r2(out, y_val), "epoch": epoch})
    report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("grad_clip_always_active", also=(*TOO_LITTLE, *LEARNS_BADLY))
def clipped_to_a_hundredth(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _epoch in range(10):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=pick(seed, 0.01, 0.02))
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val).item(), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("grad_clip_always_active", also=(*TOO_LITTLE, *LEARNS_BADLY))
def recurrent_net_clipped_hard(report: Report, seed: int) -> float:
    class Model(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.rnn = nn.GRU(1, size, batch_first=True)
            self.fc = nn.Linear(size, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0][:, -1])

    torch.manual_seed(seed)
    x, y, x_val, y_val = waves(seed)
    model = Model(pick(seed, 16, 20))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    report.watch(model, optimizer)
    for step in range(200):
        rows = torch.randint(len(x), (32,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimizer.step()
        report.log({"train/loss": loss, "train/grad_norm": norm})
        if step % 50 == 49:
            with torch.no_grad():
                out = model(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val), "val/acc": accuracy(out, y_val)})
    return accuracy(out, y_val)
