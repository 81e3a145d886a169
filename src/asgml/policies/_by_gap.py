"""Policies that slow whoever is ahead, the more the further ahead it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgml._step import Readings
from asgml.policies._rounding import check_above_zero, check_whole, half_up


@dataclass(frozen=True)
class _ByGap:
    gap: str = "gap"

    @property
    def reads(self) -> frozenset[str]:
        """The reading that it decides by."""
        return frozenset({self.gap})


@dataclass(frozen=True)
class FrequencyByGap(_ByGap):
    """Skip one in k updates of whoever is ahead: k = 1 / min(0.5, gap), rounded half up, within [2, k_max].

    A gap of 0.5 and more skips every other update, 0.3 one in 3, 0.25 one in 4, a smaller one in k_max; a gap of 0 none. Like
    `OneIn`, it skips the last of each group of k, counted from update 0. `gap` names a reading of `monitors.Gap`.

    The mapping is this library's: the published analysis asks for a threshold and for k from 2 to 4, and does not say which.

    >>> from asgml.policies import FrequencyByGap
    >>> policy = FrequencyByGap()
    >>> [policy(t, {"gap": {"audio": 0.3, "visual": 0.0}}) for t in (0, 2)]
    [{'audio': False}, {'audio': True}]
    """

    k_max: int = 4

    def __post_init__(self) -> None:
        check_whole(self.k_max, "k_max", 2)

    def period(self, gap: float) -> int:
        """Return k for a gap above 0."""
        return max(2, half_up(min(1 / min(0.5, gap), self.k_max)))

    def __call__(self, index: int, readings: Readings) -> Mapping[str, bool]:
        """Return modality -> skip at this step, for those with a gap."""
        return {m: (index + 1) % self.period(gap) == 0 for m, gap in readings[self.gap].items() if gap > 0}


@dataclass(frozen=True)
class StalenessByGap(_ByGap):
    """Whoever is ahead learns from gradients tau updates old: tau_max min(1, gap / full), rounded half up, at least 1.

    A gap of 0 is a tau of 0, plain training; a gap of `full` and more is tau_max. `gap` names a reading of `monitors.Gap`.
    Each growth of tau holds the encoder still for as many updates as it grows by (`interventions.Delay`).

    >>> from asgml.policies import StalenessByGap
    >>> StalenessByGap()(0, {"gap": {"audio": 0.25, "visual": 0.0}})
    {'audio': 2, 'visual': 0}
    """

    tau_max: int = 4
    full: float = 0.5

    def __post_init__(self) -> None:
        check_whole(self.tau_max, "tau_max", 1)
        check_above_zero(self.full, "full")

    def __call__(self, index: int, readings: Readings) -> Mapping[str, int]:
        """Return modality -> tau."""
        return {m: self._tau(gap) if gap > 0 else 0 for m, gap in readings[self.gap].items()}

    def _tau(self, gap: float) -> int:
        return max(1, half_up(self.tau_max * min(1.0, gap / self.full)))


@dataclass(frozen=True)
class ScaleByGap(_ByGap):
    """Scale gradients of whoever is ahead by 1 - (1 - floor) min(1, gap / full): 1 without a gap, `floor` at `full` and more.

    `gap` names a reading of `monitors.Gap`.

    >>> from asgml.policies import ScaleByGap
    >>> ScaleByGap(floor=0.5)(0, {"gap": {"audio": 0.25, "visual": 0.0}})
    {'audio': 0.75, 'visual': 1.0}
    """

    floor: float = 0.1
    full: float = 0.5

    def __post_init__(self) -> None:
        check_above_zero(self.full, "full")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"`floor` must lie in [0, 1], found {self.floor!r}")

    def __call__(self, index: int, readings: Readings) -> Mapping[str, float]:
        """Return modality -> factor."""
        return {m: 1 - (1 - self.floor) * max(0.0, min(1.0, gap / self.full)) for m, gap in readings[self.gap].items()}
