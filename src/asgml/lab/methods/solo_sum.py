"""Models trained apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml.lab.training.objectives import Objective


class SoloSum(Method):
    """A control: models of one modality each, trained apart; their logits are added up."""

    kind: Literal["solo_sum"] = "solo_sum"

    def objective(self) -> Objective:
        """Return the sum of the unimodal models' losses."""
        from asgml.lab.training import objectives

        return objectives.SoloSum()
