"""The exact sign-flip test of paired differences, Holm's correction, and what n pairs can show at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST = 40
"""Pairs up to which all 2^n sign patterns are counted: half of them at a time, 2^20 sums each."""


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p of the exact sign-flip (randomisation) test that the differences are symmetric around 0.

    The share of all 2^n sign patterns whose |sum| is at least the observed one; what differs by rounding alone counts as equal.

    Raises:
        ValueError: no difference, or more than 40 of them.
    """
    n = len(differences)
    if not 1 <= n <= MOST:
        raise ValueError(f"differences: must be 1 to {MOST} pairs, found {n}; the exact test counts all 2^n sign patterns")
    left, right = _sums(differences[: n // 2]), np.sort(_sums(differences[n // 2 :]))
    observed = abs(math.fsum(differences))
    least = observed - max(1e-14, 1e-12 * math.fsum(map(abs, differences)))
    if least <= 0:
        return 1.0
    as_large = int((len(right) - np.searchsorted(right, least - left)).sum())
    return float(2 * as_large / 2**n)


def _sums(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """The sum under every sign pattern."""
    found = np.zeros(1)
    for value in values:
        found = np.concatenate([found + value, found - value])
    return found


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: each p as it is to be compared with 0.05 in a family of `len(ps)` (S. Holm, 1979)."""
    adjusted, highest = list(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def smallest_p(n: int, family: int = 1) -> float:
    """The smallest p that an exact two-sided sign-flip test over `n` pairs can reach, after Holm in a `family` of tests.

    `family` times 2 / 2^n, never above 1.
    """
    if n < 1:
        raise ValueError(f"n: must be 1 pair or more, found {n}")
    if family < 1:
        raise ValueError(f"family: must be 1 test or more, found {family}")
    return min(1.0, family * 2.0 / 2.0**n)


def seeds_needed(p: float = 0.05, family: int = 1) -> int:
    """The smallest number of pairs at which an exact two-sided sign-flip test can reach `p` or less, after Holm."""
    return math.ceil(math.log2(2 * family / p))
