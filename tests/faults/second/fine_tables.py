"""Scripts in which nothing is wrong: tables, losses other than the usual, and decisions."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits, make_classification
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.second.data import table
from tests.faults.setup import healthy


def r2(out: torch.Tensor, y: torch.Tensor) -> float:
    return 1 - (F.mse_loss(out, y) / y.var(unbiased=False)).item()


class Routed(nn.Module):
    """Each row goes to one expert of four."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, 4)
        self.experts = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, 48), nn.ReLU(), nn.Linear(48, classes)) for _ in range(4)]
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        share = self.gate(x).softmax(-1)
        weight, chosen = share.max(-1)
        out = x.new_zeros(len(x), 10)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().flatten()
            if len(rows):
                out = out.index_add(0, rows, expert(x[rows]) * (0.5 + weight[rows, None]))
        balance = 4 * (F.one_hot(chosen, 4).float().mean(0) * share.mean(0)).sum()
        return out, balance


@healthy(least=0.93)
def routed_experts(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    d = load_digits()
    perm = torch.randperm(1797)
    x, y = torch.tensor(d.data / 8 - 1).float()[perm], torch.tensor(d.target)[perm]
    loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
    model = Routed(64, 10)
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    report.watch(model, opt)
    for _ in range(10):
        model.train()
        for xb, yb in report.track(loader, split="train"):
            logits, balance = model(xb)
            loss = F.cross_entropy(logits, yb) + 0.02 * balance
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss, "train/balance": balance})
        model.eval()
        with torch.no_grad():
            logits, _ = model(x[1400:])
        acc = (logits.argmax(1) == y[1400:]).float().mean().item()
        report.predictions(x[1400:], logits, y[1400:], split="val")
        report.log({"val/loss": F.cross_entropy(logits, y[1400:]), "val/acc": acc})
    return acc


@healthy(least=0.8)
def ordinal_levels(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = table(seed, 1800)
    level = torch.bucketize(y, torch.tensor([-0.9, -0.3, 0.3, 0.9]))
    above = (level[:, None] > torch.arange(4)).float()

    class Cumulative(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
            self.score = nn.Linear(24, 1, bias=False)
            self.cuts = nn.Parameter(torch.tensor([1.5, 0.5, -0.5, -1.5]))

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return self.score(self.trunk(rows)) + self.cuts

    net, criterion = Cumulative(), nn.BCEWithLogitsLoss()
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    report.watch(net, opt, criterion)
    for _ in range(12):
        for xb, yb in report.track(DataLoader(TensorDataset(x[:1500], above[:1500]), 64, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            logits = net(x[1500:])
            report.log({"val/loss": criterion(logits, above[1500:]).item()})
        report.predictions(x[1500:], logits, above[1500:], split="val")
    return 1 - ((logits > 0).sum(1) - level[1500:]).abs().float().mean().item() / 2


@healthy(least=0.7)
def survival(report: Report, seed: int) -> float:
    """Cox's partial likelihood over each batch; the score is the concordance."""
    torch.manual_seed(seed)
    x, risk = table(seed, 1400)
    time = torch.empty(1400).exponential_() * torch.exp(-1.5 * risk)
    censor = torch.empty(1400).exponential_(0.4)
    event, time = (time <= censor).float(), torch.minimum(time, censor)

    def partial(hazard: torch.Tensor, when: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        order = when.argsort(descending=True)
        hazard, seen = hazard[order], seen[order]
        return -((hazard - hazard.logcumsumexp(0)) * seen).sum() / seen.sum().clamp(min=1)

    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    report.watch(net, opt)
    loader = DataLoader(TensorDataset(x[:1100], time[:1100], event[:1100]), 100, shuffle=True, drop_last=True)
    for _ in range(15):
        net.train()
        for xb, when, seen in report.track(loader, split="train"):
            loss = partial(net(xb).squeeze(1), when, seen)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            hazard = net(x[1100:]).squeeze(1)
            report.log({"val/loss": partial(hazard, time[1100:], event[1100:])})
    usable = (time[1100:, None] < time[None, 1100:]) & (event[1100:, None] > 0)
    return (hazard[:, None] > hazard[None])[usable].float().mean().item()


@healthy(least=0.7, also=("no_validation",))
def bandit(report: Report, seed: int) -> float:
    """Policy gradient on a contextual bandit: the loss is no measure of anything, the reward is."""
    torch.manual_seed(seed)
    prefer = torch.randn(8, 4, generator=torch.Generator().manual_seed(seed))
    policy = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4))
    opt = torch.optim.Adam(policy.parameters(), lr=1e-2)
    report.watch(policy, opt)
    baseline = 0.0
    for _ in range(300):
        context = torch.randn(64, 8)
        dist = torch.distributions.Categorical(logits=policy(context))
        action = dist.sample()
        best = (context @ prefer).argmax(1)
        reward = (action == best).float() + 0.1 * torch.randn(64)
        loss = -((reward - baseline) * dist.log_prob(action)).mean() - 0.01 * dist.entropy().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        baseline = 0.9 * baseline + 0.1 * reward.mean().item()
        report.log({"policy_loss": loss.item(), "reward": reward.mean().item()})
    context = torch.randn(500, 8)
    with torch.no_grad():
        return (policy(context).argmax(1) == (context @ prefer).argmax(1)).float().mean().item()


@healthy(least=0.75)
def mean_and_variance(report: Report, seed: int) -> float:
    """A Gaussian likelihood with a variance of its own for each row: the loss goes below zero."""
    torch.manual_seed(seed)
    x, y = table(seed, 1800)
    y = y * 0.3
    model = nn.Sequential(nn.Linear(10, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.GaussianNLLLoss()
    report.watch(model, opt)
    for epoch in range(12):
        for idx in torch.randperm(1500).split(50):
            mean, spread = model(x[idx]).unbind(1)
            loss = criterion(mean, y[idx], F.softplus(spread) + 1e-4)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            report.log({"train/nll": loss})
        with torch.no_grad():
            mean, spread = model(x[1500:]).unbind(1)
            report.log({"val/nll": criterion(mean, y[1500:], F.softplus(spread) + 1e-4), "epoch": epoch})
    report.predictions(x[1500:], mean, y[1500:], split="val")
    return r2(mean, y[1500:])


@healthy(least=0.7)
def visits(report: Report, seed: int) -> float:
    """Counts under a Poisson likelihood, the last bias started at the log of their mean."""
    torch.manual_seed(seed)
    x, y = table(seed, 1800)
    count = torch.poisson(torch.exp(2.5 + 0.7 * y))
    train, val = TensorDataset(x[:1500], count[:1500]), TensorDataset(x[1500:], count[1500:])
    report.data("train", train)
    report.data("val", val)
    net = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1), nn.Flatten(0))
    with torch.no_grad():
        net[4].bias.fill_(math.log(count[:1500].mean()))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    loss_fn = nn.PoissonNLLLoss(log_input=True)
    report.watch(net, opt, loss_fn)
    for _ in range(15):
        for xb, yb in report.track(DataLoader(train, 50, shuffle=True), split="train"):
            opt.zero_grad()
            loss = loss_fn(net(xb), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            for xb, yb in report.track(DataLoader(val, 300), split="val"):
                out = net(xb)
                report.log({"val/loss": loss_fn(out, yb).item()})
                report.predictions(xb, out.exp(), yb, split="val")
    return r2(out, 2.5 + 0.7 * y[1500:])


@healthy(least=0.8)
def weighted_rare(report: Report, seed: int) -> float:
    """One row in ten is positive, and weighted for it; the score is the balanced accuracy."""
    torch.manual_seed(seed)
    X, y = make_classification(2400, 15, n_informative=8, weights=[0.9], flip_y=0.0, class_sep=1.5, random_state=seed)
    X, y = torch.tensor(X).float(), torch.tensor(y).float()
    X = (X - X[:2000].mean(0)) / X[:2000].std(0)
    net = nn.Sequential(nn.Linear(15, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
    criterion = nn.BCEWithLogitsLoss(pos_weight=(y[:2000] == 0).sum() / (y[:2000] == 1).sum())
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)
    report.watch(net, opt, criterion, scheduler=cosine)
    loader = DataLoader(TensorDataset(X[:2000], y[:2000]), batch_size=64, shuffle=True)
    for _ in range(10):
        net.train()
        for xb, yb in report.track(loader, split="train"):
            opt.zero_grad()
            loss = criterion(net(xb).squeeze(1), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        cosine.step()
        net.eval()
        with torch.no_grad():
            out = net(X[2000:]).squeeze(1)
            report.log({"val/loss": criterion(out, y[2000:])})
        report.predictions(X[2000:], out, y[2000:], split="val")
    said, truth = out > 0, y[2000:] > 0.5
    return 0.5 * (said[truth].float().mean() + (~said[~truth]).float().mean()).item()
