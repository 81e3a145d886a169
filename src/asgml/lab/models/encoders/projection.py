"""From an encoder's own width to the experiment's feature size."""

from __future__ import annotations

from torch import nn


def projection(width: int, feature_dim: int) -> nn.Module:
    """Return a linear layer, or nothing where the width already is the feature size D."""
    return nn.Identity() if width == feature_dim else nn.Linear(width, feature_dim)
