"""Larger steps for weaker modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Boost(Method):
    """Weaker modalities take larger steps, by their probes: 1 + alpha times how far they lag, at most scale_max."""

    kind: Literal["boost"] = "boost"
    alpha: float = Field(default=0.5, gt=0)
    scale_max: float = Field(default=2.0, ge=1)
    normalise: Literal["absolute", "gap"] = "absolute"
    """absolute: fades as the gap closes; gap: the weakest always gets 1 + alpha (ASGML's research code)."""
    reference: float = Field(default=0.1, gt=0)
    """The lag (share) at which `absolute` gives 1 + alpha."""
    inertia: float = Field(default=0.0, ge=0, lt=1)

    def recipe(self, context: Context) -> Recipe:
        """Scale up whoever lags."""
        from asgml import recipes
        from asgml.monitors import Probe

        return recipes.boost(Probe(context.classes), **self.model_dump(exclude={"kind"}))
