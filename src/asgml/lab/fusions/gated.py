"""One modality gates the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from asgml.lab.fusions._base import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._module import FusionModule


class Gated(Fusion):
    """The first modality gates the second (Kiela et al., AAAI 2018): logits of sigmoid(U a) * (V b); two modalities only.

    Element by element, for the first modality's feature a and the second's b, as in the OGM-GE line.
    """

    kind: Literal["gated"] = "gated"

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse three modalities and more."""
        if len(modalities) == 2:
            return None
        found = ", ".join(modalities)
        return f"`model.fusion`: gated joins two modalities, found {found}; take concat, sum, film or cross_attention"

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return U, V and the head."""
        from torch import nn

        gate, value = nn.Linear(feature_dim, feature_dim), nn.Linear(feature_dim, feature_dim)
        return {"gate": gate, "value": value, "head": nn.Linear(feature_dim, classes)}

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        a, b = (features[m] for m in modules.modalities)
        logits: Tensor = modules.head(modules.gate(a).sigmoid() * modules.value(b))
        return logits
