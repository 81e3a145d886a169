"""Stratified cuts: every part of a split holds each stratum (a digit, a speaker's digit) in its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from asgml.lab.errors import InputError

Rows = npt.NDArray[np.int64]
Strata = npt.NDArray[np.generic]
TENTHS = 10


def stratified_order(rng: np.random.Generator, *strata: Strata) -> Rows:
    """Return a random order (N,) of the N samples, every beginning of which holds each stratum in its share.

    Sample r (from 0) of a stratum of n lies at (r + 1/2) / n of the way, so a beginning of k samples holds k n / N of it,
    give or take one. Cutting such an order in pieces is a stratified split; longer beginnings contain the shorter ones.
    Further `strata`, finer ones, are kept as evenly as the ones before them allow.
    """
    order = rng.permutation(len(strata[0]))
    for level in reversed(strata):
        order = _interleaved(order, level)
    return order


def label_strata(labels: npt.NDArray[Any]) -> Strata:
    """Return the strata (N,) of any task's labels: classes, sets of labels, or tenths of the samples by the (first) number."""
    if labels.dtype.kind == "f":
        first = labels.reshape(len(labels), -1)[:, 0]
        return np.asarray(rankdata(first, method="ordinal") - 1) * TENTHS // max(1, len(labels))
    return labels if labels.ndim == 1 else np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)


def shrink(rows: Rows, size: int | None, rng: np.random.Generator, *strata: Strata) -> Rows:
    """Return `size` of the training `rows`, stratified by `strata` (one value per row); None: all, in a stratified order.

    Raises InputError where there are fewer rows than that.
    """
    if size is not None and size > len(rows):
        raise InputError(
            f"`dataset.train_size`: must be at most {len(rows)}, what the split leaves for training, found {size}; "
            "lower it, or leave it out to use all"
        )
    return rows[stratified_order(rng, *strata)[:size]]


def _interleaved(order: Rows, strata: Strata) -> Rows:
    _, stratum, sizes = np.unique(strata[order], return_inverse=True, return_counts=True)
    rank = np.empty(len(order), dtype=np.int64)
    rank[np.argsort(stratum, kind="stable")] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[np.argsort((rank + 0.5) / sizes[stratum], kind="stable")]
