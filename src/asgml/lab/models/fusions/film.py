"""Feature-wise linear modulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from asgml.lab.models.fusions._base import Fusion


class Film(Fusion):
    """Logits of gamma * h + beta, where h is one feature and (gamma, beta) a linear layer of all others side by side.

    Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, AAAI 2018 (eq. 2); for two modalities, with the
    first conditioning the second, it is the FiLM of the OGM-GE line. `conditioned` None: the last modality.
    """

    def __init__(self, modalities: Sequence[str], feature_dim: int, classes: int, conditioned: str | None):
        super().__init__(modalities)
        self.conditioned = self.modalities[-1] if conditioned is None else conditioned
        self.others = tuple(m for m in self.modalities if m != self.conditioned)
        self.modulate = nn.Linear(len(self.others) * feature_dim, 2 * feature_dim)
        self.head = nn.Linear(feature_dim, classes)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        gamma, beta = self.modulate(torch.cat([features[m] for m in self.others], 1)).chunk(2, 1)
        logits: Tensor = self.head(gamma * features[self.conditioned] + beta)
        return logits
