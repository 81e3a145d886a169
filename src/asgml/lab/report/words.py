"""How numbers are written: shares in percent with two decimals, differences in signed percentage points."""

from __future__ import annotations

import math

from asgml.lab.statistics import Estimate, Interval

NONE = "–"
"""What a cell shows where the logs hold nothing."""


def percent(share: float | None) -> str:
    """`42.65%`."""
    return NONE if share is None else f"{100 * share:.2f}%"


def points(share: float | None) -> str:
    """`13.05 points`."""
    return NONE if share is None else f"{100 * share:.2f} points"


def signed_points(share: float | None) -> str:
    """`-3.41 points`; what rounds to zero has no sign."""
    return NONE if share is None else f"{_signed(100 * share)} points"


def relative(change: float | None) -> str:
    """`-26.1%`: a change as a share of the reference."""
    return NONE if change is None else f"{_signed(100 * change, 1)}%"


def percent_spread(found: Estimate | None, runs: int) -> str:
    """`42.65% ± 1.20`: mean and sd in points; `(n=2)` behind it where fewer than all `runs` have the value."""
    return NONE if found is None else f"{percent(found.mean)}{_spread(found)}{_fewer(found, runs)}"


def points_spread(found: Estimate | None, runs: int) -> str:
    """`13.05 ± 0.80 points`, and n as in `percent_spread`."""
    return NONE if found is None else f"{100 * found.mean:.2f}{_spread(found)} points{_fewer(found, runs)}"


def difference(found: Estimate | None) -> str:
    """`-1.47 points`: the mean of a paired difference."""
    return signed_points(found.mean if found else None)


def interval(found: Interval | None, n: int = 0) -> str:
    """`-2.10 to +0.30 points`; for one seed the words that there is none."""
    if found is None:
        return "none (one seed)" if n == 1 else NONE
    return f"{_signed(100 * found.low)} to {_signed(100 * found.high)} points"


def probability(p: float | None) -> str:
    """`0.0312`: a p with three digits."""
    return NONE if p is None else f"{p:.3g}"


def number(value: float | None, scale: float | None = None) -> str:
    """A norm or a loss with the decimals that show four digits of `scale` (of itself): `145,989`, `468.3`, `0.4150`."""
    if value is None:
        return NONE
    size = abs(value if scale is None else scale)
    if 0 < size < 1e-3:
        return f"{value:.3g}"
    decimals = 3 - math.floor(math.log10(size)) if size else 0
    return f"{value:,.{min(4, max(0, decimals))}f}"


def number_spread(found: Estimate | None, runs: int) -> str:
    """`145,989 ± 2,310`: mean and sd to the same decimals, and n as in `percent_spread`."""
    if found is None:
        return NONE
    spread = "" if found.sd is None else f" ± {number(found.sd, found.mean)}"
    return f"{number(found.mean)}{spread}{_fewer(found, runs)}"


def number_difference(found: Estimate | None) -> str:
    """`-0.0312`: the mean of a paired difference of numbers."""
    return NONE if found is None else _signed(found.mean, 4)


def number_interval(found: Interval | None, n: int = 0) -> str:
    """`-0.0412 to -0.0212`; for one seed the words that there is none."""
    if found is None:
        return interval(None, n)
    return f"{_signed(found.low, 4)} to {_signed(found.high, 4)}"


def certainty(found: Interval | None, n: int) -> str:
    """What n seeds say about a change: the interval and whether it excludes zero."""
    if found is None:
        return "one seed: no interval" if n == 1 else "no seed in common: no interval"
    verdict = "excludes 0" if found.excludes_zero else "includes 0: not resolved"
    return f"95% interval over {n} seeds {interval(found)}, {verdict}"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def _spread(found: Estimate) -> str:
    return "" if found.sd is None else f" ± {100 * found.sd:.2f}"


def _fewer(found: Estimate, runs: int) -> str:
    return "" if found.n == runs else f" (n={found.n})"
