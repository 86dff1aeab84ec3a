"""What goes wrong in the steps: learning rate, gradients that add up, the optimizer's list of parameters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, digits, pictures, r2
from tests.faults.setup import faulty

_BLOWN = (
    "divergence",
    "oscillation",
    "exploding_gradients",
    "exploding_activations",
    "update_ratio_high",
    "nan_loss",
    "nan_activation",
    "nan_gradient",
    "nan_weight",
    "dead_relu",
    "dead_channels",
    "rank_collapse",
    "constant_predictions",
    "loss_not_decreasing",
    "plateau",
    "underfitting",
    "worse_than_baseline",
    "calibration_off",
)
_SLOW = ("loss_not_decreasing", "plateau", "underfitting", "constant_predictions", "worse_than_baseline")


class ConvNet(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = nn.Linear(2 * width * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class Mlp(nn.Module):
    def __init__(self, n_in: int = 64, hidden: int = 64, n_out: int = 10) -> None:
        super().__init__()
        self.fc1 = nn.Linear(n_in, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.fc2(F.relu(self.fc1(x)))))


@faulty("lr_too_high", also=_BLOWN)
def adam_with_the_rate_of_sgd(report: Report, seed: int) -> float:
    """Adam at 0.3 to 0.6, a rate out of an SGD recipe; at 0.003 the same net passes 0.95."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    model = ConvNet(8 + 2 * (seed % 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.3 + 0.1 * (seed % 4))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(6):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("lr_too_low", "update_ratio_low", also=_SLOW)
def fine_tuning_rate_from_scratch(report: Report, seed: int) -> float:
    """AdamW at a few millionths on a net that was never trained."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    net = Mlp(hidden=48 + 16 * (seed % 3))
    opt = torch.optim.AdamW(net.parameters(), lr=2e-6 * (1 + seed % 2))
    report.watch(net, opt)
    for _ in range(10):
        net.train()
        for idx in torch.randperm(len(xt)).split(64):
            loss = F.cross_entropy(net(xt[idx]), yt[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"loss/train": loss.item()})
        net.eval()
        with torch.no_grad():
            out = net(xv)
            report.log({"loss/val": F.cross_entropy(out, yv).item()})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("missing_zero_grad", also=_BLOWN)
def gradients_add_up(report: Report, seed: int) -> float:
    """Nobody clears the gradients: each step goes along the sum of all there ever were."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = Mlp(hidden=64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 + 0.05 * (seed % 3))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32 + 16 * (seed % 2), shuffle=True)
    for _ in range(7):
        for x, y in report.track(loader, split="train"):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            model.eval()
            out = model(xv)
            model.train()
        report.log({"val/loss": criterion(out, yv).item(), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv, split="val")
    return accuracy(out, yv)


@faulty("lr_decayed_early", also=(*_SLOW, "lr_too_low", "update_ratio_low"))
def decay_meant_for_epochs(report: Report, seed: int) -> float:
    """A decay by a tenth an epoch, stepped after every batch: the rate is gone within the first epoch."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    model = ConvNet(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3 + seed % 2, gamma=0.5)
    report.watch(model, optimizer, nn.CrossEntropyLoss(), scheduler=scheduler)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True)
    for _ in range(8):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss.item(), "lr": scheduler.get_last_lr()[0]})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out, yv), "val/acc": accuracy(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("grad_clip_always_active", also=(*_SLOW, "lr_too_low", "update_ratio_low"))
def clipped_to_a_thousandth(report: Report, seed: int) -> float:
    """A bound on the norm far below that of any gradient, so every step is cut to next to nothing."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    report.watch(net, opt)
    for _ in range(8):
        for idx in torch.randperm(len(xt)).split(48):
            opt.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(xt[idx]), yt[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.001 * (1 + seed % 3))
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(xv)
        report.log({"val/loss": F.cross_entropy(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("weight_decay_too_high", also=(*_SLOW, "rank_collapse", "vanishing_gradients", "dead_relu"))
def decay_pulls_all_to_zero(report: Report, seed: int) -> float:
    """A decay of 0.2 or more: within some dozen steps the weights are gone and all predictions are one."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = Mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.2 + 0.1 * (seed % 3))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(10):
        for x, y in report.track(loader):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty(
    "optimizer_missing_params",
    "not_updated",
    where=("head",),
    also=("underfitting", "worse_than_baseline", "plateau", "loss_not_decreasing", "update_ratio_low"),
)
def head_changed_after_the_optimizer(report: Report, seed: int) -> float:
    """The last layers are replaced once the optimizer has its list; it goes on with those thrown away."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    yt, yv = (yt[:, None] - yt.mean()) / yt.std(), (yv[:, None] - yt.mean()) / yt.std()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(10, 3), nn.ReLU())
            self.head = nn.Linear(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x))

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005 * (1 + seed % 2))
    model.head = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(12):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.mse_loss(out, yv).item()})
        report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty("not_updated", also=(*_SLOW, "update_ratio_low", "low_gradient_snr"))
def optimizer_of_another_copy(report: Report, seed: int) -> float:
    """The model is made anew for a clean start, but the optimizer still holds the first one."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = Mlp(hidden=32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model = Mlp(hidden=32)
    report.watch(model, optimizer)
    step = 0
    for _ in range(5):
        for idx in torch.randperm(len(xt)).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xt[idx]), yt[idx])
            loss.backward()
            optimizer.step()
            step += 1
            report.log({"train/loss": loss.item()}, step=step)
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out, yv).item(), "val/acc": accuracy(out, yv)}, step=step)
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("amp_scale_collapse", "nan_gradient", also=(*_SLOW, "not_updated", "update_ratio_low"))
def every_scaled_step_is_skipped(report: Report, seed: int) -> float:
    """Rows of zeros go through a square root: its gradient is no number, the scaler skips and halves, for ever."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    xt = torch.where(torch.rand(len(xt), 1) < 0.2, torch.zeros(()), xt)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.proj = nn.Linear(64, 32, bias=False)
            self.fc = nn.Linear(32, 10)

        def forward(self, x: Tensor) -> Tensor:
            z = self.proj(x).float()
            return self.fc(z / (z.pow(2).sum(1, keepdim=True).sqrt() + 1e-6))

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu")
    report.watch(model, optimizer, scaler=scaler)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(6):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16):
                loss = F.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            report.log({"train/loss": loss, "scale": scaler.get_scale()})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)
