"""A transformer for sequences of features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asgml.lab.models.encoders.padding import mean_over, real_steps
from asgml.lab.models.encoders.projection import projection


class Transformer(nn.Module):
    """Sequences (B, T, N) -> (B, D): linear layer plus learnt positions, pre-norm layers, the mean over the real steps.

    Padding is masked: what stands beside a sequence in its batch changes nothing (Vaswani et al., NeurIPS 2017).
    """

    def __init__(self, shape: Sequence[int], feature_dim: int, hidden: int, layers: int, heads: int, dropout: float):
        super().__init__()
        steps, width = shape
        self.embed = nn.Linear(width, hidden)
        self.positions = nn.Parameter(0.02 * torch.randn(steps, hidden))
        layer = nn.TransformerEncoderLayer(hidden, heads, 4 * hidden, dropout, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(hidden), enable_nested_tensor=False)
        self.project = projection(hidden, feature_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        real = real_steps(x)
        seen = self.layers(self.embed(x) + self.positions, src_key_padding_mask=~real)
        feature: Tensor = self.project(mean_over(seen, real))
        return feature
