"""Scripts that evaluate in train mode, train in eval mode, or mix the samples of a batch."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, pick, table, waves, words
from tests.faults.setup import faulty


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(60, width)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        scores = self.q(x) @ self.k(x).transpose(1, 2) / x.shape[-1] ** 0.5
        mixed = torch.softmax(scores, dim=0) @ self.v(x)
        return self.out(mixed.mean(dim=1))


@faulty("softmax_wrong_dim", also=("overfitting", "calibration_off"))
def attention_over_the_batch(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = words(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 40), shuffle=True)
    model = Attention(pick(seed, 16, 24))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _epoch in range(8):
        model.train()
        for tokens, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(tokens), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.predictions(x_val, logits, y_val, split="val")
        report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy(logits, y_val)})
    with torch.no_grad():
        return accuracy(torch.cat([model(row[None]) for row in x_val]), y_val)


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=0)


@faulty("softmax_wrong_dim", also=("init_loss_wrong", "underfitting", "calibration_off"))
def log_softmax_over_the_batch(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=64)
    net = Net(pick(seed, 32, 48))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    report.watch(net, optimizer)
    for _epoch in range(8):
        net.train()
        for images, labels in report.track(train_loader, split="train"):
            optimizer.zero_grad()
            loss = F.nll_loss(net(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        net.eval()
        right, total = 0, 0.0
        with torch.no_grad():
            for images, labels in report.track(val_loader, split="val"):
                out = net(images)
                total += F.nll_loss(out, labels, reduction="sum").item()
                right += (out.argmax(1) == labels).sum().item()
                report.predictions(images, out, labels, split="val")
        report.log({"val/loss": total / len(x_val), "val/acc": right / len(x_val)})
    return right / len(x_val)


@faulty("train_mode_in_eval", where=("drop",), also=("dropout_too_high",))
def dropout_stays_on_in_validation(report: Report, seed: int) -> float:
    class MLP(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, 64)
            self.drop = nn.Dropout(pick(seed, 0.5, 0.45))
            self.fc2 = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc2(self.drop(torch.relu(self.fc1(x))))

    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    model, criterion = MLP(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    report.watch(model, optimizer, criterion)
    for _epoch in range(8):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy(logits, y_val)})
    report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
    return accuracy(logits, y_val)


class CNN(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * channels)
        self.fc = nn.Linear(2 * channels * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(x.flatten(1))


@faulty("train_mode_in_eval", where=("bn1", "bn2"), also=("bn_small_batch",))
def batch_norm_by_batch_in_validation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    order = y_val.argsort()
    x_val, y_val = x_val[order], y_val[order]
    loader = DataLoader(TensorDataset(x, y), batch_size=48, shuffle=True)
    model = CNN(pick(seed, 6, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    model.train()
    for epoch in range(4):
        for inputs, labels in loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.inference_mode():
            logits = torch.cat([model(part) for part in x_val.split(12)])
        report.log({"val/acc": accuracy(logits, y_val), "epoch": epoch})
        report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("eval_mode_in_train", where=("drop",), also=("overfitting",))
def dropout_off_after_first_validation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_breast_cancer, seed)

    class Classifier(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.fc1 = nn.Linear(30, width)
            self.drop1 = nn.Dropout(0.5)
            self.fc2 = nn.Linear(width, width)
            self.drop2 = nn.Dropout(0.5)
            self.fc3 = nn.Linear(width, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.drop1(F.gelu(self.fc1(x)))
            return self.fc3(self.drop2(F.gelu(self.fc2(x))))

    def evaluate(model: nn.Module) -> tuple[float, Tensor]:
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        return F.cross_entropy(out, y_val).item(), out

    model = Classifier(pick(seed, 64, 48))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    report.watch(model, optimizer)
    model.train()
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 24), shuffle=True)
    for _epoch in range(10):
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        val_loss, out = evaluate(model)
        report.log({"val/loss": val_loss, "val/acc": accuracy(out, y_val)})
    report.predictions(x_val, out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("eval_mode_in_train", where=("bn1", "bn2"))
def batch_norm_off_after_first_validation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 48, 64), shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=120)
    model, criterion = CNN(6), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    report.watch(model, optimizer, criterion)
    for _epoch in range(5):
        for step, (inputs, labels) in enumerate(report.track(train_loader)):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"loss/train": loss.item()})
            if step % 20 == 19:
                model.eval()
                correct = 0
                with torch.no_grad():
                    for images, truth in val_loader:
                        out = model(images)
                        correct += (out.argmax(1) == truth).sum().item()
                        report.predictions(images, out, truth, split="val")
                report.log({"acc/val": correct / len(x_val)})
    return correct / len(x_val)


@faulty("eval_mode_in_train", where=("drop", "rnn"))
def recurrent_dropout_off_after_validation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = waves(seed)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(1, 16, batch_first=True)
            self.drop = nn.Dropout(0.3)
            self.fc = nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            _, hidden = self.rnn(x)
            return self.fc(self.drop(hidden[-1]))

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=pick(seed, 1e-2, 8e-3))
    report.watch(model, optimizer)
    for step in range(180):
        if step == 0:
            model.train()
        rows = torch.randint(len(x), (32,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss}, step=step)
        if step % 45 == 44:
            model.eval()
            with torch.no_grad():
                out = model(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val), "val/acc": accuracy(out, y_val)}, step=step)
            report.predictions(None, out, y_val, split="val", step=step)
    return accuracy(out, y_val)


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(60, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.3, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.block(self.embed(tokens)).mean(dim=1))


@faulty("train_mode_in_eval", where=("block",))
def transformer_dropout_stays_on_in_validation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = words(seed)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=50)
    model = Transformer(pick(seed, 16, 20))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for step in range(120):
        rows = torch.randint(len(x), (32,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.item()})
        if step % 30 == 29:
            right = 0
            with torch.no_grad():
                for tokens, labels in report.track(val_loader, split="val"):
                    out = model(tokens)
                    right += (out.argmax(1) == labels).sum().item()
                    report.predictions(tokens, out, labels, split="val")
            report.log({"val/acc": right / len(x_val)})
    return right / len(x_val)
