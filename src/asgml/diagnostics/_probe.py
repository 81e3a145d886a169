"""How much each encoder's feature tells, right now: an online linear probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asgml._step import Step
from asgml.diagnostics._base import Diagnostic, check_every
from asgml.diagnostics._features import Moments, pooled, targets_of

Memory = dict[str, Tensor]


@dataclass
class Probe(Diagnostic):
    """Accuracy (share, 0-1) of a linear softmax classifier that learns along on the detached features of each modality.

    Every batch is scored before it is learnt from; the reading is an exponential average without start-up bias (weight
    `1 - decay` on the newest batch). The weights start at zero and take one closed-form gradient step of softmax
    regression a batch, on features standardised by running statistics of the batches before; the first batch gives these
    statistics alone. Its step is `lr` over the mean squared length of a sample, so `lr` has no unit. It never touches an
    encoder's gradient, and sees skipped modalities too. Under torch.distributed it learns from all ranks' rows.

    Features (B, T, D) are averaged over T, (B, D, H, W, ...) over all that follows D. Needs `targets` (B,) of class indices
    below `classes`. Of ASGML's utilisation probes it differs in that its average does not start at 0 and that no batch is
    split into a half to fit and a half to score.
    """

    classes: int
    lr: float = 1.0
    decay: float = 0.9
    every: int = 1
    name: str = "probe"
    _memory: dict[str, Memory] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_every(self.every)
        if self.classes < 2:
            raise ValueError(f"`classes` must be at least 2, found {self.classes}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"`decay` must lie in [0, 1), found {self.decay}")

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> averaged accuracy with this batch included, 0-dim."""
        right = {m: (self._correct(m, x, targets_of(step, m, self.name)), len(x)) for m, x in step.features.items()}
        return {m: self._averaged(self._memory.get(m), correct / rows) for m, (correct, rows) in right.items() if rows}

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return, per modality, the sums over rows that one gradient step needs."""
        found: dict[str, Tensor] = {}
        for modality, features in step.features.items():
            x, y = pooled(features), targets_of(step, modality, self.name)
            memory = self._memory.get(modality) or self._fresh(x)
            z = Moments.of(memory).standardised(x)
            error = torch.addmm(memory["bias"], z, memory["weight"]).softmax(1)
            error[torch.arange(len(x), device=x.device), y] -= 1
            sums = {"rows": x.new_tensor(len(x)), "correct": self._correct(modality, features, y), "sum": x.sum(0),
                    "square": x.square().sum(0), "weight": z.T @ error, "bias": error.sum(0),
                    "length": z.square().sum()}  # fmt: skip
            found |= {f"{modality}.{key}": value for key, value in sums.items()}
        return found

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Take one gradient step per modality, and move the averages."""
        for modality in dict.fromkeys(key.rpartition(".")[0] for key in sums):
            of = {key: sums[f"{modality}.{key}"] for key in ("rows", "correct", "sum", "square", "weight", "bias", "length")}
            rows = of["rows"].clamp_min(1)
            memory = self._memory.get(modality) or self._fresh(of["sum"][None])
            rate = self.lr / (rows + of["length"]) * (memory["mass"] > 0)  # the first batch gives the statistics alone
            learnt = {key: memory[key] - rate * of[key] for key in ("weight", "bias")}
            values = {"accuracy": of["correct"] / rows, "mean": of["sum"] / rows, "square": of["square"] / rows}
            values["mass"] = torch.ones_like(rows)
            self._memory[modality] = learnt | {key: self._moved(memory[key], value) for key, value in values.items()}

    def predict(self, modality: str, features: Tensor) -> Tensor:
        """Return logits (B, classes) for features (B, ...); zeros before anything was learnt."""
        x = pooled(features)
        memory = self._memory.get(modality) or self._fresh(x)
        return torch.addmm(memory["bias"], Moments.of(memory).standardised(x), memory["weight"])

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> weights, running statistics and averages."""
        return {m: dict(memory) for m, memory in self._memory.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned."""
        self._memory = {m: {name: t.clone() for name, t in memory.items()} for m, memory in state.items()}

    def _correct(self, modality: str, features: Tensor, targets: Tensor) -> Tensor:
        return (self.predict(modality, features).argmax(1) == targets).float().sum()

    def _fresh(self, x: Tensor) -> Memory:
        zero = x.new_zeros
        return {"weight": zero(x.shape[1], self.classes), "bias": zero(self.classes), "mean": zero(x.shape[1]),
                "square": zero(x.shape[1]), "accuracy": zero(()), "mass": zero(())}  # fmt: skip

    def _averaged(self, memory: Memory | None, correct: Tensor) -> Tensor:
        if memory is None:
            return correct
        return self._moved(memory["accuracy"], correct) / self._moved(memory["mass"], torch.ones_like(correct))

    def _moved(self, average: Tensor, value: Tensor) -> Tensor:
        return average.mul(self.decay).add_(value, alpha=1 - self.decay)
