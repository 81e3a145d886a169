"""Addition of logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from asgml.lab.models.fusions._base import Fusion, Of


class Sum(Fusion):
    """A linear layer with a bias per modality; their logits are added up."""

    def __init__(self, modalities: Sequence[str], feature_dim: int, classes: int):
        super().__init__(modalities)
        self.heads = nn.ModuleDict({m: nn.Linear(feature_dim, classes) for m in self.modalities})

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        first, *others = (self.heads[m](features[m]) for m in self.modalities)
        logits: Tensor = sum(others, first)
        return logits

    def unimodal(self, diagnostic: type[Of], **settings: Any) -> Of:
        """Split the sum: each layer with its own bias; they add up to the fused logits."""
        return diagnostic(dict(self.heads.items()), kind="split", **settings)
