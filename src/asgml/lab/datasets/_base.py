"""What a data set hands to the lab: three typed splits of arrays, in memory or in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asgml.lab.prepared.stored import Stored

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Split:
    """N samples: `inputs[modality]` has shape (N, ...), `labels` (N,) int64, `ids` and `groups` (N,) of str.

    Inputs that stay in files are read when `numpy.asarray` asks for them.

    The id of a sample that is put together from several sources joins their names with `+`.
    """

    inputs: Mapping[str, npt.NDArray[np.generic] | Stored]
    labels: npt.NDArray[np.int64]
    ids: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        rows = {"labels": len(self.labels), "ids": len(self.ids), "groups": len(self.groups)}
        rows |= {m: len(x) for m, x in self.inputs.items()}
        if len(set(rows.values())) != 1:
            raise ValueError(f"all arrays of a split must have the same number of rows, found {rows}")

    def __len__(self) -> int:
        return len(self.labels)


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
class Data:
    """A data set, ready to train on. `classes` names the labels; `note` says in one sentence how it was split and paired."""

    train: Train
    validation: Validation
    test: Test
    classes: tuple[str, ...]
    note: str

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities in the data set's order."""
        return tuple(self.train.inputs)
