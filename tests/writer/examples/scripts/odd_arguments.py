"""Unusual ways of calling a writer that are all allowed: kinds of steps, of numbers, of tags and of pictures."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

NOON = 1_700_000_000.25
TAGS = (
    "a/b/c d",
    "Verlust (größe)",
    "損失/訓練",
    "loss 🔥",
    "<b>bold</b> & more",
    "100%",
    "dots.and:colons",
    "x" * 300,
)


def main(log_dir):
    writer = SummaryWriter(Path(log_dir), purge_step=None, max_queue=1, flush_secs=1, filename_suffix=".odd")
    assert Path(writer.get_logdir()) == Path(log_dir)
    steps = (torch.tensor(1), np.int64(2), torch.tensor([3]), 4.7, np.float32(5.0), 2**40)
    for place, step in enumerate(steps):
        writer.add_scalar("steps/kinds", place * 0.5, step)
    for step in (-2, -1, 0, 1):
        writer.add_scalar("steps/negative", step * 2.0, global_step=step)
    values = (True, np.float64(0.25), np.array(0.5), np.array([0.75]), torch.tensor([[1.0]]), np.int16(2), "2.5")
    for step, value in enumerate(values):
        writer.add_scalar("values/kinds", value, step)
    writer.add_scalar("values/half", torch.tensor(0.1, dtype=torch.bfloat16), 0)
    writer.add_scalar("values/grad", torch.tensor(3.0, requires_grad=True) * 2, 0)
    for step in range(4):
        writer.add_scalar("times/given", step, step, walltime=NOON + 60 * step)
    for place, tag in enumerate(TAGS):
        for step in range(3):
            writer.add_scalar(tag, place + step, step)
    writer.add_scalars("group/of three", {"a b": 1, "ü": np.float32(2), "c/d": torch.tensor(3.0)}, 1, walltime=NOON)

    writer.add_histogram("kinds/bool", torch.arange(10) % 3 == 0, 0)
    writer.add_histogram("kinds/numpy", np.arange(24, dtype=np.int32).reshape(2, 3, 4), 1, bins="auto")
    writer.add_histogram("kinds/bfloat16", torch.linspace(-2, 2, 64).bfloat16(), 2)
    writer.add_histogram("kinds/one_value", torch.full((7,), 3.0), 3, bins="fd", max_bins=5)

    generator = np.random.default_rng(3)
    batch = generator.integers(0, 256, (9, 12, 16, 3), dtype=np.uint8)
    writer.add_images("pictures/NHWC uint8", batch, 0, dataformats="NHWC")
    writer.add_images("pictures/one", torch.from_numpy(batch[:1]).permute(0, 3, 1, 2), 0)
    writer.add_image("pictures/WHC", batch[0].transpose(1, 0, 2), 0, dataformats="WHC")
    writer.add_image("pictures/RGBA", np.concatenate([batch[0], batch[1][..., :1]], 2), 0, dataformats="HWC")
    writer.add_image("pictures/bool", torch.arange(64).view(1, 8, 8) % 3 == 0, 0)
    writer.add_image("pictures/beyond one", torch.linspace(-1, 2, 48).view(3, 4, 4), 0)
    figures = []
    for power in (1, 2, 3):
        figure, axes = plt.subplots(figsize=(2, 2))
        axes.plot([number**power for number in range(5)])
        figures.append(figure)
    writer.add_figure("pictures/figures", figures, 0, close=False)
    plt.close("all")

    writer.add_text("text/long", "word " * 3000, 0)
    writer.add_text("text/html", "<script>alert(1)</script> <b>bold</b> [link](javascript:alert(1)) 🎉", 0)
    writer.add_text("text/plain", "line one\nline two\n\n    indented", 1, walltime=NOON)
    writer.add_audio("sound/numpy", np.linspace(-1, 1, 800), 0, sample_rate=8000)
    writer.add_embedding(np.eye(5), metadata=[1, 2, 3, 4, 5])
    writer.add_pr_curve("curve/lists", np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.9, 0.4, 0.35, 0.8]), np.int64(2))
    writer.close()

    writer.add_scalar("after close", 1.0, 0)
    writer.add_scalar("after close", 2.0, 1)
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
