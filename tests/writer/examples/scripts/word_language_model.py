"""An LSTM that learns the next word of sentences that a small grammar makes up."""

import math
import random
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.tensorboard import SummaryWriter

GRAMMAR = {
    "sentence": ["the ADJECTIVE NOUN VERB the NOUN .", "a NOUN VERB near the ADJECTIVE NOUN .", "NAME VERB the NOUN ."],
    "ADJECTIVE": ["old", "red", "quiet", "tall", "small"],
    "NOUN": ["fox", "river", "house", "horse", "garden", "boat"],
    "VERB": ["sees", "follows", "leaves", "finds"],
    "NAME": ["anna", "peter", "clara"],
}
EPOCHS = 3
LENGTH = 12
BATCH_SIZE = 16


def sentence(source):
    return [source.choice(GRAMMAR.get(word, [word])) for word in source.choice(GRAMMAR["sentence"]).split()]


class RNNModel(nn.Module):
    def __init__(self, words, size=24):
        super().__init__()
        self.encoder = nn.Embedding(words, size)
        self.rnn = nn.LSTM(size, size, num_layers=2, dropout=0.1)
        self.decoder = nn.Linear(size, words)

    def forward(self, tokens, state=None):
        output, state = self.rnn(self.encoder(tokens), state)
        return self.decoder(output), state


def batchify(tokens):
    length = len(tokens) // BATCH_SIZE
    return tokens[: length * BATCH_SIZE].view(BATCH_SIZE, length).t().contiguous()


def batches(data):
    for start in range(0, len(data) - 1, LENGTH):
        size = min(LENGTH, len(data) - 1 - start)
        yield data[start : start + size], data[start + 1 : start + 1 + size]


@torch.no_grad()
def evaluate(model, data):
    model.eval()
    total, count, state = 0.0, 0, None
    for inputs, targets in batches(data):
        output, state = model(inputs, state)
        total += F.cross_entropy(output.flatten(0, 1), targets.flatten(), reduction="sum").item()
        count += targets.numel()
    return total / count


@torch.no_grad()
def generate(model, vocabulary, count=12):
    model.eval()
    words, state, token = [], None, torch.randint(len(vocabulary), (1, 1))
    for _ in range(count):
        output, state = model(token, state)
        token = torch.multinomial(output[-1, 0].softmax(0), 1).view(1, 1)
        words.append(vocabulary[token.item()])
    return words


def main(log_dir):
    torch.manual_seed(1111)
    source = random.Random(1111)
    words = [word for _ in range(700) for word in sentence(source)]
    vocabulary = sorted(set(words))
    tokens = torch.tensor([vocabulary.index(word) for word in words])
    train_data, val_data = batchify(tokens[:-900]), batchify(tokens[-900:])
    model = RNNModel(len(vocabulary))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)

    with SummaryWriter(log_dir) as writer:
        writer.add_text(
            "data/about", f"**{len(words)}** words, *{len(vocabulary)}* different ones.\n\n- train\n- val", 0
        )
        step = 0
        for epoch in range(EPOCHS):
            model.train()
            state, total = None, 0.0
            for inputs, targets in batches(train_data):
                if state is not None:
                    state = tuple(part.detach() for part in state)
                optimizer.zero_grad()
                output, state = model(inputs, state)
                loss = F.cross_entropy(output.flatten(0, 1), targets.flatten())
                loss.backward()
                norm = nn.utils.clip_grad_norm_(model.parameters(), 0.25)
                optimizer.step()
                total += loss.item()
                writer.add_scalar("loss/train", loss, step)
                writer.add_scalar("gradient_norm", norm, step)
                step += 1
            val_loss = evaluate(model, val_data)
            train_loss = total / len(range(0, len(train_data) - 1, LENGTH))
            perplexities = {"train": math.exp(train_loss), "val": math.exp(val_loss)}
            writer.add_scalars("perplexity", perplexities, epoch)
            writer.add_scalar("loss/val", val_loss, step)
            rows = "\n".join(f"| {row} | {' '.join(generate(model, vocabulary))} |" for row in range(3))
            writer.add_text("samples", f"Epoch {epoch}:\n\n| # | words |\n|--:|---|\n{rows}\n", epoch)
        writer.add_embedding(model.encoder.weight, metadata=vocabulary, global_step=EPOCHS, tag="words")
        writer.add_histogram("encoder/weight", model.encoder.weight, EPOCHS)


if __name__ == "__main__":
    main(sys.argv[1])
