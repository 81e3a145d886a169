"""Numbers as parts write them in their words for reports."""

from __future__ import annotations


def percent(share: float) -> str:
    """Return a share in percent with two decimals: `42.65%`."""
    return f"{100 * share:.2f}%"
