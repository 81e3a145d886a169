"""An array that stays in its files: rows are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


class Stored:
    """N rows of one modality. Indexing with a slice, a mask or row numbers picks rows; `numpy.asarray` reads them.

    `shards` are memory-mapped arrays, one after the other; `convert` makes inputs of the rows read, (n, ...) each.
    """

    def __init__(self, shards: Sequence[Array], rows: Rows, convert: Callable[[Array], Array]):
        self._shards, self._rows, self._convert = shards, rows, convert
        self._starts = np.cumsum([0, *map(len, shards)])
        one = convert(np.zeros((1, *shards[0].shape[1:]), shards[0].dtype))
        self.shape, self.dtype = (len(rows), *one.shape[1:]), one.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: Any) -> Stored:
        return Stored(self._shards, np.atleast_1d(self._rows[which]), self._convert)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._convert(self.raw()), dtype=dtype)

    def raw(self) -> Array:
        """Read the rows as they are stored; a run of neighbours in one shard is not copied."""
        shard = np.searchsorted(self._starts, self._rows, side="right") - 1
        within = self._rows - self._starts[shard]
        if len(within) and (shard == shard[0]).all() and (np.diff(within) == 1).all():
            run: Array = self._shards[shard[0]][within[0] : within[-1] + 1]
            return run
        found = np.empty((len(within), *self._shards[0].shape[1:]), self._shards[0].dtype)
        for one in np.unique(shard):
            here = np.flatnonzero(shard == one)
            found[here] = self._shards[one][within[here]]
        return found
