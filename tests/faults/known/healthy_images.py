"""Healthy set-ups: convolutional nets, autoencoders and generative models of digits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


@healthy(least=0.93)
def convolutions_with_batch_norm(report: Report, seed: int) -> float:
    """Convolution, batch normalisation, ReLU, twice."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed)
    train = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True, drop_last=True)
    val = DataLoader(TensorDataset(x_val, y_val), batch_size=128)
    width = 12 + 4 * (seed % 2)
    model = nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * width, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train.dataset)
    report.data("val", val.dataset)
    for epoch in range(4):
        model.train()
        for images, labels in report.track(train):
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        losses, right = 0.0, 0
        with torch.no_grad():
            for images, labels in report.track(val, split="val"):
                out = model(images)
                losses += float(criterion(out, labels)) * len(labels)
                right += int((out.argmax(1) == labels).sum())
                report.predictions(images, out, labels, classes=[str(digit) for digit in range(10)])
        report.log({"val/loss": losses / len(x_val), "val/acc": right / len(x_val), "epoch": epoch})
    return right / len(x_val)


class Block(nn.Module):
    """Two convolutions around a shortcut; the second norm starts at zero, so the block starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


@healthy(least=0.93)
def residual_net(report: Report, seed: int) -> float:
    """Residual blocks of which the last norm weight is zero at the start, the usual initialisation of ResNets."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=60, shuffle=True)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        *(Block(16) for _ in range(2 + seed % 2)),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _ in range(4):
        model.train()
        for images, labels in report.track(loader):
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.6)
def autoencoder_of_pixels(report: Report, seed: int) -> float:
    """MSE against the input: losses of hundredths from the start; the score is the share of variance explained."""
    torch.manual_seed(seed)
    x, _, x_val, _ = data_c.digits(seed)
    encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12))
    decoder = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 64))
    model = nn.Sequential(encoder, decoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    report.watch(model, optimizer=optimizer, criterion=nn.MSELoss())
    report.data("train", (x, x))
    loader = DataLoader(TensorDataset(x, x), batch_size=64, shuffle=True)
    for _ in range(11):
        model.train()
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(x_val)
            report.log({"val/loss": F.mse_loss(out, x_val)})
    report.predictions(x_val, out, x_val, task="regression", split="val")
    return float(1 - F.mse_loss(out, x_val) / (x_val - x.mean(0)).square().mean())


@healthy(least=0.55)
def convolutional_autoencoder_with_bce(report: Report, seed: int) -> float:
    """Grey pixels as probabilities: a sigmoid at the end, BCELoss, and a loss that stays far above zero."""
    torch.manual_seed(seed)
    x, _, x_val, _ = data_c.digits(seed)
    x, x_val = x.reshape(-1, 1, 8, 8), x_val.reshape(-1, 1, 8, 8)
    width = 10 + 2 * (seed % 2)
    net = nn.Sequential(
        nn.Conv2d(1, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, width, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        nn.Sigmoid(),
    )
    opt = torch.optim.Adam(net.parameters(), lr=8e-3)
    criterion = nn.BCELoss()
    report.watch(net, opt, criterion)
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True)
    for _ in range(8):
        net.train()
        for (batch,) in report.track(loader):
            opt.zero_grad()
            loss = criterion(net(batch), batch)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
            report.log({"val/loss": criterion(out, x_val)})
    return float(1 - F.mse_loss(out, x_val) / (x_val - x.mean(0)).square().mean())


class Vae(nn.Module):
    """A variational autoencoder of 40 measures, with one learned variance (arXiv 1312.6114, 2006.13202)."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(40, 64), nn.Tanh(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.Tanh(), nn.Linear(64, 40))
        self.log_std = nn.Parameter(torch.tensor(-1.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return self.decoder(code), mean, log_var


@healthy(least=0.85)
def elbo_below_zero(report: Report, seed: int) -> float:
    """The negative ELBO of a density falls through zero and on; the score is the share of variance explained."""
    torch.manual_seed(seed)
    _, x, _, x_val = data_c.surface(seed, rows=1600, features=3, noise=0.1, outputs=40)
    x, x_val = x / 4, x_val / 4
    model = Vae(4 + seed % 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True)

    def negative_elbo(inputs: Tensor) -> tuple[Tensor, Tensor]:
        out, mean, log_var = model(inputs)
        error = (inputs - out) ** 2 / (2 * torch.exp(2 * model.log_std)) + model.log_std + 0.919
        divergence = -0.5 * (1 + log_var - mean**2 - log_var.exp())
        return error.sum(1).mean() + divergence.sum(1).mean(), out

    for _ in range(15):
        model.train()
        for (batch,) in report.track(loader):
            optimizer.zero_grad()
            loss, _ = negative_elbo(batch)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            loss, out = negative_elbo(x_val)
            report.log({"val/loss": loss})
    return float(1 - F.mse_loss(out, x_val) / (x_val - x.mean(0)).square().mean())


@healthy(least=-0.4)
def generator_against_discriminator(report: Report, seed: int) -> float:
    """Two models and two optimizers in balance: neither loss falls; the score is minus the error of mean and spread."""
    torch.manual_seed(seed)
    target_mean = torch.tensor([1.0, -0.5])
    generator = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 2))
    discriminator = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 1))
    g_opt = torch.optim.Adam(generator.parameters(), lr=4e-3, betas=(0.5, 0.9))
    d_opt = torch.optim.Adam(discriminator.parameters(), lr=1e-2, betas=(0.5, 0.9))
    schedulers = [torch.optim.lr_scheduler.LinearLR(each, 1.0, 0.1, 300) for each in (g_opt, d_opt)]
    report.watch(generator, g_opt, name="generator")
    report.watch(discriminator, d_opt, name="discriminator")
    for _ in range(300):
        real = target_mean + 0.6 * torch.randn(128, 2)
        fake = generator(torch.randn(128, 4))
        scores, fakes = discriminator(real), discriminator(fake.detach())
        d_loss = F.softplus(-scores).mean() + F.softplus(fakes).mean()
        # Penalty on the logits, so that the discriminator stays smooth and the two do not circle.
        d_loss = d_loss + 0.1 * (scores**2 + fakes**2).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        g_loss = F.softplus(-discriminator(fake)).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
        for scheduler in schedulers:
            scheduler.step()
        report.log({"d_loss": d_loss, "g_loss": g_loss})
    with torch.no_grad():
        samples = generator(torch.randn(2000, 4))
    return -float((samples.mean(0) - target_mean).abs().max() + (samples.std(0) - 0.6).abs().max() / 2)
