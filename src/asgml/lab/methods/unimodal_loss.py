"""Own heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml.lab.training.objectives import Objective


class UnimodalLoss(Method):
    """Adds gamma times the sum of the cross-entropies of one own linear head per modality."""

    kind: Literal["unimodal_loss"] = "unimodal_loss"
    gamma: float = Field(gt=0)

    def objective(self) -> Objective:
        """Return the sum of the heads' losses."""
        from asgml.lab.training.objectives import Unimodal

        return Unimodal(self.gamma)
