"""An encoder that stops learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Frozen(Method):
    """A control: a modality's encoder no longer learns after `after` epochs; 0: it stays as it was initialised."""

    kind: Literal["frozen"] = "frozen"
    modality: str
    after: int = Field(default=0, ge=0)

    def recipe(self, context: Context) -> Recipe:
        """Skip for ever from an epoch on."""
        from asgml import Recipe
        from asgml.interventions import Skip
        from asgml.policies import Between, Constant

        always = Constant({self.modality: True})
        return Recipe(act=(Skip(Between(always, self.after * context.steps_per_epoch)),))
