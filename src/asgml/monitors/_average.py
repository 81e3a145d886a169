"""An exponential average without start-up bias, equal on all ranks: the memory of every monitor that smooths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._base import Monitor


def check_decay(decay: float) -> None:
    """Refuse a decay that forgets nothing or is negative."""
    if not 0 <= decay < 1:
        raise ValueError(f"`decay` must lie in [0, 1), found {decay}")


@dataclass
class Once:
    """Keeps what was computed for one step, so that `evidence` need not compute again what `measure` did."""

    _step: Step | None = None
    _values: Mapping[str, Tensor] = field(default_factory=dict)

    def keep(self, step: Step, values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Keep them, and return them."""
        self._step, self._values = step, values
        return values

    def of(self, step: Step) -> Mapping[str, Tensor] | None:
        """Return what was kept for this very step."""
        return self._values if self._step is step else None

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self._step, self._values = None, {}


class Averaged(Monitor):
    """Reads the exponential average of what `now` says, each average divided by the weight that it has gathered."""

    decay: float
    _memory: dict[str, dict[str, Tensor]]
    _once: Once

    @abstractmethod
    def now(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> this update's value, 0-dim. Pure."""

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> average with this update included, 0-dim."""
        return {m: self._average(m, value) for m, value in self._once.keep(step, self.now(step)).items()}

    def _average(self, modality: str, value: Tensor) -> Tensor:
        one = torch.ones_like(value)
        memory = self._memory.get(modality)
        return value if memory is None else self._moved(memory["sum"], value) / self._moved(memory["mass"], one)

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return, per modality that has a value, its sum over rows, and their number (1 where rows are not known)."""
        values = self._once.of(step)
        found: dict[str, Tensor] = {}
        for modality, value in (self.now(step) if values is None else values).items():
            rows = value.new_tensor(len(step.features.get(modality, " ")), dtype=torch.float32)
            found |= {f"{modality}.total": value.float() * rows, f"{modality}.rows": rows}
        return found

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Move the averages of the modalities that have a value on any rank."""
        self._once.forget()
        for modality in [key.removesuffix(".rows") for key in sums if key.endswith(".rows")]:
            value = sums[f"{modality}.total"] / sums[f"{modality}.rows"].clamp_min(1)
            zero = torch.zeros_like(value)
            memory = self._memory.get(modality, {"sum": zero, "mass": zero})
            now = {"sum": value, "mass": torch.ones_like(value)}
            self._memory[modality] = {key: self._moved(memory[key], now[key]) for key in memory}

    def _moved(self, average: Tensor, value: Tensor) -> Tensor:
        return average * self.decay + value.to(average.dtype) * (1 - self.decay)

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> the average and its weight."""
        return {"averages": {m: dict(memory) for m, memory in self._memory.items()}}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no averages."""
        for _, memory in saved.at("averages").modalities():
            memory.tensors({"sum": (), "mass": ()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned."""
        self._memory = {m: {k: t.clone() for k, t in memory.items()} for m, memory in state["averages"].items()}
