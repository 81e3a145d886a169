"""A column as one array: rows of one shape, sequences padded, filler where a row has none, training rows' scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets.manifest.problems import Problem
from asgml.lab.errors import InputError

Array = npt.NDArray[Any]
SCALED: Mapping[str, tuple[int, ...]] = {"audio": (0, 3), "image": (0, 2, 3), "video": (0, 1, 3, 4), "vector": (0,)}
"""Kind -> the axes over which training rows have mean 0 and standard deviation 1; arrays and text stay as they are."""


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

    def stacked(self, lines: list[int], train: npt.NDArray[np.bool_]) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Return the rows (N, ...) of these lines and who has one (N,), scaled by the training rows among them."""
        present = np.array([line in self.arrays for line in lines])
        kept = [self.arrays[line] for line in lines if line in self.arrays]
        if not kept:
            raise InputError(f"`dataset.columns.{self.name}`: must be `ignore`, since no row that can be used has it")
        whole = np.zeros((len(lines), max(map(len, kept)), *kept[0].shape[1:]), dtype=kept[0].dtype)
        for row, line in enumerate(lines):
            if present[row]:
                found = self.arrays[line]
                whole[row][: len(found)] = found
        return self._scaled(whole, present, train), present

    def _scaled(self, whole: Array, present: npt.NDArray[np.bool_], train: npt.NDArray[np.bool_]) -> Array:
        seen = whole[present & train]
        if self.kind not in SCALED or not len(seen):
            return whole
        axes = SCALED[self.kind]
        mean, sd = seen.mean(axes, keepdims=True, dtype=np.float64), seen.std(axes, keepdims=True, dtype=np.float64)
        made = (whole - mean.astype(np.float32)) / np.maximum(sd, 1e-6).astype(np.float32)
        return np.asarray(np.where(present.reshape(-1, *[1] * (whole.ndim - 1)), made, 0), dtype=np.float32)
