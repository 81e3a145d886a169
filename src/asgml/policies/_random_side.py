"""A control: somebody is skipped, and nothing that was measured says who."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from asgml._step import Readings
from asgml.policies._rounding import check_whole


@dataclass(frozen=True)
class RandomSide:
    """True (skip) at one of every k steps, the last of each group, for one modality drawn at random, each as likely.

    The draw is a function of the seed, the step and the modalities' names: it keeps no generator, so that a resumed run and
    every rank draw alike, and the order of the names does not matter. What a reading-driven policy gains over it is due to
    the reading.

    Raises ValueError for a k that is not an integer of at least 2, and for names that are none, repeated or one string.

    >>> from asgml.policies import RandomSide
    >>> RandomSide(["visual", "audio"], k=2)
    RandomSide(modalities=('audio', 'visual'), k=2, seed=0)
    >>> [sorted(m for m, skip in RandomSide(["visual", "audio"], 2)(t, {}).items() if skip) for t in range(6)]
    [[], ['visual'], [], ['audio'], [], ['audio']]
    """

    modalities: Sequence[str]
    k: int = 2
    seed: int = 0
    reads: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_whole(self.k, "k", 2)
        names = () if isinstance(self.modalities, str) else tuple(sorted(self.modalities))
        if not names or len(set(names)) < len(names):
            raise ValueError(f"`modalities` must be different names, one at least, found {self.modalities!r}")
        object.__setattr__(self, "modalities", names)

    def __call__(self, index: int, readings: Readings) -> Mapping[str, bool]:
        """Return modality -> skip at this step."""
        if (index + 1) % self.k:
            return dict.fromkeys(self.modalities, False)
        drawn = max(self.modalities, key=lambda m: self._lot(index, m))
        return {m: m == drawn for m in self.modalities}

    def _lot(self, index: int, modality: str) -> bytes:
        return hashlib.sha256(f"{self.seed} {index} {modality}".encode()).digest()
