"""Cuts from the training split what methods may decide by."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from asgml.lab.datasets._base import Split, Steer, Train
from asgml.lab.datasets._strata import Rows, label_strata, stratified_order
from asgml.lab.datasets._streams import stream
from asgml.lab.errors import InputError

FEW = 20
"""With fewer groups than this (speakers, say), a group in the steer split would be missed in training."""


def set_aside(train: Train, share: float, seed: int) -> tuple[Train, Steer]:
    """Return what is left for training, and `share` of the samples, stratified by label at random.

    Samples that share a source (see `Split`), or a group where there are 20 groups or more, stay together.
    Raises InputError where a part would be empty.
    """
    unit = units(train)
    _, first, sizes = np.unique(unit, return_index=True, return_counts=True)
    order = stratified_order(stream(seed, "steer"), label_strata(train.labels[first]))
    taken = order[np.cumsum(sizes[order]) <= share * len(train)]
    chosen = np.isin(unit, taken)
    if chosen.all() or not chosen.any():
        raise InputError(
            f"`train.steer`: must leave samples on both sides, found {share:g} of {len(train)} samples in {len(first)} units "
            "that stay together"
        )
    return train.rows(~chosen), train.cast(Steer, chosen)


def units(split: Split) -> Rows:
    """Number (N,) the units that must not be cut, from 0."""
    sources = [name.split("+") for name in split.ids.tolist()]
    if all(len(parts) > 1 for parts in sources):
        rows = np.repeat(np.arange(len(sources)), [len(parts) for parts in sources])
        _, column = np.unique([part for parts in sources for part in parts], return_inverse=True)
        size = len(sources) + column.max() + 1
        links = coo_array((np.ones(len(rows)), (rows, column + len(sources))), shape=(size, size))
        units = connected_components(links, directed=False)[1][: len(sources)]
        return np.unique(units, return_inverse=True)[1]
    names, groups = np.unique(split.groups, return_inverse=True)
    return groups if len(names) >= FEW else np.arange(len(split))
