"""The fusions that a model may have: a new kind is one class here and its module in `lab.models.fusions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from asgml.lab.config.named import AsWritten, Named
from asgml.lab.errors import did_you_mean


class FusionSettings(Named):
    """Features (B, D) of two modalities or more in, logits (B, C) out; one modality alone gets a linear layer."""

    unimodal: ClassVar[Literal["split", "zero_feature"]]
    """The rule by which it gives a modality's own logits, for what scores these."""

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Return what is wrong with it for these modalities, if anything is."""
        return None


class Concat(FusionSettings):
    """Features side by side, one linear layer."""

    unimodal: ClassVar[Literal["split"]] = "split"
    kind: Literal["concat"] = "concat"


class Sum(FusionSettings):
    """A linear layer with a bias per modality; their logits are added up."""

    unimodal: ClassVar[Literal["split"]] = "split"
    kind: Literal["sum"] = "sum"


class Film(FusionSettings):
    """Feature-wise linear modulation (Perez et al., AAAI 2018): one feature is scaled and shifted by what the others say."""

    unimodal: ClassVar[Literal["zero_feature"]] = "zero_feature"
    kind: Literal["film"] = "film"
    conditioned: str | None = None
    """The modality whose feature is scaled and shifted; None: the data set's last."""

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse a modality that is not there."""
        if self.conditioned is None or self.conditioned in modalities:
            return None
        hint = did_you_mean(self.conditioned, modalities)
        return f"`model.fusion.film.conditioned`: must be a modality, found {self.conditioned!r}{hint}"


class Gated(FusionSettings):
    """The first modality gates the second (Kiela et al., AAAI 2018): logits of sigmoid(U a) * (V b); two modalities only."""

    unimodal: ClassVar[Literal["zero_feature"]] = "zero_feature"
    kind: Literal["gated"] = "gated"

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse three modalities and more."""
        if len(modalities) == 2:
            return None
        return (
            f"`model.fusion`: gated joins two modalities, found {', '.join(modalities)}; take concat, sum, film or "
            "cross_attention"
        )


class CrossAttention(FusionSettings):
    """Each feature is cut into tokens, which attend to those of all other modalities; then side by side, one linear layer."""

    unimodal: ClassVar[Literal["zero_feature"]] = "zero_feature"
    kind: Literal["cross_attention"] = "cross_attention"
    tokens: int = Field(default=4, ge=1)
    """Tokens per feature, of D / tokens numbers each. With one token and two modalities there is nothing to choose from."""
    heads: int = Field(default=2, ge=1)

    def refusal(self, modalities: Sequence[str], feature_dim: int) -> str | None:
        """Refuse a feature that cannot be cut so."""
        if feature_dim % (self.tokens * self.heads) == 0:
            return None
        return (
            f"`model.feature_dim`: must be a multiple of cross_attention's tokens x heads, {self.tokens * self.heads}, "
            f"found {feature_dim}"
        )


Kinds = Concat | Sum | Film | Gated | CrossAttention
BUILT_IN: dict[str, type[FusionSettings]] = {model.model_fields["kind"].default: model for model in Kinds.__args__}
"""Kind -> its model, in the order in which `asgml list fusions` shows them."""

Fusion = Annotated[Annotated[Kinds, Field(discriminator="kind")], AsWritten]
