"""The module that runs a fusion inside a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from asgml.lab.errors import InputError
from asgml.lab.fusions._base import Fusion
from asgml.lab.fusions.concat import Concat
from asgml.lab.parts.module import PartModule

if TYPE_CHECKING:
    from asgml.lab.fusions._base import Of


class FusionModule(PartModule):
    """Modality -> feature (B, D), of all modalities, into logits (B, C).

    Its parameters are named as the fusion's modules are: `head.weight`.
    """

    def __init__(self, fusion: Fusion, modalities: Sequence[str], feature_dim: int, classes: int):
        super().__init__(fusion.modules(modalities, feature_dim, classes))
        self.settings, self.modalities, self.feature_dim = fusion, tuple(modalities), feature_dim

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        return self.settings.logits(self, features)

    def unimodal(self, monitor: type[Of], **settings: Any) -> Of:
        """Return a monitor of a modality's own logits, by the fusion's rule."""
        return self.settings.scored(self, monitor, settings)


def build_fusion(fusion: Fusion, modalities: Sequence[str], feature_dim: int, classes: int) -> FusionModule:
    """Return the module of a fusion; for one modality alone, which has nothing to fuse, a linear layer.

    Raises:
        InputError: the fusion does not work with these modalities.
    """
    if len(modalities) == 1:
        return FusionModule(Concat(), modalities, feature_dim, classes)
    if refusal := fusion.refusal(modalities, feature_dim):
        raise InputError(refusal)
    return FusionModule(fusion, modalities, feature_dim, classes)
