"""Encoders whose features say what a monitor reads, so that a test decides what a whole Balancer sees."""

from dataclasses import dataclass, field

import torch
from torch import nn

from asgml import Balancer
from asgml.monitors import Monitor


@dataclass
class Told(Monitor):
    """Says what the features say."""

    every: int = 1
    name: str = "told"

    def measure(self, step):
        return {m: x[0, 0].double() for m, x in step.features.items()}


class Telling(nn.Module):
    """Its output is its input; the gradient of its one weight is the slope of the loss."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x):
        return x + (self.weight - self.weight.detach())


@dataclass
class Heard:
    """What became of one update."""

    readings: dict
    skipped: frozenset
    skipping: frozenset
    grads: dict = field(default_factory=dict)
    """Modality -> gradient after `adjust`; None: none."""
    raw: float = 1.0
    """What each gradient was before it."""

    def acted_on(self):
        """Whose gradient is not what it would be, or who is skipped next."""
        return {m for m, g in self.grads.items() if g != self.raw and m not in self.skipped} | self.skipping


def balancer_of(recipe, modalities="ab"):
    return Balancer({m: Telling() for m in modalities}, recipe)


def tell(recipe, sequence, balancer=None):
    """Run one update per mapping modality -> value; a Heard of each."""
    balancer = balancer or balancer_of(recipe, list(dict.fromkeys(m for values in sequence for m in values)))
    heard = []
    for values in sequence:
        heard.append(_update(balancer, values))
    return heard


def _update(balancer, values):
    head = torch.ones((), dtype=torch.float64, requires_grad=True)  # learns while every encoder is skipped
    said = [balancer._modules[m](torch.tensor([[v]], dtype=torch.float64)) for m, v in values.items()]
    raw = balancer.index + 1.0  # so that an older gradient is another one
    (torch.stack(said).sum() * raw + head).backward()
    readings = balancer.adjust()
    weights = {m: balancer.params[m]["weight"] for m in values}
    grads = {m: None if w.grad is None else w.grad.item() for m, w in weights.items()}
    for weight in weights.values():
        weight.grad = None
    return Heard({name: dict(v) for name, v in readings.items()}, balancer.skipped, balancer.skipping, grads, raw)
