"""Healthy runs on sequences and on pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, digits, r2
from tests.faults.setup import healthy


class Forecaster(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0][:, -1])


@healthy(least=0.9)
def lstm_clipped_now_and_then(report: Report, seed: int) -> float:
    """The next value of a wave; the bound on the gradient's norm is reached in few steps."""
    torch.manual_seed(seed)
    start, speed = torch.rand(1000, 1) * 6.28, 0.2 + 0.4 * torch.rand(1000, 1)
    wave = torch.sin(start + speed * torch.arange(17)) + 0.03 * torch.randn(1000, 17)
    x, y = wave[:, :16, None], wave[:, 16:]
    xt, yt, xv, yv = x[:800], y[:800], x[800:], y[800:]
    model = Forecaster(16 + 4 * (seed % 3))
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=40, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


class LanguageModel(nn.Module):
    """A GRU whose output matrix is the embedding's."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        nn.init.normal_(self.embed.weight, std=0.3)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.Linear(width, tokens, bias=False)
        self.decoder.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.gru(self.embed(x))[0])


@healthy(least=0.7)
def language_model_with_tied_embeddings(report: Report, seed: int) -> float:
    """Each token is followed by its successor four times in five, else by any: 0.8 and a bit is all there is to get."""
    torch.manual_seed(seed)
    successor = torch.randperm(16)
    text = torch.randint(0, 16, (600, 13))
    for i in range(12):
        follow = torch.rand(600) < 0.8
        text[follow, i + 1] = successor[text[follow, i]]
    train, val = text[:480], text[480:]
    model = LanguageModel(16, 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    for _ in range(8):
        for rows in torch.randperm(len(train)).split(32):
            batch = train[rows]
            loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(val[:, :-1]).flatten(0, 1)
        report.log({"val/loss": F.cross_entropy(out, val[:, 1:].flatten())})
    report.predictions(None, out, val[:, 1:].flatten())
    return accuracy(out, val[:, 1:].flatten())


class Encoder(nn.Module):
    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, width)
        self.position = nn.Parameter(torch.randn(8, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, drop, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.encoder(self.embed(x) + self.position).mean(1))


@healthy(least=0.9)
def transformer_that_counts(report: Report, seed: int) -> float:
    """Whether there are more low tokens than high ones among eight."""
    torch.manual_seed(seed)
    x = torch.randint(0, 12, (1200, 8))
    y = ((x < 6).sum(1) > 4).long()
    xt, yt, xv, yv = x[:960], y[:960], x[960:], y[960:]
    model = Encoder(32, 0.1)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002 + 0.0005 * (seed % 3))
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=48, shuffle=True)
    for _ in range(5):
        model.train()
        for tokens, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(tokens), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(None, out, yv)
    return accuracy(out, yv)


class Factors(nn.Module):
    def __init__(self, users: int, items: int, size: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, size), nn.Embedding(items, size)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, pairs: Tensor) -> Tensor:
        return (self.user(pairs[:, 0]) * self.item(pairs[:, 1])).sum(1)


@healthy(least=0.8)
def ratings_by_matrix_factors(report: Report, seed: int) -> float:
    """Users and items as embeddings, some of which occur in a batch and most of which do not."""
    torch.manual_seed(seed)
    users, items = torch.randn(60, 3), torch.randn(40, 3)
    pairs = torch.cartesian_prod(torch.arange(60), torch.arange(40))[torch.randperm(2400)]
    rating = (users[pairs[:, 0]] * items[pairs[:, 1]]).sum(1) / 1.7 + 0.05 * torch.randn(2400)
    xt, yt, xv, yv = pairs[:2000], rating[:2000], pairs[2000:], rating[2000:]
    model = Factors(60, 40, 3 + seed % 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(14):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.mse_loss(out, yv)})
    report.predictions(None, out, yv)
    return r2(out, yv)


@healthy(least=0.9)
def triplets_of_digits(report: Report, seed: int) -> float:
    """An embedding by triplets, whose loss is zero for most of them in the end. The score is by nearest neighbour."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    criterion = nn.TripletMarginLoss(margin=0.5)
    opt = torch.optim.Adam(net.parameters(), lr=0.002)
    report.watch(net, opt, criterion)
    of = [torch.nonzero(yt == k).flatten() for k in range(10)]
    for step in range(200):
        kind = torch.randint(0, 10, (64,))
        other = (kind + torch.randint(1, 10, (64,))) % 10
        rows = [torch.stack([of[k][torch.randint(len(of[k]), ())] for k in ks.tolist()]) for ks in (kind, kind, other)]
        loss = criterion(*(net(xt[r]) for r in rows))
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss}, step=step)
        if step % 50 == 49:
            with torch.no_grad():
                gap = torch.cdist(net(xv), net(xt))
            report.log({"val/acc": float((yt[gap.argmin(1)] == yv).float().mean())}, step=step)
    return float((yt[gap.argmin(1)] == yv).float().mean())
