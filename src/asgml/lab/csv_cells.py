"""Cells of a CSV file that a spreadsheet shows as what they are: no name out of data or settings becomes a formula."""

from __future__ import annotations

from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell that is computed begins with; the last four are the wide forms of the first."""


def plain(value: Any) -> Any:
    """Return a cell that is never computed: text that begins like a formula gets an apostrophe before it; numbers stay."""
    if not isinstance(value, str) or not value.lstrip(" \n").startswith(FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isprintable()
