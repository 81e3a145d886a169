"""Trends over epochs, and how far two equally good probes differ by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asgml.lab.statistics._describe import Estimate, estimate, mean


def slope(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The least-squares slope of `ys` over `xs`; None where `xs` do not differ."""
    if len(xs) != len(ys):
        raise ValueError(f"ys: must have as many values as xs ({len(xs)}), found {len(ys)}")
    if len(set(xs)) < 2:
        return None
    middle, level = mean(xs), mean(ys)
    above = math.fsum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True))
    return above / math.fsum((x - middle) ** 2 for x in xs)


def slopes(curves: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Estimate | None:
    """One least-squares slope per seed, then mean, sd and t interval over the seeds."""
    found = [s for xs, ys in curves if (s := slope(xs, ys)) is not None]
    return estimate(found) if found else None


def noise_floor(p: float, samples: int) -> tuple[float, float]:
    """The |difference| that two equally good probes show by chance: its mean and its 95 % bound, as shares.

    Two independent binomials of common `p` on `samples` test samples differ with variance s^2 = 2 p (1 - p) / N, so by the
    half-normal's mean s sqrt(2 / pi) on average and by less than 1.96 s in 95 % of the cases.
    """
    if samples < 1:
        raise ValueError(f"samples: must be 1 test sample or more, found {samples}")
    spread = math.sqrt(2 * p * (1 - p) / samples)
    return spread * math.sqrt(2 / math.pi), 1.96 * spread
