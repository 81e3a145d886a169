"""Another learning rate for one encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.methods._base import Method


class LearningRate(Method):
    """A control: an encoder's learning rate times `factor`."""

    kind: Literal["learning_rate"] = "learning_rate"
    modality: str | None = None
    """None: the whole model's."""
    factor: float = Field(gt=0)

    def rates(self) -> dict[str | None, float]:
        """Return the factor."""
        return {self.modality: self.factor}
