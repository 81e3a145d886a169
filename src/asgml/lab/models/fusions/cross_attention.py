"""Tokens of every modality attend to those of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from asgml.lab.models.fusions._base import Fusion


class CrossAttention(Fusion):
    """Each feature (B, D), cut into tokens (B, N, D / N), plus what it attends to in the others' tokens; then a linear layer.

    Layer norm follows the sum, as in a transformer's layer (Vaswani et al., NeurIPS 2017). Encoders hand over one vector, so
    tokens are parts of it: attention between whole vectors of two modalities would have nothing to choose from.
    """

    def __init__(self, modalities: Sequence[str], feature_dim: int, classes: int, tokens: int, heads: int):
        super().__init__(modalities)
        self.tokens, width = tokens, feature_dim // tokens
        self.attend = nn.ModuleDict({m: nn.MultiheadAttention(width, heads, batch_first=True) for m in self.modalities})
        self.norm = nn.ModuleDict({m: nn.LayerNorm(width) for m in self.modalities})
        self.head = nn.Linear(len(self.modalities) * feature_dim, classes)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        cut = {m: features[m].reshape(len(features[m]), self.tokens, -1) for m in self.modalities}
        joined = torch.cat([self._attended(m, cut) for m in self.modalities], 1)
        logits: Tensor = self.head(joined)
        return logits

    def _attended(self, modality: str, cut: Mapping[str, Tensor]) -> Tensor:
        others = torch.cat([cut[m] for m in self.modalities if m != modality], 1)
        heard, _ = self.attend[modality](cut[modality], others, others, need_weights=False)
        found: Tensor = self.norm[modality](cut[modality] + heard)
        return found.flatten(1)
