"""Asynchronous updates by gradient norms and losses together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class DualSignal(Method):
    """Slows whoever is faster in gradient norm and loss descent together (S = beta G + (1 - beta) D)."""

    kind: Literal["dual_signal"] = "dual_signal"
    drive: Literal["frequency", "staleness"] = "frequency"
    beta: float = Field(default=0.5, ge=0, le=1)
    window: int = Field(default=10, ge=2)
    """Updates over which the descent of each modality's loss is taken."""
    tau_base: float = Field(default=1.0, gt=0)
    tau_max: int = Field(default=8, ge=1)
    kappa: float = Field(default=3.0, ge=1)
    """No modality is staler than kappa times the freshest."""

    def recipe(self, context: Context) -> Recipe:
        """Let gradient norms and losses decide."""
        from asgml import recipes
        from asgml.monitors import LossDescent

        context.need_classes()
        losses = context.model.fusion.unimodal(LossDescent, window=self.window)
        return recipes.dual_signal(losses, **self.model_dump(exclude={"kind", "window"}))
