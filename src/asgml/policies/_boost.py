"""Push whoever lags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from asgml._numbers import is_number
from asgml._step import Readings

EVEN = 1e-8
"""A gap below it counts as none."""


@dataclass(frozen=True)
class Boost:
    """A factor of 1 to `scale_max` on the gradients of each modality, by how far its reading u lags behind the best one's.

    `normalise="absolute"`: 1 + alpha min(1, (max u - u_m) / reference), which fades as the gap closes; `reference` is the lag
    that earns 1 + alpha, in the reading's unit (0.1: ten points of accuracy). `normalise="gap"`: 1 + alpha w_m with
    w_m = 1 - (u_m - min u) / (max u - min u), ASGML's research rule, in which the weakest gets 1 + alpha however small the gap
    is, and all get 1 below a gap of 1e-8; it does not use `reference`. Both are capped at `scale_max`.

    Raises ValueError for settings outside their ranges.

    >>> from asgml.policies import Boost
    >>> lagging = {"probe": {"audio": 0.75, "visual": 0.5}}
    >>> Boost(alpha=0.5, reference=0.5)(0, lagging), Boost(alpha=0.5, normalise="gap")(0, lagging)
    ({'audio': 1.0, 'visual': 1.25}, {'audio': 1.0, 'visual': 1.5})
    """

    reading: str = "probe"
    alpha: float = 0.5
    scale_max: float = 2.0
    normalise: Literal["absolute", "gap"] = "absolute"
    reference: float = 0.1

    def __post_init__(self) -> None:
        if self.normalise not in ("absolute", "gap"):
            raise ValueError(f"`normalise` must be 'absolute' or 'gap', found {self.normalise!r}")
        for name, least in (("alpha", 0), ("scale_max", 1), ("reference", 0)):
            value = getattr(self, name)
            if not is_number(value) or value < least:
                raise ValueError(f"`{name}` must be a finite number of at least {least}, found {value!r}")
        if not self.reference:
            raise ValueError("`reference` must be above 0: it is the lag that earns 1 + alpha")

    @property
    def reads(self) -> frozenset[str]:
        """`reading`."""
        return frozenset({self.reading})

    def __call__(self, index: int, readings: Readings) -> Mapping[str, float]:
        """Return every modality's factor."""
        found = readings[self.reading]
        return {m: min(1 + self.alpha * lag, self.scale_max) for m, lag in self._lags(found).items()}

    def _lags(self, found: Mapping[str, float]) -> Mapping[str, float]:
        """Return modality -> how far it lags, 0 to 1."""
        best, least = max(found.values(), default=0.0), min(found.values(), default=0.0)
        if self.normalise == "absolute":
            return {m: min(1.0, (best - u) / self.reference) for m, u in found.items()}
        gap = best - least
        return {m: 0.0 if gap < EVEN else 1 - (u - least) / gap for m, u in found.items()}
