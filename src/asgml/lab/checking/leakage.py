"""What two splits share: the same samples, nearly the same ones, the same groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asgml.lab.checking.samples import Facts
from asgml.lab.datasets._base import Split
from asgml.lab.prepared.sources.cremad import NAME

ALIKE = 0.99
"""Thumbnails whose correlation, less what all samples have in common, is above this are nearly the same."""
MOST = 2000
"""Held-out samples that are compared, evenly over all."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Of the samples of one split: how many are in the other, how many have a near twin there, of how many compared."""

    same: int
    near: int
    compared: int


def shared(before: Facts, held_out: Facts) -> Shared:
    """Look for the held-out samples of a modality among those of a split before; what holds little is left out."""
    known, telling = set(before.hashes), np.flatnonzero(held_out.telling)
    same = np.array([held_out.hashes[n] in known for n in telling], dtype=np.bool_)
    chosen = np.unique(np.linspace(0, len(same) - 1, min(MOST, len(same))).astype(np.int64))
    theirs = before.thumbnails[before.telling]
    nearest = _nearest(theirs, held_out.thumbnails[telling[chosen]]) if len(theirs) else np.zeros(len(chosen))
    return Shared(int(same.sum()), int((nearest[~same[chosen]] > ALIKE).sum()), len(chosen))


def _nearest(train: npt.NDArray[np.float32], held_out: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return each held-out thumbnail's largest correlation with a training one."""
    mean = train.mean(0)
    a, b = _normed(train - mean), _normed(held_out - mean)
    return np.array([float((a @ row).max()) for row in b])


def _normed(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = x - x.mean(1, keepdims=True) if x.shape[1] > 1 else x
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def groups(before: Sequence[Split], held_out: Split) -> tuple[int, int]:
    """Return how many groups the held-out split has, and how many of them the splits `before` it have too."""
    ours, theirs = set(_names(before, "groups")), set(held_out.groups.tolist())
    return len(theirs), len(ours & theirs)


def siblings(before: Sequence[Split], held_out: Split) -> int | None:
    """Return how many held-out clips have one of the same actor, sentence and emotion before them, by CREMA-D's names.

    None where ids are not such names.
    """
    ids, ours = _names(before, "ids"), held_out.ids.tolist()
    if not all(NAME.fullmatch(name) for name in [*ids, *ours]):
        return None
    takes = {name.rpartition("_")[0] for name in ids}
    return sum(name.rpartition("_")[0] in takes for name in ours)


def _names(splits: Sequence[Split], field: str) -> list[str]:
    return [name for split in splits for name in getattr(split, field).tolist()]
