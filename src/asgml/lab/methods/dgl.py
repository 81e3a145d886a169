"""Disentangled gradient learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml.lab.training.objectives import Objective


class Dgl(Method):
    """Disentangled gradient learning: encoders learn from unimodal losses alone, the fusion from the fused loss alone."""

    cites: ClassVar[tuple[str, ...]] = ("wei2025boosting",)
    kind: Literal["dgl"] = "dgl"
    alpha: float = Field(default=1.0, gt=0)
    """Weight of the unimodal losses: under SGD, a factor on the encoders' learning rates."""

    def objective(self) -> Objective:
        """Return the two kinds of losses, each for its own weights."""
        from asgml.lab.training.objectives import Disentangled

        return Disentangled(self.alpha)
