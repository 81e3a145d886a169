"""The base of all fusions: their settings, and the one module that runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from asgml.lab.parts.settings import Part

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._module import FusionModule
    from asgml.monitors import LossDescent, Score

    Of = TypeVar("Of", Score, LossDescent)


class Fusion(Part):
    """Features (B, D) of two modalities or more in, logits (B, C) out; one modality alone gets a linear layer.

    A fusion is its settings, the layers that it trains, and the sum that it makes with them.
    """

    unimodal: ClassVar[Literal["split", "zero_feature"]] = "zero_feature"
    """The rule by which it gives a modality's own logits, for what scores these."""

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Return what is wrong with it for these modalities, if anything is."""
        return None

    def check(self) -> None:
        """Raise InputError where something that it names is not there; nothing is trained or written before."""

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return name -> layer: what it trains, for features (B, feature_dim) of these modalities."""
        raise NotImplementedError

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C) of modality -> feature (B, D); `modules` has every layer under its name."""
        raise NotImplementedError

    def scored(self, modules: FusionModule, monitor: type[Of], settings: Mapping[str, Any]) -> Of:
        """Return a monitor of a modality's own logits: what the fusion says where every other feature is zero."""
        return monitor.zero_feature(modules, **settings)
