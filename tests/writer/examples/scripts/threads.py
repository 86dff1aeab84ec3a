"""Four threads share one writer, and a second writer goes on in the same folder afterwards."""

import sys
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.utils.tensorboard import SummaryWriter


def work(writer, name):
    generator = torch.Generator().manual_seed(name)
    for step in range(150):
        writer.add_scalar(f"worker/{name}", torch.rand((), generator=generator), step)
        if step % 50 == 0:
            writer.add_histogram(f"values/{name}", torch.randn(100, generator=generator), step)
            writer.add_text(f"text/{name}", f"worker {name} at *{step}*", step)
            writer.add_image(f"image/{name}", torch.rand(3, 8, 8, generator=generator), step)


def main(log_dir):
    writer = SummaryWriter(log_dir)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, writer, name) for name in range(4)]:
            done.result()
    for step in range(150, 160):
        writer.add_scalar("resumed", step, step)
    writer.close()
    with SummaryWriter(log_dir, purge_step=156) as again:
        for step in range(156, 162):
            again.add_scalar("resumed", step * 10, step)


if __name__ == "__main__":
    main(sys.argv[1])
