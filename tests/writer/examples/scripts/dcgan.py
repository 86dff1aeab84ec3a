"""Two networks against each other: a generator of digits and its critic."""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from reportgen.demo.data import load_digits

NOISE = 16
WIDTH = 8
EPOCHS = 4


def weights_init(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def generator():
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, WIDTH * 2, 7, bias=False),
        nn.BatchNorm2d(WIDTH * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def critic():
    return nn.Sequential(
        nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH, WIDTH * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH * 2),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH * 2, 1, 7, bias=False),
        nn.Flatten(0),
    )


def main(log_dir):
    torch.manual_seed(7)
    loader = DataLoader(Subset(load_digits(()).train, range(512)), batch_size=64, shuffle=True)
    net_g, net_d = generator().apply(weights_init), critic().apply(weights_init)
    criterion = nn.BCEWithLogitsLoss()
    optimizer_d = torch.optim.Adam(net_d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(net_g.parameters(), lr=2e-3, betas=(0.5, 0.999))
    fixed_noise = torch.randn(16, NOISE, 1, 1)

    writer = SummaryWriter(log_dir, comment="ignored beside a folder")
    frames = []
    step = 0
    for epoch in range(EPOCHS):
        for images, _ in loader:
            real = images * 2 - 1
            net_d.zero_grad()
            on_real = net_d(real)
            fake = net_g(torch.randn(len(real), NOISE, 1, 1))
            on_fake = net_d(fake.detach())
            loss_d = criterion(on_real, torch.ones_like(on_real)) + criterion(on_fake, torch.zeros_like(on_fake))
            loss_d.backward()
            optimizer_d.step()

            net_g.zero_grad()
            judged = net_d(fake)
            loss_g = criterion(judged, torch.ones_like(judged))
            loss_g.backward()
            optimizer_g.step()

            writer.add_scalars("loss", {"critic": loss_d.item(), "generator": loss_g.item()}, step)
            writer.add_scalars(
                "D(x)", {"real": on_real.sigmoid().mean().item(), "fake": on_fake.sigmoid().mean().item()}, step
            )
            step += 1
        with torch.no_grad():
            grid = make_grid(net_g(fixed_noise), nrow=4, normalize=True)
        frames.append(grid)
        writer.add_image("samples", grid, step)
        for name, parameter in net_g.named_parameters():
            writer.add_histogram(f"generator/{name}", parameter, epoch)
    writer.add_image("real", make_grid(real[:16], nrow=4, normalize=True), 0)
    writer.add_video("samples over time", torch.stack(frames)[None], step, fps=2)
    writer.add_graph(net_g, fixed_noise)
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
