"""The run that a method's recipe is made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.tasks._base import Task

Batch = tuple[dict[str, Tensor], Tensor]


@dataclass(frozen=True)
class Context:
    """The model and what surrounds it, before the first step."""

    model: LateFusion
    task: Task
    steps_per_epoch: int
    """Updates in an epoch."""
    seed: int
    steer: Sequence[Batch] = ()
    """Batches (modality -> inputs (B, ...), labels (B,)) that methods may decide by; empty where none were set aside."""
    fitted: Sequence[Batch] = ()
    """Batches of training rows, as many as there are to decide by, for classifiers that are then scored on `steer`."""

    @property
    def classes(self) -> int:
        """The number of classes.

        Raises:
            InputError: labels are not classes here.
        """
        self.need_classes()
        return self.task.size

    def need_classes(self) -> None:
        """Refuse what works with one class per sample alone, where labels are something else."""
        if self.task.name != "classification":
            raise InputError(
                "`methods`: a method here reads scores or losses of one class per sample, and the data set's task is "
                f"{self.task.name}; leave the method out"
            )

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the model has, in the data set's order."""
        return tuple(self.model.encoders)

    def concerned(self, modality: str | None) -> tuple[str, ...]:
        """The one that an entry names, or all where it names none."""
        return self.modalities if modality is None else (modality,)
