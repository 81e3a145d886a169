"""Addition of logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asgml.lab.fusions._base import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._base import Of
    from asgml.lab.fusions._module import FusionModule


class Sum(Fusion):
    """A linear layer with a bias per modality; their logits are added up."""

    unimodal: ClassVar[Literal["split"]] = "split"
    kind: Literal["sum"] = "sum"

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return one linear layer per modality."""
        from torch import nn

        return {"heads": nn.ModuleDict({m: nn.Linear(feature_dim, classes) for m in modalities})}

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        first, *others = (modules.heads[m](features[m]) for m in modules.modalities)
        logits: Tensor = sum(others, first)
        return logits

    def scored(self, modules: FusionModule, monitor: type[Of], settings: Mapping[str, Any]) -> Of:
        """Split the sum: each layer with its own bias; they add up to the fused logits."""
        return monitor(dict(modules.heads.items()), kind="split", **settings)
