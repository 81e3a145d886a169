"""Which steps of a sequence are real: everything up to the last step that holds something other than 0."""

from __future__ import annotations

import torch
from torch import Tensor


def real_steps(x: Tensor) -> Tensor:
    """Return bool (B, T) for a sequence (B, T, D); at least the first step of each is real."""
    steps = torch.arange(x.shape[1], device=x.device)
    last = ((x != 0).any(2) * steps).amax(1)
    return steps <= last[:, None]


def mean_over(x: Tensor, real: Tensor) -> Tensor:
    """Return the mean (B, D) over the real steps (B, T) of a sequence (B, T, D)."""
    weights = real.to(x.dtype)[:, :, None]
    return (x * weights).sum(1) / weights.sum(1)
