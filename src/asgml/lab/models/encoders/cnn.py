"""A small CNN for images and spectrograms."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


class Cnn(nn.Sequential):
    """Images and spectrograms (B, C, H, W) -> (B, D): 3x3 convolution, ReLU, 2x2 pooling, twice; then a linear layer, ReLU."""

    def __init__(self, shape: Sequence[int], feature_dim: int):
        channels, height, width = shape
        if min(height, width) < 4:
            raise ValueError("height and width must be at least 4")
        super().__init__(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(32 * (height // 4) * (width // 4), feature_dim), nn.ReLU(),
        )  # fmt: skip
