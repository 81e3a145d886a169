"""Several frames of a clip through an encoder that is made for one."""

from __future__ import annotations

from torch import Tensor, nn


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
