"""Healthy set-ups: recurrent nets, Transformers and bags of words, over series and tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


@healthy(least=0.85)
def lstm_of_waves(report: Report, seed: int) -> float:
    """An LSTM reads noisy sines, and its last state says how fast they are."""

    class Net(nn.Module):
        def __init__(self, hidden: int) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, hidden, batch_first=True)
            self.fc = nn.Linear(hidden, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(x)[0][:, -1])

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.waves(seed)
    net = Net(32 + 8 * (seed % 2))
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(net, opt, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
    for _ in range(12):
        net.train()
        for series, labels in report.track(loader):
            opt.zero_grad()
            loss = criterion(net(series), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            logits = net(x_val)
            report.log({"val/loss": criterion(logits, y_val), "val/acc": _accuracy(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return _accuracy(logits, y_val)


@healthy(least=0.8)
def gru_in_the_order_of_time(report: Report, seed: int) -> float:
    """A forecast of a series, its windows unshuffled as they come in time; the score is R2 on the time after."""

    class Forecast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(1, 20, batch_first=True)
            self.out = nn.Linear(20, 1)

        def forward(self, x: Tensor) -> Tensor:
            _, state = self.gru(x)
            return self.out(state[-1])

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.windows(seed)
    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.MSELoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=False)
    report.data("train", loader.dataset)
    for _ in range(9):
        model.train()
        for past, following in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(past), following)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            forecast = model(x_val)
            report.log({"val/loss": criterion(forecast, y_val)})
    report.predictions(x_val, forecast, y_val, task="regression", split="val")
    return float(1 - F.mse_loss(forecast, y_val) / y_val.var(correction=0))


@healthy(least=0.8)
def gru_of_packed_texts(report: Report, seed: int) -> float:
    """Texts of different lengths, packed: the padding token is frequent in the batch and never read."""

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(120, 24, padding_idx=0)
            self.gru = nn.GRU(24, 24, batch_first=True, bidirectional=True)
            self.head = nn.Linear(48, 4)

        def forward(self, ids: Tensor) -> Tensor:
            lengths = (ids != 0).sum(1)
            packed = pack_padded_sequence(self.embed(ids), lengths, batch_first=True, enforce_sorted=False)
            _, state = self.gru(packed)
            return self.head(torch.cat([state[0], state[1]], 1))

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.topics(seed)
    model = Reader()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(4):
        model.train()
        for ids, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(ids), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(None, logits, y_val, split="val")
    return _accuracy(logits, y_val)


@healthy(least=0.85)
def bag_of_words(report: Report, seed: int) -> float:
    """EmbeddingBag with padding, a third of the ids; the mean of the words' vectors is classified by one layer."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.topics(seed, rows=1200)
    model = nn.Sequential(nn.EmbeddingBag(120, 16, mode="mean", padding_idx=0), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    for _ in range(8):
        model.train()
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val), "val/acc": _accuracy(logits, y_val)})
    report.predictions(x_val, logits, y_val)
    return _accuracy(logits, y_val)


@healthy(least=0.8)
def transformer_of_tokens(report: Report, seed: int) -> float:
    """One encoder layer with a padding mask, warm-up, and the mean over the tokens that are there."""

    class Classifier(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.embed = nn.Embedding(120, width, padding_idx=0)
            self.place = nn.Parameter(0.02 * torch.randn(20, width))
            layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.1, batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            self.head = nn.Linear(width, 4)

        def forward(self, ids: Tensor) -> Tensor:
            padding = ids == 0
            x = self.encoder(self.embed(ids) + self.place, src_key_padding_mask=padding)
            there = (~padding).unsqueeze(2).float()
            return self.head((x * there).sum(1) / there.sum(1))

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.topics(seed, rows=1200)
    model = Classifier(16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 30))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion, scheduler=scheduler)
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(5):
        model.train()
        for ids, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(ids), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss, "lr": scheduler.get_last_lr()[0]})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val), "val/acc": _accuracy(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return _accuracy(logits, y_val)


@healthy(least=-0.12, also=("weight_tying",))
def language_model_with_tied_weights(report: Report, seed: int) -> float:
    """Embedding and output layer share one matrix; the score is minus what is lost against the chain's entropy."""

    class Lm(nn.Module):
        def __init__(self, tokens: int, width: int) -> None:
            super().__init__()
            self.embed = nn.Embedding(tokens, width)
            self.rnn = nn.GRU(width, width, batch_first=True)
            self.mix = nn.Linear(width, width)
            self.decoder = nn.Linear(width, tokens)
            self.decoder.weight = self.embed.weight
            nn.init.normal_(self.embed.weight, std=0.3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.decoder(self.mix(self.rnn(self.embed(ids))[0]))

    torch.manual_seed(seed)
    ids, ids_val, least = data_c.chain(seed)
    model = Lm(16, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    report.watch(model, optimizer, F.cross_entropy)

    def loss_of(batch: Tensor) -> Tensor:
        return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    step = 0
    for _ in range(12):
        model.train()
        for rows in torch.randperm(len(ids)).split(40):
            loss = loss_of(ids[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            report.log({"train/loss": loss.item(), "train/ppl": loss.exp().item()}, step=step)
        model.eval()
        with torch.no_grad():
            val_loss = loss_of(ids_val).item()
        report.log({"val/loss": val_loss}, step=step)
    return least - val_loss
