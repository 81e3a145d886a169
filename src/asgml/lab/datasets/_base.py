"""What a data set hands to the lab: three typed splits of arrays, in memory or in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from asgml.lab.prepared.stored import Stored

Array = npt.NDArray[np.float32]
S = TypeVar("S", bound="Split")


@dataclass(frozen=True, slots=True)
class Split:
    """N samples: `inputs[modality]` has shape (N, ...), `labels` as the task has them, `ids` and `groups` (N,) of str.

    `present[modality]` (N,) tells which samples have a modality; one without such a mask is there in all. What `inputs` hold
    where it is missing is never looked at. Inputs that stay in files are read when `numpy.asarray` asks for them.

    The id of a sample that is put together from several sources joins their names with `+`.
    """

    inputs: Mapping[str, npt.NDArray[np.generic] | Stored]
    labels: npt.NDArray[Any]
    ids: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    present: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = {"labels": len(self.labels), "ids": len(self.ids), "groups": len(self.groups)}
        rows |= {m: len(x) for m, x in self.inputs.items()} | {f"present {m}": len(x) for m, x in self.present.items()}
        if len(set(rows.values())) != 1:
            raise ValueError(f"all arrays of a split must have the same number of rows, found {rows}")

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, kept: npt.NDArray[Any]) -> Self:
        """Return some of the samples: by a mask (N,), or by their numbers."""
        return self.cast(type(self), kept)

    def cast(self, kind: type[S], kept: npt.NDArray[Any]) -> S:
        """Return some of the samples as another split."""
        inputs = {m: x[kept] for m, x in self.inputs.items()}
        present = {m: x[kept] for m, x in self.present.items()}
        return kind(inputs, self.labels[kept], self.ids[kept], self.groups[kept], present)

    def having(self, modality: str) -> npt.NDArray[np.bool_]:
        """Return the mask (N,) of the samples that have a modality."""
        return self.present.get(modality, np.ones(len(self), dtype=np.bool_))


class Train(Split):
    """What a model learns from."""


class Steer(Split):
    """What some methods decide by while they train; nobody learns from it."""


class Validation(Split):
    """What chooses the epoch, and tunes."""


class Test(Split):
    """What is scored and reported, and never used."""

    __test__ = False  # not a test class of pytest


@dataclass(frozen=True, slots=True)
class Raw:
    """What makes an input of a raw sample: its kind, and the training rows' mean and standard deviation, if it is scaled.

    Both have the shape of a sample, or one that numpy spreads over it.
    """

    kind: str
    mean: Array | None = None
    sd: Array | None = None

    def scaled(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a sample less the mean, over the standard deviation."""
        return x if self.mean is None or self.sd is None else np.asarray((x - self.mean) / self.sd, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Data:
    """A data set, ready to train on. `classes` names the labels; `note` says in one sentence how it was split and paired.

    `task` says what a label is: `classification`, (N,) int64 below the number of classes; `multilabel`, (N, classes) of 0
    and 1; `regression`, (N,) or (N, outputs) float32, where `classes` name the outputs. `raw[modality]` tells how its samples
    were made; where it does not, new ones cannot be made from what a user has.
    """

    train: Train
    validation: Validation
    test: Test
    classes: tuple[str, ...]
    note: str
    task: str = "classification"
    raw: Mapping[str, Raw] = field(default_factory=dict)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities in the data set's order."""
        return tuple(self.train.inputs)

    @property
    def kinds(self) -> dict[str, str]:
        """Modality -> what it holds; its name, where nothing else is known."""
        return {m: self.raw[m].kind if m in self.raw else m for m in self.modalities}
