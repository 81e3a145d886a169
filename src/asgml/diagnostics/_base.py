"""The contract of everything that looks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from asgml._step import Stateful, Step

if TYPE_CHECKING:
    from torch import Tensor


class Diagnostic(Stateful, ABC):
    """Looks at a step: one number per modality. It never edits anything but itself."""

    name: str
    """The name of its reading."""
    every: int = 1
    """In updates: it measures at updates 0, every, 2 every, ..."""

    @abstractmethod
    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> 0-dim tensor. Pure. A modality that is left out keeps its last reading."""

    def learn(self, step: Step) -> None:
        """Change what changes in the diagnostic itself (a probe's weights, an average), once the step is known to be finite."""


def check_every(every: int) -> None:
    """Refuse a cadence below one update."""
    if every < 1:
        raise ValueError(f"`every` is counted in updates and must be at least 1, found {every}")
