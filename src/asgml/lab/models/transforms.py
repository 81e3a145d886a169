"""What happens to features between encoders and fusion, in training only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Transform(nn.Module):
    """The plain one: features pass as they are."""

    def forward(self, features: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return modality -> feature (B, ...)."""
        return features


class ModalityDropout(Transform):
    """Zeroes each sample's feature of a modality with its probability; a sample that would lose all keeps a random one.

    `p` is modality -> probability; a modality without one is never dropped. Features are not rescaled (Neverova et al., 2016).
    """

    def __init__(self, p: Mapping[str, float]):
        super().__init__()
        self.p = dict(p)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return modality -> feature (B, ...), rows dropped or whole."""
        rows = len(next(iter(features.values())))
        odds = torch.tensor([self.p.get(m, 0.0) for m in features])
        kept = torch.rand(rows, len(features)) >= odds
        saved = torch.randint(len(features), (rows,))
        kept[~kept.any(1), saved[~kept.any(1)]] = True
        masks = zip(features.items(), kept.T, strict=True)
        return {m: x * k.to(x).reshape(-1, *[1] * (x.ndim - 1)) for (m, x), k in masks}
