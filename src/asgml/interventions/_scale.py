"""Take larger or smaller steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from asgml._numbers import is_number
from asgml._states import Saved
from asgml._step import Step
from asgml.interventions._factors import ByFactor
from asgml.interventions._scope import within


@dataclass
class Scale(ByFactor):
    """Multiply an encoder's gradients by the factor that `by` gives it, a mapping modality -> factor or a policy.

    It reads this step's readings. `scope` says which gradients: "all", biases and normalisation included; "weights", those of
    parameters with 2 dimensions or more; "conv", those with 4, as OGM's code, which changes nothing in an encoder without
    2-d convolutions. Where `by` gives a modality no factor, its gradients stay as they are.

    `inertia` e, 0 (none) to below 1, smooths: from 1 on, every update for which `by` gives a factor moves the applied factor
    to (1 - e) factor + e applied, whether or not the reading behind it is new, and also where the encoder is skipped. ASGML's
    research code moves it only when its probe is evaluated, with e = 0.7.

    Under Adam-like optimizers a constant factor cancels: only its variation acts.

    Raises ValueError for a factor that is not a finite number of at least 0, an unknown `scope`, an `inertia` out of range.

    >>> from asgml.interventions import Scale
    >>> Scale({"audio": 0.5}, "weights")
    Scale(by=Constant(settings={'audio': 0.5}), scope='weights', inertia=0.0)
    """

    scales: ClassVar[bool] = True
    inertia: float = 0.0
    _applied: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.inertia) or not 0 <= self.inertia < 1:
            raise ValueError(f"`inertia` must be at least 0 and below 1, found {self.inertia!r}")

    def adjust(self, step: Step) -> None:
        """Scale in place."""
        for modality, target in self.factors(step).items():
            factor = self._smoothed(modality, target)
            grads = [grad for _, _, grad in within(step, modality, self.scope)]
            if not grads:
                continue
            if factor != 1:
                torch._foreach_mul_(grads, factor)
            self.note(modality, factor)

    def _smoothed(self, modality: str, target: float) -> float:
        if not self.inertia:
            return target
        before = self._applied.get(modality, 1.0)
        self._applied[modality] = before + (1 - self.inertia) * (target - before)
        return self._applied[modality]

    def state_dict(self) -> dict[str, Any]:
        """Return the sums that the mean factors come from, and the factors that inertia holds."""
        return super().state_dict() | {"applied": dict(self._applied)}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no sums and no factors."""
        super().check_state(saved)
        for _, factor in saved.at("applied").modalities():
            factor.number(least=0)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        super().load_state_dict(state)
        self._applied = dict(state["applied"])
