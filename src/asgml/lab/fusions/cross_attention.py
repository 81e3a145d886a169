"""Tokens of every modality attend to those of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.fusions._base import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._module import FusionModule


class CrossAttention(Fusion):
    """Each feature is cut into tokens, which attend to those of all other modalities; then side by side, one linear layer.

    Layer norm follows the sum of a token and what it attends to, as in a transformer's layer (Vaswani et al., NeurIPS 2017).
    Encoders hand over one vector, so tokens are parts of it: attention between whole vectors of two modalities would have
    nothing to choose from.
    """

    kind: Literal["cross_attention"] = "cross_attention"
    tokens: int = Field(default=4, ge=1)
    """Tokens per feature, of D / tokens numbers each. With one token and two modalities there is nothing to choose from."""
    heads: int = Field(default=2, ge=1)

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse a feature that cannot be cut so."""
        cuts = self.tokens * self.heads
        if feature_dim % cuts == 0:
            return None
        return f"`model.feature_dim`: must be a multiple of cross_attention's tokens x heads, {cuts}, found {feature_dim}"

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return attention and layer norm per modality, and the head."""
        from torch import nn

        width = feature_dim // self.tokens
        attend = nn.ModuleDict({m: nn.MultiheadAttention(width, self.heads, batch_first=True) for m in modalities})
        norm = nn.ModuleDict({m: nn.LayerNorm(width) for m in modalities})
        return {"attend": attend, "norm": norm, "head": nn.Linear(len(modalities) * feature_dim, classes)}

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        import torch

        cut = {m: features[m].reshape(len(features[m]), self.tokens, -1) for m in modules.modalities}
        joined = torch.cat([self._attended(modules, m, cut) for m in modules.modalities], 1)
        logits: Tensor = modules.head(joined)
        return logits

    def _attended(self, modules: FusionModule, modality: str, cut: Mapping[str, Tensor]) -> Tensor:
        import torch

        others = torch.cat([cut[m] for m in modules.modalities if m != modality], 1)
        heard, _ = modules.attend[modality](cut[modality], others, others, need_weights=False)
        found: Tensor = modules.norm[modality](cut[modality] + heard)
        return found.flatten(1)
