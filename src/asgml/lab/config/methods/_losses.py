"""What is differentiated, and what the fusion sees."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from asgml.lab.config.methods._base import MethodEntry


class UnimodalLoss(MethodEntry):
    """Adds gamma times the sum of the cross-entropies of one own linear head per modality."""

    kind: Literal["unimodal_loss"] = "unimodal_loss"
    gamma: float = Field(gt=0)


class Dgl(MethodEntry):
    """Disentangled gradient learning: encoders learn from unimodal losses alone, the fusion from the fused loss alone."""

    cites: ClassVar[tuple[str, ...]] = ("wei2025boosting",)
    kind: Literal["dgl"] = "dgl"
    alpha: float = Field(default=1.0, gt=0)
    """Weight of the unimodal losses: under SGD, a factor on the encoders' learning rates."""


class ModalityDropout(MethodEntry):
    """Per sample and modality, the feature is zeroed with probability p while training; one always stays."""

    cites: ClassVar[tuple[str, ...]] = ("neverova2016moddrop",)
    kind: Literal["modality_dropout"] = "modality_dropout"
    modality: str | None = None
    """None: every modality."""
    p: float = Field(ge=0, lt=1)
