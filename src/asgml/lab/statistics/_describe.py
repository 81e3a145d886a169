"""Mean, spread, t interval, and the difference paired by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

LEVEL = 0.95
"""Coverage of every interval, a share 0-1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval of a mean, in the unit of the values."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` seeds; `sd` (n-1) and the t `interval` are None for one seed."""

    mean: float
    sd: float | None
    n: int
    interval: Interval | None


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of one value or more."""
    if not values:
        raise ValueError("values: must hold one number or more, found none; leave the row out instead")
    return math.fsum(values) / len(values)


def sd(values: Sequence[float]) -> float | None:
    """The sample standard deviation, divisor n-1; None for one value, which has no spread."""
    if len(values) < 2:
        return None
    centre = mean(values)
    return math.sqrt(math.fsum((x - centre) ** 2 for x in values) / (len(values) - 1))


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's interval of the mean: mean -+ t(n-1) sd / sqrt(n); None for one value."""
    if not 0 < level < 1:
        raise ValueError(f"level: must be a share between 0 and 1, found {level}; 95 % is 0.95")
    spread = sd(values)
    if spread is None:
        return None
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1)) * spread / math.sqrt(len(values))
    return Interval(mean(values) - half, mean(values) + half)


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, sd, n and t interval of one value per seed."""
    return Estimate(mean(values), sd(values), len(values), t_interval(values))


def paired(values: Mapping[int, float], reference: Mapping[int, float]) -> Estimate | None:
    """The difference `values - reference` over the seeds that both have; None where they share no seed."""
    differences = [x - reference[seed] for seed, x in values.items() if seed in reference]
    return estimate(differences) if differences else None
