"""A small CNN for images and spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asgml.lab.encoders._base import Encoder, Sample

if TYPE_CHECKING:
    from torch import Tensor


class Cnn(Encoder):
    """Two 3x3 convolutions with pooling, and a linear layer: for small images and spectrograms.

    (B, C, H, W) -> (B, D): convolution, ReLU, 2x2 pooling, twice; then a linear layer, ReLU.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")
    kind: Literal["cnn"] = "cnn"

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the layers in their order, named by their numbers."""
        from torch import nn

        channels, height, width = shape
        if min(height, width) < 4:
            raise ValueError("height and width must be at least 4")
        first = [nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        second = [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        last = [nn.Flatten(), nn.Linear(32 * (height // 4) * (width // 4), feature_dim), nn.ReLU()]
        return {str(n): layer for n, layer in enumerate([*first, *second, *last])}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        for layer in modules.children():
            x = layer(x)
        return x
