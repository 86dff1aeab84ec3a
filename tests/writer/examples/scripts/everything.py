"""Nearly every add_* once, with arguments that are easy to tell apart in what comes back."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.tensorboard import SummaryWriter

LAYOUT = {
    "Losses": {"both losses": ["Multiline", ["loss/train", "loss/val"]]},
    "Band": {"with its error": ["Margin", ["margin/value", "margin/lower", "margin/upper"]]},
}


class LinearInLinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 5)
        self.outer = nn.Linear(5, 2)

    def forward(self, values):
        return self.outer(torch.relu(self.inner(values)))


def scalars(writer):
    for step in range(5):
        writer.add_scalar("loss/train", 1 / (step + 1), step)
        writer.add_scalar("loss/val", np.float32(1.5 / (step + 1)), step)
        writer.add_scalar("margin/value", step, step)
        writer.add_scalar("margin/lower", step - 0.5, step)
        writer.add_scalar("margin/upper", step + 0.5, step)
        writer.add_scalars("angles", {"sin": np.sin(step), "cos": np.cos(step)}, step)
    writer.add_scalar("style/new", 0.1, 3, new_style=True)
    writer.add_scalar("style/double", 0.1, 3, new_style=True, double_precision=True)
    for step, value in enumerate((1.0, float("nan"), float("inf"), float("-inf"), 2.0)):
        writer.add_scalar("not_finite", value, step)


def distributions(writer, generator):
    for step in range(3):
        writer.add_histogram("values/normal", torch.randn(500, generator=generator) * (step + 1), step)
    writer.add_histogram("values/integers", torch.arange(-3, 4), 0)
    writer.add_histogram("values/many_zeros", torch.cat([torch.zeros(90), torch.ones(10)]), 0)
    writer.add_histogram("values/half", torch.linspace(-1, 1, 40).half(), 0)
    writer.add_histogram_raw(
        "values/raw",
        min=0.0,
        max=4.0,
        num=10,
        sum=20.0,
        sum_squares=50.0,
        bucket_limits=[1.0, 2.0, 4.0],
        bucket_counts=[3, 3, 4],
        global_step=0,
    )


def pictures(writer, generator):
    colours = torch.rand(3, 20, 30, generator=generator)
    writer.add_image("picture/colour", colours, 0)
    writer.add_image("picture/bytes", (colours * 255).to(torch.uint8), 1)
    writer.add_image("picture/grey", colours[0], 0, dataformats="HW")
    writer.add_image("picture/last", colours.permute(1, 2, 0), 0, dataformats="HWC")
    writer.add_images("picture/batch", torch.rand(10, 3, 8, 8, generator=generator), 0)
    boxes = torch.tensor([[2.0, 3.0, 12.0, 10.0], [15.0, 5.0, 28.0, 18.0]])
    writer.add_image_with_boxes("picture/boxes", colours, boxes, 0, labels=["cat", "dog"])
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([0, 1, 4, 9])
    writer.add_figure("picture/figure", figure, 0)


def media(writer, generator):
    seconds = torch.arange(4000) / 8000
    writer.add_audio("sound", torch.sin(2 * torch.pi * 440 * seconds)[None] * 0.5, 0, sample_rate=8000)
    writer.add_video("film", torch.rand(1, 4, 3, 16, 16, generator=generator), 0, fps=4)
    writer.add_text("note", "# A title\n\nSome *text* with `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |", 0)
    vertices = torch.tensor([[[1.0, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]]])
    shades = torch.tensor([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 255]]])
    faces = torch.tensor([[[0, 2, 3], [0, 3, 1], [0, 1, 2], [1, 3, 2]]])
    camera = {"camera": {"cls": "PerspectiveCamera", "fov": 75}}
    writer.add_mesh("tetrahedron", vertices, colors=shades, faces=faces, config_dict=camera, global_step=0)
    writer.add_mesh("cloud", torch.randn(2, 60, 3, generator=generator), global_step=0)
    writer.add_tensor("tensor/floats", torch.linspace(0, 1, 6).view(2, 3), 0)
    writer.add_tensor("tensor/integers", torch.tensor([[1, 2], [3, 2**40]]), 0)


def main(log_dir):
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    with SummaryWriter(log_dir) as writer:
        scalars(writer)
        distributions(writer, generator)
        pictures(writer, generator)
        media(writer, generator)
        labels = torch.rand(200, generator=generator) > 0.6
        predictions = (labels * 0.3 + torch.rand(200, generator=generator) * 0.7).clamp(0, 1)
        weights = torch.rand(200, generator=generator).numpy()
        writer.add_pr_curve("curve", labels, predictions, 0)
        writer.add_pr_curve("curve/weighted", labels, predictions, 0, num_thresholds=11, weights=weights)
        writer.add_pr_curve_raw(
            "curve/raw",
            true_positive_counts=torch.tensor([75, 64, 21, 5, 0]),
            false_positive_counts=torch.tensor([150, 105, 18, 0, 0]),
            true_negative_counts=torch.tensor([0, 45, 132, 150, 150]),
            false_negative_counts=torch.tensor([0, 11, 54, 70, 75]),
            precision=torch.tensor([0.3333333, 0.3786982, 0.5384616, 1.0, 0.0]),
            recall=torch.tensor([1.0, 0.8533334, 0.28, 0.0666667, 0.0]),
            global_step=0,
            num_thresholds=5,
        )
        iris = load_iris()
        names = [str(iris.target_names[kind]) for kind in iris.target]
        writer.add_embedding(torch.from_numpy(iris.data), metadata=names, global_step=1, tag="iris")
        writer.add_custom_scalars(LAYOUT)
        writer.add_custom_scalars_multilinechart(["angles/sin", "angles/cos"], category="Angles", title="waves")
        writer.add_custom_scalars_marginchart(["margin/value", "margin/lower", "margin/upper"])
        writer.add_hparams(
            {"lr": 0.1, "layers": 3, "optimizer": "Adam", "nesterov": True, "rate": torch.tensor([0.25])},
            {"hparam/accuracy": 0.9, "hparam/loss": torch.tensor(0.3)},
            hparam_domain_discrete={"optimizer": ["Adam", "SGD"], "layers": [3, 4]},
            run_name="trial",
            global_step=7,
        )
        writer.add_graph(LinearInLinear(), torch.randn(2, 3))
        writer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
