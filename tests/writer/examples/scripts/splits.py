"""One training, a writer for each of its splits in a folder of its own: both then share tags."""

import sys
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


def main(log_dir):
    with SummaryWriter(Path(log_dir) / "train") as train, SummaryWriter(Path(log_dir) / "val") as val:
        for step in range(20):
            train.add_scalar("loss", 1 / (1 + step), step)
            if step % 5 == 4:
                val.add_scalar("loss", 1.25 / (1 + step), step)
                val.add_scalar("accuracy", step / 20, step)


if __name__ == "__main__":
    main(sys.argv[1])
