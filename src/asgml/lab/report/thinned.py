"""Curves over updates, thinned by one stated rule, so that a page stays small however long the runs are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from asgml.lab import statistics
from asgml.lab.report.document import Line
from asgml.lab.report.model import Method, Run, Series

MOST = 200
"""Points of a curve at most."""
RULE = f"Updates are cut into {MOST} blocks at most, all of one length; a point is the mean of its block, at its middle."


def curve(slot: int, method: Method, series: Callable[[Run], Series | None], updates: int) -> Line | None:
    """The mean over seeds, block by block, of a series over `updates` updates; its band is one sd, where all have one."""
    found = [_blocks(s, updates) for run in method.runs if (s := series(run)) is not None]
    shared = sorted(set().union(*found))
    if not shared:
        return None
    estimates = [statistics.estimate([f[at] for f in found if at in f]) for at in shared]
    means = tuple(e.mean for e in estimates)
    spreads = [e.sd for e in estimates if e.sd is not None]
    low, high = (tuple(m + sign * s for m, s in zip(means, spreads, strict=True)) if len(spreads) == len(means) else ()
                 for sign in (-1, 1))  # fmt: skip
    return Line(slot, tuple(shared), means, low, high)


def _blocks(series: Series, updates: int) -> dict[float, float]:
    """Middle of a block -> mean of the values in it; a block without a value is left out."""
    length = -(-updates // MOST)
    place = np.asarray(series.steps) // length
    sums, counts = np.bincount(place, series.values), np.bincount(place)
    return {float(b * length + (length - 1) / 2): float(sums[b] / counts[b]) for b in np.flatnonzero(counts)}
