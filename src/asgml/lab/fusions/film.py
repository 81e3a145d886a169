"""Feature-wise linear modulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from asgml.lab.errors import did_you_mean, short
from asgml.lab.fusions._base import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._module import FusionModule


class Film(Fusion):
    """Feature-wise linear modulation (Perez et al., AAAI 2018): one feature is scaled and shifted by what the others say.

    Logits of gamma * h + beta, where h is one feature and (gamma, beta) a linear layer of all others side by side (eq. 2); for
    two modalities, with the first conditioning the second, it is the FiLM of the OGM-GE line.
    """

    kind: Literal["film"] = "film"
    conditioned: str | None = None
    """The modality whose feature is scaled and shifted; None: the data set's last."""

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse a modality that is not there."""
        if self.conditioned is None or self.conditioned in modalities:
            return None
        hint = did_you_mean(self.conditioned, modalities)
        return f"`model.fusion.film.conditioned`: must be a modality, found {short(self.conditioned)}{hint}"

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return the layer that says gamma and beta, and the head."""
        from torch import nn

        others = len(modalities) - 1
        modulate = nn.Linear(others * feature_dim, 2 * feature_dim)
        return {"modulate": modulate, "head": nn.Linear(feature_dim, classes)}

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        import torch

        conditioned = modules.modalities[-1] if self.conditioned is None else self.conditioned
        others = [features[m] for m in modules.modalities if m != conditioned]
        gamma, beta = modules.modulate(torch.cat(others, 1)).chunk(2, 1)
        logits: Tensor = modules.head(gamma * features[conditioned] + beta)
        return logits
