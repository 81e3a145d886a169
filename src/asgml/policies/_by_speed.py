"""Policies that slow whoever learns faster than the mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgml._step import Readings
from asgml.policies._rounding import check_above_zero, check_whole, half_up


@dataclass(frozen=True)
class _BySpeed:
    speed: str = "speed"
    tau_base: float = 1.0
    tau_max: int = 8
    kappa: float = 3.0

    def __post_init__(self) -> None:
        check_above_zero(self.tau_base, "tau_base")
        check_whole(self.tau_max, "tau_max", 1)
        if not self.kappa >= 1:
            raise ValueError(f"`kappa` must be at least 1, found {self.kappa!r}")

    @property
    def reads(self) -> frozenset[str]:
        """The reading that it decides by."""
        return frozenset({self.speed})

    def taus(self, speeds: Mapping[str, float]) -> dict[str, int]:
        """Return modality -> tau, 1 for those that are not slowed."""
        wanted = {m: half_up(max(1.0, min(self.tau_base * s, self.tau_max))) if s > 1 else 1 for m, s in speeds.items()}
        cap = int(min(self.kappa * min(wanted.values(), default=1), self.tau_max))
        return {m: min(tau, cap) for m, tau in wanted.items()}


@dataclass(frozen=True)
class FrequencyBySpeed(_BySpeed):
    """Update an encoder whose speed is above 1 once every tau updates: tau_base speed, within [1, tau_max], rounded half up.

    No tau is above int(kappa times the smallest); who is not slowed counts as 1. As in ASGML's code, step 0 updates and tau
    is `EveryK`'s k; there every modality has its period, here only those above the mean, and its tau_base is 2. With a
    tau_base of 1 a speed below 1.5 leaves everyone alone. `speed` names a reading of `monitors.Speed`.

    >>> from asgml.policies import FrequencyBySpeed
    >>> policy = FrequencyBySpeed()
    >>> [policy(t, {"speed": {"audio": 1.6, "visual": 0.4}}) for t in range(3)]
    [{'audio': False}, {'audio': True}, {'audio': False}]
    """

    def __call__(self, index: int, readings: Readings) -> Mapping[str, bool]:
        """Return modality -> skip at this step, for those that are slowed."""
        return {m: index % tau != 0 for m, tau in self.taus(readings[self.speed]).items() if tau > 1}


@dataclass(frozen=True)
class StalenessBySpeed(_BySpeed):
    """An encoder whose speed is above 1 learns from gradients tau updates old; tau as in `FrequencyBySpeed`, else 0.

    A speed that is hardly above 1 has a tau of 1. ASGML's code delays by tau - 1.

    >>> from asgml.policies import StalenessBySpeed
    >>> StalenessBySpeed(kappa=3)(0, {"speed": {"audio": 8.0, "visual": 2.0, "text": 1.0}})
    {'audio': 3, 'visual': 2, 'text': 0}
    """

    def __call__(self, index: int, readings: Readings) -> Mapping[str, int]:
        """Return modality -> tau."""
        speeds = readings[self.speed]
        return {m: tau if speeds[m] > 1 else 0 for m, tau in self.taus(speeds).items()}
