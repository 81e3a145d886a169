"""Samples that lack a modality: who trains on them, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._base import Data, Split
from asgml.lab.errors import InputError

S = TypeVar("S", bound=Split)
SPLITS = ("train", "validation", "test")


def dropped(data: Data, modalities: Sequence[str]) -> Data:
    """Return the data without samples that have none of these modalities, as a model of them can say nothing of those.

    Raises InputError where nothing is left of a split, or nobody in the training split has one of them.
    """
    parts = {name: _kept(getattr(data, name), modalities, f"the {name} split") for name in SPLITS}
    for m in modalities:
        if not parts["train"].having(m).any():
            raise InputError(f"`dataset`: no training sample has {m!r}; leave the modality out, or give it to some")
    return replace(data, **parts)


def whole(split: S, modalities: Sequence[str]) -> S:
    """Return the samples that have all of these modalities. Raises InputError where there are none."""
    kept = np.all([split.having(m) for m in modalities], axis=0)
    if not kept.any():
        raise InputError("`train.steer`: must hold samples that have every modality, found none; set a larger share aside")
    return split if kept.all() else split.rows(kept)


def counts(data: Data, modalities: Sequence[str]) -> dict[str, Any]:
    """Return, for the header, split -> modality -> how many samples have it, of those that some lack; else nothing."""
    found = {s: {m: int(n.sum()) for m in modalities if not (n := getattr(data, s).having(m)).all()} for s in SPLITS}
    return {"present": found} if any(found.values()) else {}


def _kept(split: S, modalities: Sequence[str], where: str) -> S:
    kept: npt.NDArray[np.bool_] = np.any([split.having(m) for m in modalities], axis=0)
    if not kept.any():
        raise InputError(f"`dataset`: {where} must hold samples that have {' or '.join(modalities)}, found none")
    return split if kept.all() else split.rows(kept)
