"""Larger, smaller and noisier steps."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from asgml.lab.config.methods._base import MethodEntry

Scope = Literal["all", "weights", "conv"]


class _Modulation(MethodEntry):
    cites: ClassVar[tuple[str, ...]] = ("peng2022balanced", "wei2024onthefly")
    alpha: float = Field(gt=0)
    scope: Scope = "weights"
    """Which gradients: weights have 2 dimensions or more, conv 4 (as the released code); all: biases too."""
    start: int = Field(default=0, ge=0)
    """The first epoch, from 0, that is modulated."""
    stop: int | None = Field(default=None, ge=1)
    """The first epoch that no longer is; None: all are."""

    @model_validator(mode="after")
    def _some_epochs(self) -> Self:
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(f"stop must lie above start, {self.start}, found {self.stop}")
        return self


class Ogm(_Modulation):
    """On-the-fly gradient modulation: the encoder that is surer of the true class takes steps 1 - tanh(alpha rho) as large."""

    kind: Literal["ogm"] = "ogm"


class OgmGe(_Modulation):
    """OGM with generalisation enhancement: Gaussian noise of the gradients' own spread on every modality."""

    kind: Literal["ogm_ge"] = "ogm_ge"


class Boost(MethodEntry):
    """Weaker modalities take larger steps, by their probes: 1 + alpha times how far they lag, at most scale_max."""

    kind: Literal["boost"] = "boost"
    alpha: float = Field(default=0.5, gt=0)
    scale_max: float = Field(default=2.0, ge=1)
    normalise: Literal["absolute", "gap"] = "absolute"
    """absolute: fades as the gap closes; gap: the weakest always gets 1 + alpha (ASGML's research code)."""
    reference: float = Field(default=0.1, gt=0)
    """The lag (share) at which `absolute` gives 1 + alpha."""
    inertia: float = Field(default=0.0, ge=0, lt=1)


class Noise(MethodEntry):
    """Gaussian noise on an encoder's gradients, `factor` times each tensor's own standard deviation."""

    kind: Literal["noise"] = "noise"
    modality: str | None = None
    """None: every encoder."""
    factor: float = Field(default=1.0, ge=0)
    scope: Scope = "weights"


class LearningRate(MethodEntry):
    """A control: an encoder's learning rate times `factor`."""

    kind: Literal["learning_rate"] = "learning_rate"
    modality: str | None = None
    """None: the whole model's."""
    factor: float = Field(gt=0)
