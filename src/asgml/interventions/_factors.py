"""What the interventions share that take one factor per modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from asgml._numbers import is_number
from asgml._states import Saved
from asgml._step import NotYetMeasured, Policy, Step
from asgml.interventions._base import Intervention, decided
from asgml.interventions._scope import Scope, check_scope
from asgml.policies import Constant


@dataclass
class ByFactor(Intervention):
    """Takes one factor per modality from `by`, a mapping modality -> factor or a policy, for the gradients in `scope`."""

    needs_features = False
    noun: ClassVar[str] = "a scale"
    """What a factor is called in an error."""
    words: ClassVar[str] = "gradients scaled by {mean:.3g} on average"
    """What a modality got, for the summary."""
    by: Policy[float] | Mapping[str, float]
    scope: Scope = "all"
    _given: dict[str, list[float]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _now: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.by, Mapping):
            self.by = Constant(self.by)
        if isinstance(self.by, Constant):
            self._checked(self.by.settings)
        check_scope(self.scope)

    @property
    def policy(self) -> Policy[float]:
        """`by`."""
        assert not isinstance(self.by, Mapping)
        return self.by

    def factors(self, step: Step) -> Mapping[str, float]:
        """Return what `by` decides now; nothing before the first measurement of what it reads."""
        self._now = {}
        try:
            return self._checked(decided(self.policy, step))
        except NotYetMeasured:
            return {}

    def note(self, modality: str, factor: float) -> None:
        """Remember what a modality got."""
        self._now[modality] = factor
        total, count = self._given.get(modality, [0.0, 0.0])
        self._given[modality] = [total + factor, count + 1]

    def account(self) -> dict[str, str]:
        """Return modality -> its mean factor."""
        return {m: self.words.format(mean=total / count) for m, (total, count) in self._given.items()}

    def applied(self) -> dict[str, dict[str, float]]:
        """Return the factors of the last update, where they scale."""
        return {"scale": dict(self._now)} if self.scales and self._now else {}

    def state_dict(self) -> dict[str, Any]:
        """Return the sums that the mean factors come from."""
        return {"given": {m: list(sums) for m, sums in self._given.items()}}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no sums."""
        for _, sums in saved.at("given").modalities():
            if len(sums.items(most=2)) != 2:
                sums.refuse("a sum and a count")
            for number in sums.items():
                number.number(least=0)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        self._given = {m: list(sums) for m, sums in state["given"].items()}

    def _checked(self, factors: Mapping[str, Any]) -> Mapping[str, float]:
        if bad := {m: f for m, f in factors.items() if not is_number(f) or f < 0}:
            raise ValueError(f"{self.noun} must be a finite number of at least 0, found {bad}")
        return factors
