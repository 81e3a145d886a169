"""Which numbers a document may hold: finite ones, and whole ones of 64 bits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from asgml.lab.errors import short

LARGEST = 2**63 - 1


def not_finite(value: Any, path: str = "") -> tuple[str, float] | None:
    """Find the first number in a document that is infinite or not a number, with the path to it."""
    if isinstance(value, float):
        return None if math.isfinite(value) else (path, value)
    return next(filter(None, (not_finite(v, _below(path, key)) for key, v in _inner(value))), None)


def too_long(value: Any, path: str = "") -> tuple[str, str] | None:
    """Find the first whole number in a document that has more than 64 bits, with the path to it."""
    if isinstance(value, int):
        return None if abs(value) <= LARGEST else (path, short(value))
    return next(filter(None, (too_long(v, _below(path, key)) for key, v in _inner(value))), None)


def _inner(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()


def _below(path: str, key: Any) -> str:
    return f"{path}.{key}".lstrip(".")
