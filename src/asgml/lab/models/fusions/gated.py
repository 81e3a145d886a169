"""One modality gates the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from asgml.lab.models.fusions._base import Fusion


class Gated(Fusion):
    """Logits of sigmoid(U a) * (V b), element by element, for the first modality's feature a and the second's b.

    Kiela et al., Efficient Large-Scale Multi-Modal Classification, AAAI 2018; the OGM-GE line has the same.
    """

    def __init__(self, modalities: Sequence[str], feature_dim: int, classes: int):
        super().__init__(modalities)
        self.gate = nn.Linear(feature_dim, feature_dim)
        self.value = nn.Linear(feature_dim, feature_dim)
        self.head = nn.Linear(feature_dim, classes)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        a, b = (features[m] for m in self.modalities)
        logits: Tensor = self.head(self.gate(a).sigmoid() * self.value(b))
        return logits
