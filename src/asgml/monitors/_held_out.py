"""Held-out batches, one after the other and round again, from wherever a checkpoint left them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any

import torch
from torch import Tensor

Batch = tuple[Mapping[str, Any], Tensor]


class HeldOut:
    """Gives batch i modulo their number, from a sequence or from what gives the same batches at every iteration."""

    def __init__(self, batches: Iterable[Batch], argument: str = "batches"):
        if isinstance(batches, Iterator):
            raise TypeError(
                f"`{argument}` must be a sequence or give the same batches at every iteration, found {batches!r}, which can be "
                "read only once: give a list of its batches"
            )
        with torch.random.fork_rng([]):  # a DataLoader draws a number whenever it is iterated
            if next(iter(batches), None) is None:
                raise ValueError(f"`{argument}` must hold at least one batch, found none")
        self._batches = batches
        self._index, self._rest = -1, self._from(0)
        self._held: Batch | None = None

    def at(self, index: int) -> Batch:
        """Return batch `index` modulo their number; again the same one where it is asked for again."""
        if isinstance(self._batches, Sequence):
            batch: Batch = self._batches[index % len(self._batches)]
            return batch
        if index != self._index or self._held is None:
            if index != self._index + 1:
                self._rest = self._from(index)
            self._index, self._held = index, next(self._rest)
        return self._held

    def _from(self, index: int) -> Iterator[Batch]:
        rounds = itertools.chain.from_iterable(itertools.repeat(self._batches))
        return itertools.islice(rounds, index % len(self._batches) if isinstance(self._batches, Sized) else index, None)
