"""From a number to a whole one."""

from __future__ import annotations

import math


def half_up(value: float) -> int:
    """Round to the nearest integer, halves up: 2.5 is 3, where Python's `round` says 2."""
    return math.floor(value + 0.5)


def check_whole(value: object, argument: str, least: int) -> None:
    """Refuse what is not an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{argument}` must be an integer of at least {least}, found {value!r}")


def check_above_zero(value: float, argument: str) -> None:
    """Refuse zero, negative numbers, infinity and nan."""
    if not 0 < value < math.inf:
        raise ValueError(f"`{argument}` must be a finite number above 0, found {value!r}")
