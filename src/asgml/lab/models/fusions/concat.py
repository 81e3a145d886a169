"""Concatenation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asgml.lab.models.fusions._base import Fusion, Of


class Concat(Fusion):
    """Features side by side, one linear layer."""

    def __init__(self, modalities: Sequence[str], feature_dim: int, classes: int):
        super().__init__(modalities)
        self.widths = dict.fromkeys(self.modalities, feature_dim)
        self.head = nn.Linear(sum(self.widths.values()), classes)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        logits: Tensor = self.head(torch.cat([features[m] for m in self.modalities], 1))
        return logits

    def unimodal(self, diagnostic: type[Of], **settings: Any) -> Of:
        """Split the layer: h_m W_m^T + b / M, which add up to the fused logits."""
        return diagnostic.split(self.head, self.widths, **settings)
