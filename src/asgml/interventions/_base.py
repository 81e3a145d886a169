"""The contract of everything that acts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from asgml._step import Policy, Readings, Stateful, Step
from asgml.policies import _base as policies


class Intervention(Stateful, ABC):
    """Acts: edits `.grad` in place, or asks that a modality be skipped. It knows how; its policy, whom and how much."""

    exclusive: ClassVar[bool] = False
    """At most one of this class in a Balancer."""
    needs_features: bool = True
    """Whether it looks at `step.features`; where no part does, encoders' outputs are not kept."""
    scales: ClassVar[bool] = False
    """Multiplies gradients by a factor, which Adam-like optimizers cancel where it is constant."""

    @property
    def policy(self) -> Policy[Any] | None:
        """What decides for it; None where nothing does."""
        return None

    @property
    def reads(self) -> frozenset[str]:
        """Names of the readings that it needs."""
        return policies.reads(self.policy) if self.policy else frozenset()

    @property
    def modalities(self) -> frozenset[str]:
        """The modalities that it says it acts on; empty where it does not say."""
        return policies.modalities(self.policy) if self.policy else frozenset()

    @property
    def may_skip(self) -> bool:
        """Whether it can ask for skips at all."""
        return type(self).skips is not Intervention.skips

    def skips(self, index: int, readings: Readings) -> Iterable[str]:
        """Return the modalities whose backward is not to be computed in step `index`; asked before its forward."""
        return ()

    def adjust(self, step: Step) -> None:
        """Edit gradients in place. A gradient that is None stays None where the part does not bring an older one."""

    def account(self) -> Mapping[str, str]:
        """Return modality -> what it got so far, in a few words, for `Balancer.summary`."""
        return {}

    def applied(self) -> Mapping[str, Mapping[str, float]]:
        """Return what was done in the update it adjusted last: "scale" or "delay" -> modality -> factor, or updates."""
        return {}

    def joined(self, other: Intervention) -> Intervention:
        """Return one part that does both's work, over different modalities; exclusive classes must be able to."""
        raise ValueError(f"two {type(self).__name__} cannot be joined: give one of them all the modalities instead")


def decided(policy: Policy[Any], step: Step) -> Mapping[str, Any]:
    """Ask a policy, and refuse a modality that does not exist."""
    settings = policy(step.index, step.readings)
    if unknown := set(settings) - set(step.params):
        raise ValueError(f"{policy!r} decides for {sorted(unknown)}; the modalities are {sorted(step.params)}")
    return settings
