"""Two linear layers, for vectors and for sequences whose order may be lost."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from asgml.lab.models.encoders.padding import mean_over, real_steps


class Mlp(nn.Module):
    """Vectors (B, N), or sequences (B, T, N) by the mean over their real steps -> (B, D): linear, ReLU, linear, ReLU."""

    def __init__(self, shape: Sequence[int], feature_dim: int, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(shape[-1], hidden), nn.ReLU(), nn.Linear(hidden, feature_dim), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        feature: Tensor = self.layers(mean_over(x, real_steps(x)) if x.ndim == 3 else x)
        return feature
