"""How much each encoder's feature tells, right now: an online linear probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asgml._step import Step
from asgml.diagnostics._base import Diagnostic, check_every

Memory = dict[str, Tensor]


def pooled(features: Tensor) -> Tensor:
    """Bring features to (B, D) float32: (B, T, D) is averaged over T, (B, D, H, W, ...) over all that follows D."""
    if features.ndim == 3:
        features = features.mean(1)
    return features.flatten(2).mean(2).float() if features.ndim > 2 else features.reshape(len(features), -1).float()


@dataclass
class Probe(Diagnostic):
    """Accuracy (share, 0-1) of a linear softmax classifier that learns along on the detached features of each modality.

    Every batch is scored before it is learnt from; the reading is an exponential average without start-up bias (weight
    `1 - decay` on the newest batch). The weights start at zero and take one closed-form gradient step of softmax
    regression a batch, on features standardised by running statistics. Its step is `lr` over the mean squared length of
    a sample, so `lr` has no unit. It never touches an encoder's gradient, and sees skipped modalities too.

    Methods of this kind: ASGML's utilisation probes; here without their bias (an average that starts at 0) and without
    fitting and scoring halves of one batch. Needs `targets` (B,) of class indices below `classes`.
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
        found = {}
        for modality, features in step.features.items():
            targets = self._targets(step, modality)
            correct = (self.predict(modality, features).argmax(1) == targets).float().mean()
            found[modality] = self._averaged(self._memory.get(modality), correct)
        return found

    def learn(self, step: Step) -> None:
        """Take one gradient step per modality, and move the averages."""
        readings = self.measure(step)
        for modality, features in step.features.items():
            x, targets = pooled(features), self._targets(step, modality)
            memory = self._memory.get(modality) or self._fresh(x)
            self._memory[modality] = self._learnt(self._watched(memory, x, readings[modality]), x, targets)

    def predict(self, modality: str, features: Tensor) -> Tensor:
        """Return logits (B, classes) for features (B, ...); zeros before anything was learnt."""
        x = pooled(features)
        memory = self._memory.get(modality) or self._fresh(x)
        return torch.addmm(memory["bias"], _standardised(memory, x), memory["weight"])

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> weights, running statistics and averages."""
        return {m: dict(memory) for m, memory in self._memory.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned."""
        self._memory = {m: {name: t.clone() for name, t in memory.items()} for m, memory in state.items()}

    def _fresh(self, x: Tensor) -> Memory:
        zero = x.new_zeros
        return {
            "weight": zero(x.shape[1], self.classes),
            "bias": zero(self.classes),
            "mean": zero(x.shape[1]),
            "square": zero(x.shape[1]),
            "accuracy": zero(()),
            "mass": zero(()),
        }

    def _averaged(self, memory: Memory | None, correct: Tensor) -> Tensor:
        if memory is None:
            return correct
        total, mass = self._moved(memory["accuracy"], correct), self._moved(memory["mass"], torch.ones_like(correct))
        return total / mass

    def _moved(self, average: Tensor, value: Tensor) -> Tensor:
        return average.mul(self.decay).add_(value, alpha=1 - self.decay)

    def _watched(self, memory: Memory, x: Tensor, reading: Tensor) -> Memory:
        mass = self._moved(memory["mass"], torch.ones_like(reading))
        return memory | {
            "mass": mass,
            "accuracy": reading * mass,
            "mean": self._moved(memory["mean"], x.mean(0)),
            "square": self._moved(memory["square"], x.square().mean(0)),
        }

    def _learnt(self, memory: Memory, x: Tensor, targets: Tensor) -> Memory:
        x = _standardised(memory, x)
        error = torch.addmm(memory["bias"], x, memory["weight"]).softmax(1)
        error[torch.arange(len(x), device=x.device), targets] -= 1
        step = self.lr / (1 + x.square().sum(1).mean())
        return memory | {"weight": memory["weight"] - step * (x.T @ error), "bias": memory["bias"] - step * error.sum(0)}

    def _targets(self, step: Step, modality: str) -> Tensor:
        rows = len(step.features[modality])
        if step.targets is None:
            raise ValueError(f"{self.name!r} is a probe and needs targets: call `balancer.adjust(targets)`")
        if step.targets.shape != (rows,) or step.targets.is_floating_point():
            raise ValueError(
                f"{self.name!r} needs targets of shape ({rows},), the rows of {modality!r}, holding class "
                f"indices; found shape {tuple(step.targets.shape)}, {step.targets.dtype}"
            )
        return step.targets


def _standardised(memory: Memory, x: Tensor) -> Tensor:
    mass = memory["mass"].clamp_min(1e-12)
    mean = memory["mean"] / mass
    variance = (memory["square"] / mass - mean.square()).clamp_min(0)
    return (x - mean) / (variance + 1e-5 * variance.mean() + 1e-12).sqrt()
