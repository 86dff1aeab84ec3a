"""A small CNN that learns handwritten digits: the first example that everybody runs."""

import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from reportgen.demo.data import load_digits

EPOCHS = 3
BATCH_SIZE = 64
RATE = 0.05


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, stride=2)
        self.conv2 = nn.Conv2d(6, 12, 3)
        self.dropout = nn.Dropout(0.1)
        self.fc1 = nn.Linear(12 * 5 * 5, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, images):
        hidden = F.relu(self.conv1(images))
        hidden = F.max_pool2d(F.relu(self.conv2(hidden)), 2)
        hidden = self.dropout(torch.flatten(hidden, 1))
        return F.log_softmax(self.fc2(F.relu(self.fc1(hidden))), dim=1)


def train(model, loader, optimizer, epoch, writer):
    model.train()
    for batch, (images, digits) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), digits)
        loss.backward()
        optimizer.step()
        if batch % 2 == 0:
            writer.add_scalar("train/loss", loss.item(), epoch * len(loader) + batch)
            writer.add_scalar("train/learning_rate", optimizer.param_groups[0]["lr"], epoch * len(loader) + batch)


@torch.no_grad()
def test(model, loader, epoch, writer):
    model.eval()
    outputs, digits = [], []
    for images, truth in loader:
        outputs.append(model(images))
        digits.append(truth)
    outputs, digits = torch.cat(outputs), torch.cat(digits)
    loss = F.nll_loss(outputs, digits)
    correct = outputs.argmax(1) == digits
    writer.add_scalar("test/loss", loss, epoch)
    writer.add_scalar("test/accuracy", correct.float().mean(), epoch)
    for digit in (3, 8):
        writer.add_pr_curve(f"pr/digit_{digit}", digits == digit, outputs[:, digit].exp(), epoch)
    return loss.item(), correct.float().mean().item()


def main(log_dir):
    torch.manual_seed(1)
    digits = load_digits(())
    train_loader = DataLoader(Subset(digits.train, range(960)), batch_size=BATCH_SIZE, shuffle=True)
    test_loader = DataLoader(digits.val, batch_size=256)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    writer = SummaryWriter(log_dir)

    images, _ = next(iter(test_loader))
    writer.add_images("digits/batch", images[:16], 0)
    writer.add_image("digits/grid", make_grid(images[:16], nrow=8), 0)
    writer.add_graph(model, images[:4])

    for epoch in range(EPOCHS):
        train(model, train_loader, optimizer, epoch, writer)
        loss, accuracy = test(model, test_loader, epoch, writer)
        for name, parameter in model.named_parameters():
            writer.add_histogram(name, parameter, epoch)
            writer.add_histogram(f"{name}.grad", parameter.grad, epoch)
        scheduler.step()

    writer.add_hparams(
        {"lr": RATE, "batch_size": BATCH_SIZE, "optimizer": "SGD", "augment": False},
        {"hparam/accuracy": accuracy, "hparam/loss": loss},
        run_name="hparams",
    )
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
