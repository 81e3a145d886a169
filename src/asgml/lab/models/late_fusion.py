"""The model of every experiment so far: encoders side by side, and a fusion of their features."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from asgml.lab.config import Model
from asgml.lab.encoders._module import build_encoder
from asgml.lab.fusions._module import build_fusion
from asgml.lab.models.modal import Modal, mask_of
from asgml.lab.models.transforms import Transform
from asgml.lab.training.seeding import seeded


class LateFusion(nn.Module):
    """Features (B, D) of M encoders, fused into logits (B, C). Every encoder is initialised from a seed of its own.

    A sample that lacks a modality has a feature of zeros for it: the encoder does not see the sample, nor do its statistics.
    """

    def __init__(self, samples: Mapping[str, Tensor], model: Model, classes: int, seed: int):
        super().__init__()
        self.encoders = nn.ModuleDict()
        self.width = model.feature_dim
        for modality, x in samples.items():
            with seeded(seed, "encoder", modality):
                self.encoders[modality] = _encoder(modality, model, x)
        with seeded(seed, "head"):
            self.fusion = build_fusion(model.fusion, list(samples), model.feature_dim, classes)
        self.transform = Transform()
        """What features pass between encoders and fusion while training."""

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits (B, C) and modality -> feature (B, D), as the encoders made it."""
        features = Modal({m: self._feature(m, inputs) for m in self.encoders}, getattr(inputs, "present", None))
        return self.fused(self.transform(features) if self.training else features), features

    def _feature(self, modality: str, inputs: Mapping[str, Tensor]) -> Tensor:
        encoder, mask = self.encoders[modality], mask_of(inputs, modality)
        if mask is None:
            made: Tensor = encoder(inputs[modality])
            return made
        if not mask.any():
            return next(self.fusion.parameters()).new_zeros(len(mask), self.width)
        feature: Tensor = encoder(inputs[modality][mask])
        return feature.new_zeros(len(mask), self.width).index_put((mask.nonzero()[:, 0],), feature)

    def fused(self, features: Mapping[str, Tensor], *, head_detached: bool = False) -> Tensor:
        """Return logits (B, C) for the features of all modalities; no gradient reaches the weights of a detached head."""
        if not head_detached:
            return self.fusion(features)  # type: ignore[no-any-return]
        weights = {name: p.detach() for name, p in self.fusion.named_parameters()}
        logits: Tensor = torch.func.functional_call(self.fusion, weights, (features,))
        return logits

    def zero_feature_logits(self, features: Mapping[str, Tensor], modality: str, *, head_detached: bool = False) -> Tensor:
        """Return what the fusion says of one modality's feature while every other feature is zero: biases included in full."""
        kept = {m: f if m == modality else torch.zeros_like(f) for m, f in features.items()}
        return self.fused(kept, head_detached=head_detached)


def _encoder(modality: str, model: Model, x: Tensor) -> nn.Module:
    chosen = model.encoders.get(modality)
    return build_encoder(modality, chosen, x.shape[1:], model.feature_dim, is_text=not x.is_floating_point())
