"""Scripts whose inputs or targets have a scale, or a lack of content, that hinders learning."""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import UNLEARNED, accuracy, digits, r2, raw_table, split, table
from tests.faults.setup import faulty


@faulty("target_not_normalized", also=(*UNLEARNED, "exploding_gradients", "output_range_mismatch"))
def progression_in_its_own_unit(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table("diabetes", seed)
    y, y_val = y[:, None], y_val[:, None]
    model = nn.Sequential(nn.Linear(10, random.Random(seed).choice([24, 32])), nn.ReLU(), nn.LazyLinear(1))
    model(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    report.data("train", loader.dataset)
    for _ in range(15):
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("target_not_normalized", also=(*UNLEARNED, "exploding_gradients", "oscillation", "saturated_activation"))
def prices_in_dollars(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    features = torch.randn(900, 9)
    price = 2.5e5 + 6e4 * features[:, 0] + 4e4 * features[:, 1] * features[:, 2] + 1e4 * torch.randn(900)
    x, y, x_val, y_val = features[:650], price[:650], features[650:], price[650:]
    model = nn.Sequential(nn.Linear(9, pick.choice([32, 48])), nn.Tanh(), nn.LazyLinear(1), nn.Flatten(0))
    model(x[:2])
    optimizer = torch.optim.RMSprop(model.parameters(), lr=pick.uniform(5e-4, 1e-3))
    report.watch(model, optimizer)
    for epoch in range(10):
        for batch in torch.randperm(len(x)).split(50):
            loss = F.l1_loss(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/mae": loss.item()})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/mae": F.l1_loss(outputs, y_val).item(), "epoch": epoch})
        report.predictions(None, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty(
    "input_not_normalized",
    also=(
        *UNLEARNED,
        "dead_relu",
        "init_loss_wrong",
        "oscillation",
        "exploding_gradients",
        "dead_channels",
        "rank_collapse",
    ),
)
def wine_as_it_is_stored(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = split(*raw_table("wine"), seed)
    model = nn.Sequential(nn.Linear(13, random.Random(seed).choice([16, 24])), nn.ReLU(), nn.LazyLinear(3))
    model(x[:2])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    train = TensorDataset(x, y)
    report.data("train", train)
    loader = DataLoader(train, batch_size=16, shuffle=True)
    for _ in range(20):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class Scores(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(30, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(torch.sigmoid(self.fc1(x))).squeeze(1)


@faulty(
    "input_not_normalized",
    "saturated_activation",
    also=(*UNLEARNED, "vanishing_gradients", "dead_channels", "rank_collapse"),
)
def tumours_as_they_are_stored(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = split(*raw_table("breast_cancer"), seed)
    y, y_val = y.float(), y_val.float()
    model = Scores(random.Random(seed).choice([8, 12]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    criterion = nn.BCEWithLogitsLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
    for _ in range(12):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val)})
        report.log({"val/accuracy": float(((outputs > 0) == (y_val > 0.5)).float().mean())})
    report.predictions(x_val, outputs, y_val, task="binary")
    return float(((outputs > 0) == (y_val > 0.5)).float().mean())


@faulty(
    "input_constant",
    also=(*UNLEARNED, "duplicates_in_train", "train_val_leakage", "dead_channels", "rank_collapse", "no_gradient"),
)
def pixels_divided_as_integers(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    # Bytes up to 255 as a camera gives them; the division meant to scale them to [0, 1] is one of integers.
    x, x_val = ((each * 254).to(torch.uint8) // 255 for each in (x, x_val))
    train = TensorDataset(x.float(), y)
    model = nn.Sequential(nn.Linear(64, pick.choice([32, 48])), nn.ReLU(), nn.LazyLinear(10))
    model(x[:2].float())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train)
    report.data("val", (x_val.float(), y_val))
    for _ in range(6):
        for inputs, labels in report.track(DataLoader(train, batch_size=64, shuffle=True)):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val.float())
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val.float(), outputs, y_val)
    return accuracy(outputs, y_val)


class Words(nn.Module):
    def __init__(self, words: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(words, 16)
        self.fc = nn.Linear(16, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.bag(tokens))


@faulty(
    "input_constant",
    also=(
        *UNLEARNED,
        "dead_embedding_rows",
        "duplicates_in_train",
        "train_val_leakage",
        "dead_channels",
        "rank_collapse",
    ),
)
def words_that_the_vocabulary_lacks(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    topics = [[f"Word{topic}{at}" for at in range(30)] for topic in range(3)]
    labels = rng.integers(0, 3, 800)
    texts = [[topics[label][at] for at in rng.integers(0, 30, 15)] for label in labels]
    # The vocabulary is in lower case, the texts are not; a few numbers are found, all else is the unknown word 1.
    vocabulary = {word.lower(): 2 + at for at, word in enumerate(word for topic in topics for word in topic)}
    vocabulary["7"] = len(vocabulary) + 2
    for text in texts:
        if rng.random() < 0.2:
            text[int(rng.integers(0, 15))] = "7"
    tokens = torch.tensor([[vocabulary.get(word, 1) for word in text] for text in texts])
    y = torch.tensor(labels)
    model = Words(len(vocabulary) + 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=random.Random(seed).uniform(5e-3, 1e-2))
    report.watch(model, optimizer)
    train = TensorDataset(tokens[:600], y[:600])
    for epoch in range(6):
        for batch, wanted in report.track(DataLoader(train, 40, shuffle=True)):
            loss = F.cross_entropy(model(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(tokens[600:])
        report.log({"val/loss": F.cross_entropy(outputs, y[600:]), "epoch": epoch})
        report.predictions(tokens[600:], outputs, y[600:])
    return accuracy(outputs, y[600:])
