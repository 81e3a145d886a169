"""What every method must be seen beside."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.config.methods._base import MethodEntry


class Alone(MethodEntry):
    """The control that every method must be seen beside: a model of this modality only, trained the same way."""

    kind: Literal["alone"] = "alone"
    modality: str


class SoloSum(MethodEntry):
    """A control: models of one modality each, trained apart; their logits are added up."""

    kind: Literal["solo_sum"] = "solo_sum"


class TrainOnSteer(MethodEntry):
    """A control: trains on the samples that others leave aside for steering, too."""

    kind: Literal["train_on_steer"] = "train_on_steer"


class Longer(MethodEntry):
    """Trains `factor` times as many epochs, schedule and all: what a cheaper update may be spent on."""

    kind: Literal["longer"] = "longer"
    factor: float = Field(gt=0)
