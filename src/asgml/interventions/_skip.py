"""Leave an encoder's update out, and save its backward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from asgml._states import Saved
from asgml._step import NotYetMeasured, Policy, Readings, Step
from asgml.interventions._base import Intervention
from asgml.policies import Together
from asgml.policies import _base as policies

GUARD = 8


@dataclass
class Skip(Intervention):
    """No update of an encoder in the steps that `when` names: no gradient, decay or momentum, no backward behind its output.

    Its gradients are None, not zero: with a zeroed gradient momentum and weight decay go on moving the encoder. BatchNorm
    statistics still move in the forward pass, and everything else in the model updates every step. Whom to skip must be
    known before the forward, so a policy that reads sees the readings of the step before; at step 0 it skips nobody.

    `at_most` is the starvation guard: after so many skips in a row the modality updates once, and `forced` counts it.
    "auto" means 8 for a policy that reads (or does not declare what it reads) and none for a schedule.
    """

    needs_features = False
    exclusive: ClassVar[bool] = True
    when: Policy[bool]
    at_most: int | Literal["auto"] | None = "auto"
    forced: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Modality -> updates that the guard forced."""
    _streak: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _forcing: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.at_most not in (None, "auto") and (not isinstance(self.at_most, int) or self.at_most < 1):
            raise ValueError(f"`at_most` must be at least 1 skip, None or 'auto', found {self.at_most!r}")

    @property
    def policy(self) -> Policy[bool]:
        """`when`."""
        return self.when

    @property
    def limit(self) -> int | None:
        """Skips in a row that are allowed; None: any number."""
        if self.at_most != "auto":
            return self.at_most
        return GUARD if self.reads or not policies.declared(self.when) else None

    def skips(self, index: int, readings: Readings) -> Iterable[str]:
        """Return whom `when` names, less those that the guard forces to update."""
        try:
            wanted = {m for m, yes in self.when(index, readings).items() if yes}
        except NotYetMeasured:
            wanted = set()
        limit = self.limit
        self._forcing = frozenset(m for m in wanted if limit is not None and self._streak.get(m, 0) >= limit)
        return wanted - self._forcing

    def adjust(self, step: Step) -> None:
        """Count skips in a row, and forced updates."""
        for m in sorted(step.used):
            self._streak[m] = self._streak.get(m, 0) + 1 if m in step.skipped else 0
            if m in self._forcing:
                self.forced[m] = self.forced.get(m, 0) + 1

    def account(self) -> dict[str, str]:
        """Return modality -> forced updates, where the guard forced any."""
        return {m: f"{n} updates forced after {self.limit} skips in a row" for m, n in self.forced.items()}

    def joined(self, other: Intervention) -> Skip:
        """Return one Skip for both's modalities."""
        if not isinstance(other, Skip) or other.at_most != self.at_most:
            raise ValueError(f"{self} and {other} cannot be joined: their `at_most` must be equal")
        return replace(self, when=Together((self.when, other.when)))

    def state_dict(self) -> dict[str, Any]:
        """Return the counters."""
        return {"forced": dict(self.forced), "streak": dict(self._streak), "forcing": sorted(self._forcing)}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no counters."""
        saved.at("forcing").names()
        for key in ("forced", "streak"):
            for _, count in saved.at(key).modalities():
                count.count()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the counters over."""
        self.forced, self._streak = dict(state["forced"]), dict(state["streak"])
        self._forcing = frozenset(state["forcing"])
