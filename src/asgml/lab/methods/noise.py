"""Noise on gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method
from asgml.lab.methods._modulation import Scope

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Noise(Method):
    """Gaussian noise on an encoder's gradients, `factor` times each tensor's own standard deviation."""

    kind: Literal["noise"] = "noise"
    modality: str | None = None
    """None: every encoder."""
    factor: float = Field(default=1.0, ge=0)
    scope: Scope = "weights"

    def recipe(self, context: Context) -> Recipe:
        """Add noise to gradients."""
        from asgml import Recipe, interventions

        by = dict.fromkeys(context.concerned(self.modality), self.factor)
        return Recipe(act=(interventions.Noise(by, self.scope, context.seed),))
