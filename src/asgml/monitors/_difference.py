"""One reading less another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgml.monitors._base import Derived


@dataclass
class Difference(Derived):
    """Reading `a` minus reading `b`, for every modality that has both in one update; with other cadences, where they meet.

    `Difference("probe", "validation_probe", "memorised")` is how much more of the training rows than of held-out rows an
    encoder's feature tells: what it knows by heart. Both readings are smoothed; others may be (`Smoothed`).

    >>> from asgml.monitors import Difference
    >>> Difference("probe", "validation_probe").derive(0, {"probe": {"audio": 0.75}, "validation_probe": {"audio": 0.5}})
    {'audio': 0.25}
    """

    a: str
    b: str
    name: str = "difference"

    def __post_init__(self) -> None:
        self.reads = frozenset({self.a, self.b})

    def derive(self, index: int, readings: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Return modality -> difference."""
        less = readings[self.b]
        return {m: value - less[m] for m, value in readings[self.a].items() if m in less}
