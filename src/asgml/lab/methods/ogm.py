"""On-the-fly gradient modulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asgml.lab.methods._modulation import Modulation

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context


class Ogm(Modulation):
    """On-the-fly gradient modulation: the encoder that is surer of the true class takes steps 1 - tanh(alpha rho) as large."""

    kind: Literal["ogm"] = "ogm"

    def recipe(self, context: Context) -> Recipe:
        """Scale down the surer encoder."""
        from asgml import recipes
        from asgml.lab.methods._signals import score

        return recipes.ogm(score(context), self.alpha, self.scope, *self.window(context))
