"""Take larger or smaller steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from asgml._step import NotYetMeasured, Policy, Step
from asgml.interventions._base import Intervention, decided
from asgml.policies import Constant


@dataclass
class Scale(Intervention):
    """Multiply an encoder's gradients by the factor that `by` gives it, a mapping modality -> factor or a policy.

    All its parameters are scaled, biases and normalisation included (OGM's code scales convolution weights alone). It
    reads this step's readings. Under Adam-like optimizers a constant factor cancels: only its variation acts.

    Raises ValueError for a factor that is not a finite number of at least 0.
    """

    by: Policy[float] | Mapping[str, float]
    _given: dict[str, list[float]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.by, Mapping):
            self.by = Constant(self.by)
        if isinstance(self.by, Constant):
            _checked(self.by.settings)

    @property
    def policy(self) -> Policy[float]:
        """`by`."""
        assert not isinstance(self.by, Mapping)
        return self.by

    def adjust(self, step: Step) -> None:
        """Scale in place."""
        try:
            factors = _checked(decided(self.policy, step))
        except NotYetMeasured:
            return
        for modality, factor in factors.items():
            grads = [p.grad for _, p in step.with_grad(modality) if p.grad is not None]
            if not grads:
                continue
            if factor != 1:
                torch._foreach_mul_(grads, factor)
            total, count = self._given.get(modality, [0.0, 0.0])
            self._given[modality] = [total + factor, count + 1]

    def account(self) -> dict[str, str]:
        """Return modality -> its mean factor."""
        return {m: f"gradients scaled by {total / count:.3g} on average" for m, (total, count) in self._given.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the sums that the mean factors come from."""
        return {m: list(sums) for m, sums in self._given.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        self._given = {m: list(sums) for m, sums in state.items()}


def _checked(factors: Mapping[str, Any]) -> Mapping[str, float]:
    plain = {m for m, f in factors.items() if isinstance(f, int | float) and not isinstance(f, bool) and 0 <= f < math.inf}
    if bad := {m: f for m, f in factors.items() if m not in plain}:
        raise ValueError(f"a scale must be a finite number of at least 0, found {bad}")
    return factors
