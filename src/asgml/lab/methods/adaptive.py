"""Asynchronous updates by what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context

Signal = Literal["probe", "validation_probe", "score", "generalisation_gap", "loss_descent"]
HELD_OUT = ("validation_probe", "generalisation_gap")
"""Signals that need samples which are not trained on: those of the `steer` split."""


class Adaptive(Method):
    """Slows whoever is ahead in a signal by more than a threshold, the more the further ahead it is."""

    kind: Literal["adaptive"] = "adaptive"
    signal: Signal = "probe"
    drive: Literal["frequency", "staleness", "scale"] = "frequency"
    threshold: float = Field(default=0.1, ge=0)
    """In the signal's unit: shares 0-1 (nats for loss_descent)."""
    release: float | None = Field(default=None, ge=0)
    """Who was slowed goes on being slowed until its lead is below this; None: half the threshold."""
    k_max: int = Field(default=4, ge=2)
    tau_max: int = Field(default=4, ge=1)
    floor: float = Field(default=0.1, ge=0, le=1)
    full: float = Field(default=0.5, gt=0)
    """The lead at which tau_max, or the floor of the scale, is reached."""

    @property
    def steered(self) -> bool:
        """Whether its signal needs held-out samples."""
        return self.signal in HELD_OUT

    @model_validator(mode="after")
    def _released_below(self) -> Self:
        if self.release is not None and self.release > self.threshold:
            raise ValueError(f"release must be at most the threshold, {self.threshold}, found {self.release}")
        return self

    def recipe(self, context: Context) -> Recipe:
        """Let a signal decide."""
        from asgml import recipes
        from asgml.lab.methods._signals import SIGNALS

        settings = self.model_dump(exclude={"kind", "signal"})
        return recipes.adaptive(SIGNALS[self.signal](context), **settings)
