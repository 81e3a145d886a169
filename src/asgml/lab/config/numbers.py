"""Which numbers a document may hold: finite ones, and whole ones of 64 bits."""

from __future__ import annotations

import math
from typing import Any

from asgml.lab.errors import short

LARGEST = 2**63 - 1


def wrong(value: Any, path: str = "") -> tuple[str, str] | None:
    """Find the first number that cannot be used: the path to it, and what it must be and is."""
    if isinstance(value, float):
        return None if math.isfinite(value) else (path, f"must be a finite number, found {value}")
    if isinstance(value, int):
        return None if abs(value) <= LARGEST else (path, f"must be a whole number of 64 bits, found {short(value)}")
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return next(filter(None, (wrong(v, f"{path}.{key}".lstrip(".")) for key, v in inner)), None)
