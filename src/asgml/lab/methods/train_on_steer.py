"""Training on all samples."""

from __future__ import annotations

from typing import ClassVar, Literal

from asgml.lab.methods._base import Method


class TrainOnSteer(Method):
    """A control: trains on the samples that others leave aside for steering, too."""

    trains_on_steer: ClassVar[bool] = True
    kind: Literal["train_on_steer"] = "train_on_steer"
