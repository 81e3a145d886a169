"""A column as one array: rows of one shape, sequences padded, filler where a row has none, training rows' scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._base import Raw
from asgml.lab.datasets.manifest.problems import Problem
from asgml.lab.errors import InputError

Array = npt.NDArray[Any]
SCALED: Mapping[str, tuple[int, ...]] = {"audio": (0, 3), "image": (0, 2, 3), "video": (0, 1, 3, 4), "vector": (0,)}
"""Kind -> the axes over which training rows have mean 0 and standard deviation 1; of arrays all but the last; text has none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A modality: its kind, and line -> array for the rows that have it."""

    name: str
    kind: str
    arrays: Mapping[int, Array]

    @property
    def sequences(self) -> bool:
        """Whether rows (T, D) may differ in T."""
        return self.kind == "array" and all(x.ndim == 2 for x in self.arrays.values())

    def odd(self) -> list[Problem]:
        """The rows of another shape than most have."""
        shapes = {line: x.shape[1:] if self.sequences else x.shape for line, x in self.arrays.items()}
        if len(counted := Counter(shapes.values())) < 2:
            return []
        usual = counted.most_common(1)[0][0]
        return [Problem(line, self.name, f"must have the shape {usual} that most rows have, found {shape}")
                for line, shape in shapes.items() if shape != usual]  # fmt: skip

    def stacked(
        self, lines: list[int], train: npt.NDArray[np.bool_], *, arrays: bool = True
    ) -> tuple[Array, npt.NDArray[np.bool_], Raw]:
        """Return the rows (N, ...) of these lines, who has one (N,), and how they were scaled: by the training rows.

        `arrays` says whether those of files are scaled too. Padding stays 0, and so do rows that have none.
        """
        present = np.array([line in self.arrays for line in lines])
        kept = [self.arrays[line] for line in lines if line in self.arrays]
        if not kept:
            raise InputError(f"`dataset.columns.{self.name}`: must be `ignore`, since no row that can be used has it")
        raw = self._raw([self.arrays[line] for line, here in zip(lines, present & train, strict=True) if here], arrays)
        whole = np.zeros((len(lines), max(map(len, kept)), *kept[0].shape[1:]), dtype=kept[0].dtype)
        for row, line in enumerate(lines):
            if present[row]:
                found = self.arrays[line]
                whole[row][: len(found)] = raw.scaled(found)
        return whole, present, raw

    def _raw(self, seen: list[Array], arrays: bool) -> Raw:
        """Take mean and standard deviation of training rows, where the kind is scaled."""
        if not seen or not (self.kind in SCALED or (self.kind == "array" and arrays)):
            return Raw(self.kind)
        axes = SCALED.get(self.kind, (0,))
        whole = np.concatenate([x.reshape(-1, x.shape[-1]) for x in seen]) if self.kind == "array" else np.stack(seen)
        mean, sd = whole.mean(axes, keepdims=True, dtype=np.float64)[0], whole.std(axes, keepdims=True, dtype=np.float64)[0]
        same = sd == 0  # what is the same in all training rows must not grow a million times where another row differs
        if self.kind == "array" and seen[0].ndim > 1:
            mean = np.where(same, 0, mean)  # such as 1 in every step: it tells steps from padding
        factor = np.where(same, 1, np.maximum(sd, 1e-6))
        return Raw(self.kind, mean.astype(np.float32), factor.astype(np.float32))
