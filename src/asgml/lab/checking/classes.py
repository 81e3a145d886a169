"""Labels that are no classes, shown as some: each set of labels that occurs, or tenths of the samples by their number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._base import Data
from asgml.lab.datasets._strata import label_strata

SPLITS = ("train", "validation", "test")
SAID = {"multilabel": "every set of labels that occurs", "regression": "tenths of the samples by their label"}


def as_classes(data: Data) -> Data:
    """Return the data with classes for labels; as it is where it has them. The note says what they stand for."""
    if data.task == "classification":
        return data
    labels = np.concatenate([getattr(data, s).labels for s in SPLITS])
    _, first, index = np.unique(label_strata(labels), return_index=True, return_inverse=True)
    names = _sets(data, labels[first]) if data.task == "multilabel" else _ranges(labels, index)
    edges = np.cumsum([len(getattr(data, s)) for s in SPLITS])[:-1]
    parts = {s: replace(getattr(data, s), labels=part) for s, part in zip(SPLITS, np.split(index, edges), strict=True)}
    return replace(data, **parts, classes=names, task="classification", note=f"{data.note} Classes here are {SAID[data.task]}.")


def _sets(data: Data, rows: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple(" + ".join(c for c, has in zip(data.classes, row, strict=True) if has) or "none" for row in rows)


def _ranges(labels: npt.NDArray[Any], index: npt.NDArray[np.int64]) -> tuple[str, ...]:
    first = labels.reshape(len(labels), -1)[:, 0]
    return tuple(f"{first[index == k].min():.4g} to {first[index == k].max():.4g}" for k in range(index.max() + 1))
