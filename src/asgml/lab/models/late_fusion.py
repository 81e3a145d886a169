"""The model of every experiment so far: encoders side by side, their features joined, one linear layer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from asgml.lab.config import Model
from asgml.lab.models.encoders import build_encoder
from asgml.lab.models.modal import Modal, mask_of
from asgml.lab.models.transforms import Transform
from asgml.lab.training.seeding import seeded


class LateFusion(nn.Module):
    """Features (B, D) of M encoders, concatenated, into logits (B, C). Every encoder is initialised from a seed of its own.

    A sample that lacks a modality has a feature of zeros for it: the encoder does not see the sample, nor do its statistics.
    """

    def __init__(self, samples: Mapping[str, Tensor], model: Model, classes: int, seed: int):
        super().__init__()
        self.encoders = nn.ModuleDict()
        self.width = model.feature_dim
        for modality, x in samples.items():
            with seeded(seed, "encoder", modality):
                self.encoders[modality] = build_encoder(modality, model, x.shape[1:], not x.is_floating_point())
        with seeded(seed, "head"):
            self.head = nn.Linear(len(samples) * model.feature_dim, classes)

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
        whole = self.head.weight.new_zeros(len(mask), self.width)
        return whole.index_put((mask.nonzero()[:, 0],), encoder(inputs[modality][mask])) if mask.any() else whole

    def fused(self, features: Mapping[str, Tensor], *, head_detached: bool = False) -> Tensor:
        """Return logits (B, C) for the features of all modalities; no gradient reaches a detached head."""
        joined = torch.cat([features[m] for m in self.encoders], 1)
        weights = {name: p.detach() for name, p in self.head.named_parameters()} if head_detached else {}
        logits: Tensor = torch.func.functional_call(self.head, weights, joined) if weights else self.head(joined)
        return logits

    def zero_feature_logits(self, features: Mapping[str, Tensor], modality: str, *, head_detached: bool = False) -> Tensor:
        """Return what the head says of one modality's feature while every other feature is zero: bias included in full."""
        kept = {m: f if m == modality else torch.zeros_like(f) for m, f in features.items()}
        return self.fused(kept, head_detached=head_detached)
