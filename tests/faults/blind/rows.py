"""What goes wrong in the rows: their scale, their order, their labels, and which split they are in."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, digits, r2, split, table
from tests.faults.setup import faulty

_BAD = ("underfitting", "plateau", "loss_not_decreasing", "worse_than_baseline", "constant_predictions")
_NAN = ("nan_loss", "nan_gradient", "nan_weight", "nan_activation")


def _fit(
    report: Report,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rows: tuple[Tensor, Tensor, Tensor, Tensor],
    epochs: int,
    batch: int = 64,
    shuffle: bool = True,
) -> Tensor:
    """The usual loop for a classifier: returns the outputs for the validation rows."""
    xt, yt, xv, yv = rows
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=batch, shuffle=shuffle)
    for _ in range(epochs):
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
    return out


@faulty("nan_input", also=(*_NAN, *_BAD, "divergence"))
def missing_values_left_in(report: Report, seed: int) -> float:
    """A few cells of the table are empty, and empty is NaN."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    yt, yv = (yt - 14) / 5, (yv - 14) / 5
    xt = torch.where(torch.rand_like(xt) < 0.001 * (1 + seed % 3), torch.nan, xt)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    opt = Adam(model.parameters(), lr=0.005)
    report.watch(model, opt, nn.MSELoss())
    report.data("train", TensorDataset(xt, yt))
    loader = DataLoader(TensorDataset(xt, yt), batch_size=50, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            opt.zero_grad()
            loss = F.mse_loss(model(x).squeeze(1), y)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv).squeeze(1)
        report.log({"val/loss": F.mse_loss(out, yv)})
    report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty(
    "input_not_normalized",
    also=(*_BAD, "dead_relu", "init_loss_wrong", "exploding_gradients", "exploding_activations", "divergence",
          "oscillation", "update_ratio_high", "small_dataset", "rank_collapse", "calibration_off"),
)  # fmt: skip
def columns_in_their_own_units(report: Report, seed: int) -> float:
    """Cell measurements from 0.001 to 4000 as they stand, or wine with its proline of 1000."""
    torch.manual_seed(seed)
    load = load_breast_cancer if seed % 2 else load_wine
    x, y = load(return_X_y=True)
    rows = split(x, y, seed, len(x))
    report.data("train", rows[:2])
    report.data("val", rows[2:])
    n_in = x.shape[1]
    model = nn.Sequential(nn.Linear(n_in, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 3))
    out = _fit(report, model, SGD(model.parameters(), lr=0.01, momentum=0.9), rows, epochs=12, batch=16)
    return accuracy(out, rows[3])


@faulty("input_constant", also=(*_BAD, "no_gradient", "not_updated", "duplicates_in_train", "vanishing_gradients"))
def divided_as_integers(report: Report, seed: int) -> float:
    """Grey values of 0 to 240 are divided by 255 without leaving the integers: every picture is black."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    grey = [(x * 240).to(torch.uint8) for x in (xt, xv)]
    xt, xv = ((x // 255).float().view(-1, 1, 8, 8) for x in grey)
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 32), nn.ReLU(), nn.Linear(32, 10)
    )
    out = _fit(report, model, Adam(model.parameters(), lr=0.002 * (1 + seed % 2)), (xt, yt, xv, yv), epochs=6)
    return accuracy(out, yv)


@faulty("not_shuffled", also=(*_BAD, "oscillation", "divergence", "calibration_off", "minority_class_ignored"))
def one_class_after_the_other(report: Report, seed: int) -> float:
    """The file is sorted by label and read from its beginning: each batch is of one class."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    order = yt.argsort(stable=True)
    rows = xt[order], yt[order], xv, yv
    report.data("train", rows[:2])
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = SGD(model.parameters(), lr=0.05 * (1 + seed % 2), momentum=0.9)
    out = _fit(report, model, optimizer, rows, epochs=7, batch=32, shuffle=False)
    return accuracy(out, yv)


@faulty("class_imbalance", "minority_class_ignored", also=("constant_predictions", "worse_than_baseline", "plateau"))
def one_in_thirty(report: Report, seed: int) -> float:
    """Three per cent are of the class that matters, and the net says the other one every time."""
    torch.manual_seed(seed)
    x, y = make_classification(
        3000, 12, n_informative=3, n_redundant=0, weights=[0.97], class_sep=0.4, flip_y=0.01, random_state=seed
    )
    rows = split(x, y, seed, len(x))
    report.data("train", rows[:2])
    report.data("val", rows[2:])
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 2))
    out = _fit(report, model, Adam(model.parameters(), lr=0.002 + 0.001 * (seed % 2)), rows, epochs=6)
    found = out.argmax(1)[rows[3] == 1]
    return float(found.float().mean())


@faulty("train_val_leakage", also=("duplicates_in_train", "overfitting", "label_noise"))
def copied_before_the_split(report: Report, seed: int) -> float:
    """Rows are copied to have more of them and only then split, so validation repeats training.

    The labels are drawn by lot: what the net gets right are rows that it has seen. The score is that of new rows.
    """
    torch.manual_seed(seed)
    x, y = torch.randn(300, 20), torch.randint(0, 2, (300,))
    order = torch.randperm(1200)
    x, y = x.repeat(4, 1)[order], y.repeat(4)[order]
    rows = x[:960], y[:960], x[960:], y[960:]
    report.data("train", rows[:2])
    report.data("val", rows[2:])
    model = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 2))
    _fit(report, model, Adam(model.parameters(), lr=0.01), rows, epochs=15 + seed % 4, batch=48)
    with torch.no_grad():
        return accuracy(model(torch.randn(400, 20)), torch.randint(0, 2, (400,)))


@faulty("feature_label_leakage", also=("val_better_than_train",))
def label_among_the_columns(report: Report, seed: int) -> float:
    """A column was filled in after the outcome was known. The score is that of rows where it is not known yet."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, gap=0.4)
    column = seed % 20
    late = xv.clone()
    late[:, column] = 0
    xt[:, column] = yt * 2.0 - 1
    xv[:, column] = yv * 2.0 - 1
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 2))
    _fit(report, model, Adam(model.parameters(), lr=0.005), (xt, yt, xv, yv), epochs=6)
    with torch.no_grad():
        return accuracy(model(late), yv)


@faulty("duplicates_in_train", also=("overfitting", "small_dataset", "calibration_off"))
def forty_rows_many_times(report: Report, seed: int) -> float:
    """A join multiplied the rows: 1200 of them, and only 40 are different."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, classes=4, gap=0.8)
    pick = torch.randint(0, 40, (1200,))
    xt, yt = xt[:40][pick], yt[:40][pick]
    report.data("train", TensorDataset(xt, yt))
    report.data("val", TensorDataset(xv, yv))
    model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 4))
    out = _fit(report, model, Adam(model.parameters(), lr=0.003 * (1 + seed % 2)), (xt, yt, xv, yv), epochs=8)
    return accuracy(out, yv)


@faulty("label_noise", also=("overfitting", "calibration_off", "plateau", "underfitting"))
def labels_of_other_rows(report: Report, seed: int) -> float:
    """For 40 to 50 per cent of the rows, of both splits, the label is that of some other row."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed, rows=800)
    clean = yv.clone()
    for y in (yt, yv):
        wrong = torch.rand(len(y)) < 0.4 + 0.05 * (seed % 3)
        y[wrong] = y[wrong][torch.randperm(int(wrong.sum()))]
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    out = _fit(report, model, Adam(model.parameters(), lr=0.005), (xt, yt, xv, yv), epochs=16, batch=32)
    return accuracy(out, clean)


@faulty(
    "distribution_shift",
    where=("val",),
    also=("overfitting", "calibration_off", "input_not_normalized", "constant_predictions", "worse_than_baseline"),
)
def only_training_is_standardised(report: Report, seed: int) -> float:
    """Training rows are standardised and validation rows are not."""
    torch.manual_seed(seed)
    x, y = load_breast_cancer(return_X_y=True)
    xt, yt, xv, yv = split(x, y, seed, len(x))
    xt = (xt - xt.mean(0)) / xt.std(0)
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    model = nn.Sequential(nn.Linear(30, 16 + 8 * (seed % 2)), nn.ReLU(), nn.Linear(16 + 8 * (seed % 2), 2))
    out = _fit(report, model, SGD(model.parameters(), lr=0.02, momentum=0.9), (xt, yt, xv, yv), epochs=10, batch=32)
    return accuracy(out, yv)


@faulty("overfitting", also=("small_dataset", "calibration_off"))
def a_large_net_for_few_rows(report: Report, seed: int) -> float:
    """A hundred rows, tens of thousands of weights, trained long after the training loss is zero."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, classes=4, gap=0.7)
    xt, yt = xt[: 100 + 20 * (seed % 3)], yt[: 100 + 20 * (seed % 3)]
    model = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 4))
    out = _fit(report, model, Adam(model.parameters(), lr=0.002), (xt, yt, xv, yv), epochs=30, batch=20)
    return accuracy(out, yv)


@faulty("underfitting", also=("plateau", "worse_than_baseline"))
def a_line_for_a_wave(report: Report, seed: int) -> float:
    """A linear model for what goes up and down: it stays near the mean on training rows and on new ones."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    x = rng.uniform(-3, 3, (1500, 2))
    y = np.cos(2 * x[:, 0]) + np.cos((2 + seed % 2) * x[:, 1]) + 0.05 * rng.normal(size=1500)
    xt, yt, xv, yv = split(x, y.astype(np.float32), seed, len(x))
    net = nn.Linear(2, 1)
    opt = Adam(net.parameters(), lr=0.02)
    report.watch(net, opt)
    for _ in range(12):
        for idx in torch.randperm(len(xt)).split(60):
            opt.zero_grad()
            loss = F.mse_loss(net(xt[idx]).squeeze(1), yt[idx])
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            fit, out = net(xt).squeeze(1), net(xv).squeeze(1)
        report.log({"val/loss": F.mse_loss(out, yv)})
        report.predictions(xt, fit, yt, split="train")
        report.predictions(xv, out, yv, split="val")
    return r2(out, yv)
