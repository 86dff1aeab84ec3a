"""A variational autoencoder of handwritten digits: reconstructions, samples and the latent space."""

import sys

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from reportgen.demo.data import load_digits

EPOCHS = 4
BATCH_SIZE = 128
LATENT = 2


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc21 = nn.Linear(64, LATENT)
        self.fc22 = nn.Linear(64, LATENT)
        self.fc3 = nn.Linear(LATENT, 64)
        self.fc4 = nn.Linear(64, 784)

    def encode(self, images):
        hidden = F.relu(self.fc1(images.view(-1, 784)))
        return self.fc21(hidden), self.fc22(hidden)

    def decode(self, latent):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(latent))))

    def forward(self, images):
        mean, log_variance = self.encode(images)
        latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decode(latent), mean, log_variance


def losses(output, images, mean, log_variance):
    reconstruction = F.binary_cross_entropy(output, images.view(-1, 784), reduction="sum") / len(images)
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp()) / len(images)
    return reconstruction, divergence


def latent_figure(latent, digits):
    figure, axes = plt.subplots(figsize=(4, 3), layout="tight")
    axes.scatter(latent[:, 0], latent[:, 1], c=digits, cmap="tab10", s=6)
    axes.set_xlabel("z1")
    axes.set_ylabel("z2")
    return figure


def main(log_dir):
    torch.manual_seed(1)
    digits = load_digits(())
    images, _ = digits.train.tensors
    test_images, test_digits = digits.val.tensors
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    noise = torch.randn(16, LATENT)

    writer = SummaryWriter(log_dir=log_dir)
    step = 0
    for epoch in range(1, EPOCHS + 1):
        for batch in torch.randperm(len(images)).split(BATCH_SIZE):
            optimizer.zero_grad()
            output, mean, log_variance = model(images[batch])
            reconstruction, divergence = losses(output, images[batch], mean, log_variance)
            (reconstruction + divergence).backward()
            optimizer.step()
            writer.add_scalar("elbo/reconstruction", reconstruction.detach(), step)
            writer.add_scalar("elbo/divergence", divergence.detach(), step)
            step += 1
        with torch.no_grad():
            output, mean, log_variance = model(test_images)
            test_loss = sum(losses(output, test_images, mean, log_variance))
            writer.add_scalar("elbo/test", test_loss, epoch)
            pairs = torch.cat([test_images[:8], output[:8].view(-1, 1, 28, 28)])
            writer.add_images("reconstruction", pairs, epoch)
            writer.add_images("sample", model.decode(noise).view(-1, 1, 28, 28), epoch)
            writer.add_histogram("latent/mean", mean, epoch)
            writer.add_histogram("latent/log_variance", log_variance, epoch)
            writer.add_figure("latent/space", latent_figure(mean, test_digits), epoch)
    writer.add_embedding(
        mean,
        metadata=[[str(digit), str(place)] for place, digit in enumerate(test_digits.tolist())],
        metadata_header=["digit", "place"],
        label_img=test_images,
        global_step=EPOCHS,
        tag="latent",
    )
    writer.add_graph(nn.Sequential(model.fc1, nn.ReLU(), model.fc21), test_images[:2].view(2, 784))
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
