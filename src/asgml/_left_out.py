"""Readings that were none: what was left out because something was not finite, and how often."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from asgml._sift import Place

Counts = dict[str, dict[str, int]]
"""Name of a reading -> modality -> updates."""


class LeftOut(Counts):
    """Name of a reading -> modality -> updates in which it was left out, because something was not finite."""

    def add(self, places: Iterable[Place]) -> None:
        """Count one update for each."""
        for name, modality in sorted(places):
            counts = self.setdefault(name, {})
            counts[modality] = counts.get(modality, 0) + 1

    def finite(self, name: str, made: Mapping[str, float]) -> dict[str, float]:
        """Return the numbers that are readings, and count the others."""
        self.add((name, m) for m, value in made.items() if not math.isfinite(value))
        return {m: value for m, value in made.items() if math.isfinite(value)}

    def plain(self) -> Counts:
        """Return plain Python, for a checkpoint."""
        return {name: dict(counts) for name, counts in self.items()}

    def lines(self) -> list[str]:
        """Say it, one reading of one modality a line."""
        return [
            f"{m}: left out of {name!r} in {n} updates, where a feature, a target or the number itself was not finite"
            for name, counts in self.items()
            for m, n in counts.items()
        ]
