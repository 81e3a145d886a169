"""Old gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Staleness(Method):
    """A modality's encoder learns from the gradient computed `tau` updates ago."""

    kind: Literal["staleness"] = "staleness"
    modality: str
    tau: int = Field(ge=0)
    warmup: Literal["hold", "fresh"] = "hold"
    damping: float = Field(default=0.0, ge=0)

    def recipe(self, context: Context) -> Recipe:
        """Learn from old gradients."""
        from asgml import recipes

        return recipes.staleness(self.modality, self.tau, self.warmup, self.damping)

    def in_words(self) -> str:
        """Return how old the gradients are, and how they are handled."""
        how = f"warmup {self.warmup}, damping {self.damping}"
        return f"the encoder of {self.modality} learns from the gradient computed {self.tau} updates ago ({how})"

    def softer(self) -> str | None:
        """Return one update less."""
        return f"tau={self.tau - 1} instead of tau={self.tau} on {self.modality}" if self.tau > 1 else None
