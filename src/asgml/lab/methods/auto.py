"""Adaptive frequency without a choice to make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Auto(Method):
    """Adaptive frequency that needs no choice: slows whoever learns its training samples by heart the most."""

    kind: Literal["auto"] = "auto"
    threshold: float = Field(default=0.1, ge=0)
    """In shares of samples, 0-1."""

    @property
    def steered(self) -> bool:
        """It needs held-out samples."""
        return True

    def recipe(self, context: Context) -> Recipe:
        """Slow the modality that memorises most."""
        from asgml import recipes
        from asgml.lab.methods._signals import encoders, rarely

        batches = (context.fitted, context.steer)
        return recipes.auto(context.classes, encoders(context), *batches, rarely(context), self.threshold)
