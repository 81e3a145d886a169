"""Which samples train, validate and test: as the manifest says, or cut by group, stratified by label, at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._strata import label_strata, stratified_order
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.manifest.problems import Problem, shown
from asgml.lab.datasets.manifest.rows import Row
from asgml.lab.errors import InputError

Names = npt.NDArray[np.str_]
NAMES = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
         "dev": "validation", "test": "test"}  # fmt: skip
"""How splits may be called."""


def problems(rows: Sequence[Row]) -> list[Problem]:
    """Every row whose split is none; where one row names a split, all must."""
    if all(row.cells.get("split") is None for row in rows):
        return []
    must = "must be train, validation or test"
    return [Problem(row.line, "split", f"{must}, found {shown(row.cells['split']) if row.cells['split'] else 'nothing'}")
            for row in rows if str(row.cells["split"]).lower() not in NAMES]  # fmt: skip


def split(
    rows: Sequence[Row], labels: npt.NDArray[np.generic], groups: Names, validation: float, test: float, seed: int
) -> tuple[Names, str]:
    """Return each row's split (N,), and in words how it came about. `validation` and `test` are shares of all rows.

    Raises InputError where a split would be empty.
    """
    if all(row.cells.get("split") is None for row in rows):
        named = _cut(labels, groups, {"test": test, "validation": validation}, seed)
        how = "split at random by group, stratified by label"
    else:
        named = np.array([NAMES[str(row.cells["split"]).lower()] for row in rows], dtype="<U10")
        how = "split as the manifest says"
        if "validation" not in named and "train" in named:
            (train,) = np.nonzero(named == "train")
            share = validation * len(rows) / len(train)
            named[train] = _cut(labels[train], groups[train], {"validation": share}, seed)
            how += ", validation cut from training by group, stratified by label"
    for name in ("train", "validation", "test"):
        if name not in named:
            found = f"none of {len(rows)} rows in {len(set(groups.tolist()))} groups"
            raise InputError(f"`dataset.path`: the {name} split must have samples, found {found}; give more, or a column split")
    return named, how + _shared(named, groups)


def _cut(labels: npt.NDArray[np.generic], groups: Names, shares: dict[str, float], seed: int) -> Names:
    _, first, unit, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    order = stratified_order(stream(seed, "manifest", "split"), label_strata(labels[first]))
    upto = np.cumsum(sizes[order]) / len(labels)
    named, start, edge = np.full(len(sizes), "train", dtype="<U10"), 0, 0.0
    for name, share in shares.items():
        stop = max(start + 1, int(np.searchsorted(upto, edge + share + 1e-9, side="right")))
        named[order[start:stop]] = name
        start, edge = stop, float(upto[min(stop, len(upto)) - 1])
    return named[unit]


def _shared(named: Names, groups: Names) -> str:
    """Say how many groups stand in more than one split."""
    pairs = {(g, s) for g, s in zip(groups.tolist(), named.tolist(), strict=True)}
    several = len(pairs) - len({g for g, _ in pairs})
    return f"; {several} groups stand in more than one split" if several else "; no group stands in two splits"
