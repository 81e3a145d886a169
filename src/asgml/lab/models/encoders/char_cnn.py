"""A small CNN for text."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

CHARACTERS = 128


class CharCnn(nn.Module):
    """Character ids (B, L), 0 for padding -> (B, D): embedding, width-3 convolution, maximum over L, linear layer, ReLU."""

    def __init__(self, shape: Sequence[int], feature_dim: int):
        super().__init__()
        self.embed = nn.Embedding(CHARACTERS, 16, padding_idx=0)
        self.convolve = nn.Conv1d(16, 32, 3, padding=1)
        self.project = nn.Linear(32, feature_dim)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (B, D)."""
        seen: Tensor = self.convolve(self.embed(ids).transpose(1, 2)).relu().amax(2)
        projected: Tensor = self.project(seen)
        return projected.relu()
