"""A policy with a beginning and an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgml._numbers import is_count
from asgml._step import Policy, Readings


@dataclass(frozen=True)
class Between:
    """Another policy's settings at the updates start, start + 1, ..., stop - 1; outside of them no setting, so nothing acts.

    In updates, counted from 0; `stop=None` has no end. What it reads and whom it decides for is what `policy` declares.
    Epochs become updates by the number of updates an epoch has, `len(loader)` without accumulation. OGM-GE's code modulates
    epochs 0 to 50 inclusive, of 100: `stop=51 * len(loader)`.

    Raises ValueError for a `start` below 0 and a `stop` that is not above it.

    >>> from asgml.policies import Between, Constant
    >>> [Between(Constant({"audio": 0.5}), 1, 3)(t, {}) for t in range(4)]
    [{}, {'audio': 0.5}, {'audio': 0.5}, {}]
    """

    policy: Policy[Any]
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if not is_count(self.start):
            raise ValueError(f"`start` is counted in updates and must be an integer of at least 0, found {self.start!r}")
        if self.stop is not None and (not is_count(self.stop) or self.stop <= self.start):
            raise ValueError(f"`stop` must be None or an integer above `start`, {self.start}, found {self.stop!r}")

    @property
    def reads(self) -> frozenset[str]:
        """What the policy declares to read; absent where it declares nothing."""
        return self.policy.reads  # type: ignore[attr-defined, no-any-return]

    @property
    def modalities(self) -> frozenset[str]:
        """Whom the policy declares to decide for; absent where it declares nothing."""
        return self.policy.modalities  # type: ignore[attr-defined, no-any-return]

    def __call__(self, index: int, readings: Readings) -> Mapping[str, Any]:
        """Return the policy's settings, or none."""
        inside = index >= self.start and (self.stop is None or index < self.stop)
        return self.policy(index, readings) if inside else {}
