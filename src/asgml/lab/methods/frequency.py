"""An encoder that is skipped on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method
from asgml.lab.parts.words import percent

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Frequency(Method):
    """One of every k updates of a modality's encoder is skipped (rule `one_in`), or all but one (rule `every`)."""

    kind: Literal["frequency"] = "frequency"
    modality: str
    k: int = Field(ge=2)
    phase: int = 0
    rule: Literal["one_in", "every"] = "one_in"

    def recipe(self, context: Context) -> Recipe:
        """Skip on schedule, by either rule."""
        from asgml import Recipe, recipes
        from asgml.interventions import Skip
        from asgml.policies import EveryK

        if self.rule == "every":
            return Recipe(act=(Skip(EveryK(self.k, self.modality, self.phase)),))
        return recipes.frequency(self.modality, self.k, self.phase)

    def in_words(self) -> str:
        """Return which updates are skipped, and their share."""
        if self.rule == "every":
            skipped = percent(1 - 1 / self.k)
            return f"the encoder of {self.modality} is updated once every {self.k} updates (skips {skipped})"
        return f"one of every {self.k} updates of the encoder of {self.modality} is skipped ({percent(1 / self.k)})"

    def softer(self) -> str:
        """Return rules that skip fewer updates, with the shares that they skip."""
        k, of = self.k, f"of the updates of {self.modality}"
        if self.rule == "one_in":
            first, second = (f"k={n} (skips {percent(1 / n)}" for n in (k + 1, k + 2))
            return f"{first} {of}) and {second}) instead of k={k} ({percent(1 / k)})"
        if k > 2:
            return f"k={k - 1} (skips {percent(1 - 1 / (k - 1))} {of}) instead of k={k} ({percent(1 - 1 / k)})"
        return f"rule one_in with k=3 (skips {percent(1 / 3)} {of}) instead of every second one"
