"""On-the-fly gradient modulation with generalisation enhancement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asgml.lab.methods._modulation import Modulation

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class OgmGe(Modulation):
    """OGM with generalisation enhancement: Gaussian noise of the gradients' own spread on every modality."""

    kind: Literal["ogm_ge"] = "ogm_ge"

    def recipe(self, context: Context) -> Recipe:
        """Scale down the surer encoder, and add noise."""
        from asgml import recipes
        from asgml.lab.methods._signals import score

        return recipes.ogm_ge(score(context), self.alpha, self.scope, *self.window(context), seed=context.seed)
