"""What a policy may declare of itself, and how several stand together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgml._step import Policy, Readings


def declared(policy: Policy[Any]) -> bool:
    """Tell whether a policy says what it reads and whom it decides for; a bare function does not."""
    return hasattr(policy, "reads") and hasattr(policy, "modalities")


def reads(policy: Policy[Any]) -> frozenset[str]:
    """Return the names of the readings that a policy declares to use."""
    return getattr(policy, "reads", frozenset())


def modalities(policy: Policy[Any]) -> frozenset[str]:
    """Return the modalities that a policy declares to decide for."""
    return frozenset(getattr(policy, "modalities", ()))


@dataclass(frozen=True)
class Together:
    """Several policies over different modalities as one."""

    policies: tuple[Policy[Any], ...]

    def __post_init__(self) -> None:
        if bare := [p for p in self.policies if not declared(p)]:
            raise ValueError(
                f"{bare[0]!r} does not declare its `modalities`, so it cannot be joined with another policy: "
                "write one policy that decides for all of them"
            )
        seen: set[str] = set()
        for policy in self.policies:
            if twice := seen & modalities(policy):
                raise ValueError(
                    f"{sorted(twice)} would be decided by two policies: {', '.join(map(repr, self.policies))}; keep one of them"
                )
            seen |= modalities(policy)

    @property
    def reads(self) -> frozenset[str]:
        """All that its policies read."""
        return frozenset().union(*map(reads, self.policies))

    @property
    def modalities(self) -> frozenset[str]:
        """All that its policies decide for."""
        return frozenset().union(*map(modalities, self.policies))

    def __call__(self, index: int, readings: Readings) -> Mapping[str, Any]:
        """Return the union of the policies' settings."""
        return {m: setting for policy in self.policies for m, setting in policy(index, readings).items()}
