"""What every fusion is: the features of some modalities in, logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor, nn

from asgml.diagnostics import LossDescent, Score

Of = TypeVar("Of", Score, LossDescent)


class Fusion(nn.Module, ABC):
    """Modality -> feature (B, D), of all modalities, into logits (B, C)."""

    def __init__(self, modalities: Sequence[str]):
        super().__init__()
        self.modalities = tuple(modalities)

    @abstractmethod
    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""

    def unimodal(self, diagnostic: type[Of], **settings: Any) -> Of:
        """Return a diagnostic of a modality's own logits: what the fusion says where every other feature is zero."""
        return diagnostic.zero_feature(self, **settings)
