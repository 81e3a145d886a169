"""Policies that read nothing: constants and periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from asgml._step import Readings


@dataclass(frozen=True)
class Constant:
    """The same settings at every step.

    >>> from asgml.policies import Constant
    >>> Constant({"audio": 2})(7, {})
    {'audio': 2}
    """

    settings: Mapping[str, Any]
    reads: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", dict(self.settings))  # a copy: later edits by the caller change nothing

    @property
    def modalities(self) -> frozenset[str]:
        """Those that have a setting."""
        return frozenset(self.settings)

    def __call__(self, index: int, readings: Readings) -> Mapping[str, Any]:
        """Return the settings."""
        return self.settings


@dataclass(frozen=True)
class _Period:
    k: int
    modality: str
    phase: int = 0
    reads: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 2:
            raise ValueError(f"`k` must be an integer of at least 2 updates, found {self.k!r}; k = 1 would leave no choice")

    @property
    def modalities(self) -> frozenset[str]:
        """The one it decides for."""
        return frozenset({self.modality})


@dataclass(frozen=True)
class OneIn(_Period):
    """True (skip) at ONE of every k steps, the last of each group at `phase=0`: k = 2, 3, 4 skip 1/2, 1/3, 1/4.

    This is the k of the published Phase 1 analysis; ASGML's research code means `EveryK`. They agree at k = 2 only.

    >>> from asgml.policies import OneIn
    >>> [OneIn(3, "audio")(t, {})["audio"] for t in range(6)]
    [False, False, True, False, False, True]
    """

    def __call__(self, index: int, readings: Readings) -> Mapping[str, bool]:
        """Return {modality: skip at this step}."""
        return {self.modality: (index + self.phase + 1) % self.k == 0}


@dataclass(frozen=True)
class EveryK(_Period):
    """False (update) at ONE of every k steps, the first of each group at `phase=0`: k = 2, 3, 4 skip 1/2, 2/3, 3/4.

    >>> from asgml.policies import EveryK
    >>> [EveryK(3, "audio")(t, {})["audio"] for t in range(6)]
    [False, True, True, False, True, True]
    """

    def __call__(self, index: int, readings: Readings) -> Mapping[str, bool]:
        """Return {modality: skip at this step}."""
        return {self.modality: (index + self.phase) % self.k != 0}
