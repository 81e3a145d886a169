"""Models whose truth is known: what a modality tells, what the fusion takes of it, and what that must give."""

import torch
from torch import nn

CLASSES = 3


class Planted(nn.Module):
    """Identity encoders; the logits are the weighted sum of the features, which are (noisy) one-hot labels."""

    def __init__(self, weights):
        super().__init__()
        self.encoders = nn.ModuleDict({m: nn.Sequential(nn.Linear(CLASSES, CLASSES, bias=False)) for m in weights})
        for encoder in self.encoders.values():
            encoder[0].weight.data = torch.eye(CLASSES)
        self.weights = weights

    def forward(self, inputs):
        return sum(self.weights[m] * self.encoders[m](inputs[m]) for m in self.weights)


def samples(known, rows=120, batches=4, seed=0):
    """`known` is modality -> share of samples whose input shows the label; the others show a random class."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % CLASSES
    inputs = {}
    for m, share in known.items():
        shown = torch.where(torch.rand(rows, generator=g) < share, labels, torch.randint(CLASSES, (rows,), generator=g))
        inputs[m] = torch.eye(CLASSES)[shown]
    parts = [torch.arange(rows)[n::batches] for n in range(batches)]
    return [({m: x[part] for m, x in inputs.items()}, labels[part]) for part in parts]
