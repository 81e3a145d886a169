"""Asynchronous updates by what was measured."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from asgml.lab.config.methods._base import MethodEntry

Signal = Literal["probe", "validation_probe", "score", "generalisation_gap", "loss_descent"]
HELD_OUT = ("validation_probe", "generalisation_gap")
"""Signals that need samples which are not trained on: those of the `steer` split."""


class Adaptive(MethodEntry):
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


class Auto(MethodEntry):
    """Adaptive frequency that needs no choice: slows whoever learns its training samples by heart the most."""

    kind: Literal["auto"] = "auto"
    threshold: float = Field(default=0.1, ge=0)
    """In shares of samples, 0-1."""

    @property
    def steered(self) -> bool:
        """It needs held-out samples."""
        return True


class DualSignal(MethodEntry):
    """Slows whoever is faster in gradient norm and loss descent together (S = beta G + (1 - beta) D)."""

    kind: Literal["dual_signal"] = "dual_signal"
    drive: Literal["frequency", "staleness"] = "frequency"
    beta: float = Field(default=0.5, ge=0, le=1)
    window: int = Field(default=10, ge=2)
    """Updates over which the descent of each modality's loss is taken."""
    tau_base: float = Field(default=1.0, gt=0)
    tau_max: int = Field(default=8, ge=1)
    kappa: float = Field(default=3.0, ge=1)
    """No modality is staler than kappa times the freshest."""
