"""The interval of a mean over test samples that come in groups: one person's recordings, one image's copies."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from asgml.lab.statistics._describe import LEVEL, Interval

AT_ONCE = 2_000_000
"""Random counts that are drawn at a time: groups x draws."""


def clustered(
    values: Sequence[float], groups: Sequence[Hashable], *, level: float = LEVEL, draws: int = 2000, seed: int = 0
) -> Interval | None:
    """The bootstrap interval of the mean of `values` (N,), drawing whole `groups` (N,) with replacement.

    Percentiles, widened for the number of groups as T. Hesterberg (2015) has it ("expanded percentile"): a plain percentile
    interval is too narrow for few groups. It holds for new samples of the same model, and says nothing of another seed.

    Returns:
        None for one group, which has no spread.

    Raises:
        ValueError: no value, or not one group per value.
    """
    if not len(values) or len(values) != len(groups):
        raise ValueError(f"groups: must be one per value, and one or more; found {len(groups)} for {len(values)} values")
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    totals, sizes = np.bincount(member, np.asarray(values, dtype=np.float64)), np.bincount(member)
    if len(sizes) < 2:
        return None
    low, high = np.quantile(_means(totals, sizes, draws, seed), _tails(len(sizes), level))
    return Interval(float(low), float(high))


def _tails(groups: int, level: float) -> tuple[float, float]:
    """The two quantiles: those of the t distribution as the normal one has them, and of divisor n-1."""
    wide = math.sqrt(groups / (groups - 1)) * float(stats.t.ppf((1 + level) / 2, groups - 1))
    tail = float(stats.norm.cdf(-wide))
    return tail, 1 - tail


def _means(totals: npt.NDArray[Any], sizes: npt.NDArray[Any], draws: int, seed: int) -> npt.NDArray[np.float64]:
    random, count = np.random.default_rng(seed), len(sizes)
    found, each = [], max(1, AT_ONCE // count)
    for start in range(0, draws, each):
        times = random.multinomial(count, np.full(count, 1 / count), size=min(each, draws - start))
        found.append((times @ totals) / (times @ sizes))
    return np.concatenate(found)
