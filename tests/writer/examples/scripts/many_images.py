"""Pictures at hundreds of steps, large ones and odd ones."""

import sys

import torch
from torch.utils.tensorboard import SummaryWriter


def main(log_dir):
    generator = torch.Generator().manual_seed(11)
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 32), torch.linspace(0, 1, 32), indexing="ij")
    with SummaryWriter(log_dir) as writer:
        for step in range(200):
            turning = torch.stack([rows * step / 200, columns, (rows + columns) / 2])
            writer.add_image("training/turning", turning, step)
            if step % 50 == 0:
                writer.add_images("training/batch", torch.rand(64, 1, 8, 8, generator=generator), step)
            writer.add_scalar("loss", 1 / (1 + step), step)
        for tag in range(30):
            writer.add_image(f"tags/{tag:02}", torch.full((1, 6, 6), tag / 30), 0)
        writer.add_image("sizes/large", torch.rand(3, 240, 320, generator=generator), 0)
        writer.add_image("sizes/one pixel", torch.ones(3, 1, 1) * 0.5, 0)
        writer.add_image("sizes/wide", torch.rand(3, 2, 500, generator=generator), 0)
        writer.add_image("sizes/tall", torch.rand(3, 500, 2, generator=generator), 0)


if __name__ == "__main__":
    main(sys.argv[1])
