"""Layers that several encoders use: projections, frames, and means over the real steps of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def projection(width: int, feature_dim: int) -> nn.Module:
    """Return a linear layer from an encoder's own width to D; nothing where the width already is D."""
    return nn.Identity() if width == feature_dim else nn.Linear(width, feature_dim)


class Frames(nn.Module):
    """Frames (B, T, C, H, W) -> (B, D): every frame through the encoder, and the mean of their features over T.

    BatchNorm sees B * T images (as in the OGM-GE line, whose features are averaged over time as well).
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        each: Tensor = self.encoder(x.flatten(0, 1))
        return each.reshape(*x.shape[:2], -1).mean(1)


def real_steps(x: Tensor) -> Tensor:
    """Return which steps of sequences (B, T, D) are real, bool (B, T): all up to the last that holds something other than 0.

    At least the first step of each is real.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    last = ((x != 0).any(2) * steps).amax(1)
    return steps <= last[:, None]


def mean_over(x: Tensor, real: Tensor) -> Tensor:
    """Return the mean (B, D) over the real steps (B, T) of a sequence (B, T, D)."""
    weights = real.to(x.dtype)[:, :, None]
    return (x * weights).sum(1) / weights.sum(1)
