"""Models of every family with random weights and small inputs, each with one training step's loss.

Used by the tests, a model of each family, and by benchmarks/bench_graphs.py, all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

CLASSES = 5
BATCH = 2


@dataclass(frozen=True)
class Case:
    """models: the models that one step runs (a GAN has two). loss: runs their forward(s) and returns what to train."""

    name: str
    family: str
    models: Callable[[], tuple[nn.Module, ...]]
    loss: Callable[..., Tensor]


def images(size: int = 64) -> Tensor:
    return torch.rand(BATCH, 3, size, size)


def squares(value: object) -> Tensor:
    """The sum of the mean squares of every tensor in a structure: a loss for any output."""
    if isinstance(value, Tensor):
        return value.float().square().mean()
    found = value.values() if isinstance(value, dict) else value
    return sum((squares(one) for one in found if one is not None), start=torch.zeros(()))


def on(*shape: int) -> Callable[[nn.Module], Tensor]:
    return lambda model: squares(model(torch.rand(shape)))


# --- torchvision ---

# What the builders of some models need beside weights=None, and the size of image that fits.
CLASSIFIERS: dict[str, tuple[dict[str, object], int]] = {
    "inception_v3": ({"init_weights": False}, 299),
    "googlenet": ({"init_weights": False}, 64),
    "maxvit_t": ({"input_size": (224, 224)}, 224),
    "vit_h_14": ({"image_size": 56}, 56),
    **{name: ({"image_size": 64}, 64) for name in ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32")},
}
# Frames and size of a video; these are built for one size only.
VIDEOS = dict.fromkeys(("mvit_v1_b", "mvit_v2_s", "s3d"), (16, 224, 224))


def classifier(name: str) -> Case:
    settings, size = CLASSIFIERS.get(name, ({}, 64))
    build = torchvision.models.get_model_builder(name)
    return Case(
        name,
        "classification",
        lambda: (build(weights=None, num_classes=CLASSES, **settings),),
        lambda model: squares(model(images(size))),
    )


def segmenter(name: str) -> Case:
    build = torchvision.models.get_model_builder(name)
    return Case(
        name,
        "segmentation",
        lambda: (build(weights=None, weights_backbone=None, num_classes=CLASSES),),
        lambda model: squares(model(images())),
    )


def detector(name: str) -> Case:
    build = torchvision.models.get_model_builder(name)
    sizes = {} if name.startswith("ssd") else {"min_size": 96, "max_size": 128}

    def loss(model: nn.Module) -> Tensor:
        target = {
            "boxes": torch.tensor([[8.0, 8.0, 40.0, 48.0], [20.0, 4.0, 60.0, 60.0]]),
            "labels": torch.tensor([1, 2]),
            "masks": torch.ones(2, 96, 96, dtype=torch.uint8),
            "keypoints": torch.tensor([20.0, 20.0, 1.0]).expand(2, 17, 3).contiguous(),
        }
        if name.startswith("keypoint"):
            target["labels"] = torch.tensor([1, 1])
        return sum(model([torch.rand(3, 96, 96) for _ in range(BATCH)], [target] * BATCH).values())

    classes = 2 if name.startswith("keypoint") else CLASSES
    return Case(
        name,
        "detection",
        lambda: (build(weights=None, weights_backbone=None, num_classes=classes, **sizes),),
        loss,
    )


def video(name: str) -> Case:
    size = VIDEOS.get(name, (4, 64, 64))
    build = torchvision.models.get_model_builder(name)
    return Case(name, "video", lambda: (build(weights=None, num_classes=CLASSES),), on(BATCH, 3, *size))


# --- our own ---


class LanguageModel(nn.Module):
    """An embedding, an LSTM and an output layer whose weight is the embedding's."""

    def __init__(self, vocabulary: int = 50, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, 2, dropout=0.1, batch_first=True)
        self.out = nn.Linear(width, vocabulary, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, state = self.lstm(self.embed(tokens), state)
        return self.out(hidden), state


class Block(nn.Module):
    """A pre-norm transformer block with causal attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class Decoder(nn.Module):
    """A GPT-like decoder: token and position embeddings, blocks, a tied output layer."""

    def __init__(self, blocks: int = 12, width: int = 32, vocabulary: int = 50, length: int = 16) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, 4) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


@dataclass
class Encoded:
    mean: Tensor
    log_variance: Tensor
    sample: Tensor = field(default_factory=lambda: torch.zeros(()))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Flatten())
        self.mean, self.log_variance = nn.Linear(8 * 16, 4), nn.Linear(8 * 16, 4)

    def forward(self, x: Tensor) -> Encoded:
        hidden = self.body(x)
        found = Encoded(self.mean(hidden), self.log_variance(hidden))
        found.sample = found.mean + torch.randn_like(found.mean) * (0.5 * found.log_variance).exp()
        return found


class Vae(nn.Module):
    """A variational autoencoder whose encoder returns a dataclass."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = nn.Sequential(
            nn.Linear(4, 8 * 16), nn.Unflatten(1, (8, 4, 4)), nn.ConvTranspose2d(8, 3, 4, 2, 1)
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        encoded = self.encoder(x)
        return {"image": torch.sigmoid(self.decoder(encoded.sample)), "mean": encoded.mean}


def gan() -> tuple[nn.Module, ...]:
    generator = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 16), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(16, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    return generator, discriminator


def tokens() -> Tensor:
    return torch.randint(0, 50, (BATCH, 12))


OWN = (
    Case("lstm-lm", "recurrent", lambda: (LanguageModel(),), lambda model: squares(model(tokens())[0])),
    Case("gpt", "decoder", lambda: (Decoder(),), lambda model: squares(model(tokens()))),
    Case("gpt-48", "decoder", lambda: (Decoder(blocks=48),), lambda model: squares(model(tokens()))),
    Case("vae", "autoencoder", lambda: (Vae(),), lambda model: squares(model(images(8)))),
    Case("gan", "adversarial", gan, lambda made, judge: squares(judge(made(torch.rand(BATCH, 4))))),
    Case(
        "mlp",
        "mlp",
        lambda: (nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, CLASSES)),),
        on(BATCH, 3, 4, 4),
    ),
)
# One of each family, quick enough for every test run.
SMALL = (
    classifier("resnet18"),
    classifier("mobilenet_v3_small"),
    segmenter("lraspp_mobilenet_v3_large"),
    detector("ssdlite320_mobilenet_v3_large"),
    video("mc3_18"),
    *(case for case in OWN if case.name != "gpt-48"),
)


def everything() -> Iterator[Case]:
    """All of torchvision's classifiers, segmenters, detectors and video models, and our own."""
    models = torchvision.models
    for make, module in (
        (classifier, models),
        (segmenter, models.segmentation),
        (detector, models.detection),
        (video, models.video),
    ):
        for name in models.list_models(module=module):
            yield make(name)
    yield from OWN
