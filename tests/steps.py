"""Steps made by hand, for tests of one monitor without a Balancer."""

import torch
from torch import nn

from asgml import Step


def step_of(features=None, targets=None, index=0, encoders=None, skipped=()):
    """A Step of these features; `encoders`, modality -> module, gives parameters, and norms of the gradients they have."""
    features = features or {}
    encoders = encoders or {m: nn.Linear(1, 1) for m in features}
    params = {m: dict(e.named_parameters()) for m, e in encoders.items()}
    norms = {m: torch.stack([q.grad.norm() for q in p.values() if q.grad is not None]).norm()
             for m, p in params.items() if any(q.grad is not None for q in p.values())}  # fmt: skip
    return Step(index, params, features, targets, frozenset(params), frozenset(skipped), {}, norms)


def told(monitor, steps):
    """Measure and learn as the Balancer does; one reading of plain numbers per step."""
    readings = []
    for step in steps:
        readings.append({m: value.item() for m, value in monitor.measure(step).items()})
        monitor.learn(step, monitor.evidence(step))
    return readings
