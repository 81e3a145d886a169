"""What the interventions share that draw random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asgml._states import Saved
from asgml.interventions._factors import ByFactor
from asgml.interventions._normal import Normal, check_generator
from asgml.interventions._scope import Scope


@dataclass
class Noisy(ByFactor):
    """Takes one factor per modality, and has one generator per modality."""

    scope: Scope = "weights"
    seed: int = 0
    _normal: Normal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._normal = Normal(type(self).__name__, self.seed)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums that the mean factors come from, and the generators' states."""
        return super().state_dict() | {"generators": self._normal.state_dict()}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no sums, and no generators' states."""
        super().check_state(saved)
        for _, state in saved.at("generators").modalities():
            check_generator(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        super().load_state_dict(state)
        self._normal.load_state_dict(state["generators"])
