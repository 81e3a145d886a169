"""A random encoder that is skipped on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class RandomSide(Method):
    """A control: at one of every k updates one encoder, drawn at random, is skipped."""

    kind: Literal["random_side"] = "random_side"
    k: int = Field(default=2, ge=2)

    def recipe(self, context: Context) -> Recipe:
        """Skip a random one on schedule."""
        from asgml import Recipe, policies
        from asgml.interventions import Skip

        return Recipe(act=(Skip(policies.RandomSide(context.modalities, self.k, context.seed)),))
