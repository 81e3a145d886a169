"""Fusions: the features of all modalities in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from asgml.lab.config import Model
from asgml.lab.errors import InputError
from asgml.lab.models.fusions._base import Fusion
from asgml.lab.models.fusions.concat import Concat
from asgml.lab.models.fusions.cross_attention import CrossAttention
from asgml.lab.models.fusions.film import Film
from asgml.lab.models.fusions.gated import Gated
from asgml.lab.models.fusions.sum import Sum

__all__ = ["BUILT_IN", "Fusion", "build_fusion"]

BUILT_IN: Mapping[str, Callable[..., Fusion]] = {
    "concat": Concat, "sum": Sum, "film": Film, "gated": Gated, "cross_attention": CrossAttention,
}  # fmt: skip
"""Each is called with the modalities, `feature_dim`, the number of classes and its settings."""


def build_fusion(modalities: Sequence[str], model: Model, classes: int) -> Fusion:
    """Return the fusion that the experiment names; for one modality alone, which has nothing to fuse, a linear layer."""
    if len(modalities) == 1:
        return Concat(modalities, model.feature_dim, classes)
    if refusal := model.fusion.refusal(modalities, model.feature_dim):
        raise InputError(refusal)
    return BUILT_IN[model.fusion.kind](modalities, model.feature_dim, classes, **model.fusion.arguments)
