"""Concatenation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asgml.lab.fusions._base import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._base import Of
    from asgml.lab.fusions._module import FusionModule


class Concat(Fusion):
    """Features side by side, one linear layer."""

    unimodal: ClassVar[Literal["split"]] = "split"
    kind: Literal["concat"] = "concat"

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return the linear layer over all features."""
        from torch import nn

        return {"head": nn.Linear(len(modalities) * feature_dim, classes)}

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        import torch

        logits: Tensor = modules.head(torch.cat([features[m] for m in modules.modalities], 1))
        return logits

    def scored(self, modules: FusionModule, monitor: type[Of], settings: Mapping[str, Any]) -> Of:
        """Split the layer: h_m W_m^T + b / M, which add up to the fused logits."""
        return monitor.split(modules.head, dict.fromkeys(modules.modalities, modules.feature_dim), **settings)
