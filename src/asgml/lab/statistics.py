"""Seeds -> mean, spread, interval, paired difference: pure functions over plain numbers; None where n cannot say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

LEVEL = 0.95
"""Coverage of every interval, a share 0-1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided t interval of a mean, in the unit of the values."""

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


def smallest_p(n: int) -> float:
    """The smallest p that an exact two-sided sign-flip test over `n` pairs can reach: 2 / 2^n, never above 1."""
    if n < 1:
        raise ValueError(f"n: must be 1 pair or more, found {n}")
    return min(1.0, 2.0 / 2.0**n)


def seeds_needed(p: float = 0.05) -> int:
    """The smallest number of pairs at which an exact two-sided sign-flip test can reach `p` or less."""
    return math.ceil(math.log2(2 / p))


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
