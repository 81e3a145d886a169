"""More epochs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.methods._base import Method


class Longer(Method):
    """Trains `factor` times as many epochs, schedule and all: what a cheaper update may be spent on."""

    kind: Literal["longer"] = "longer"
    factor: float = Field(gt=0)

    @property
    def epoch_factor(self) -> float:
        """Return the factor."""
        return self.factor
