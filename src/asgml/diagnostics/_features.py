"""What diagnostics that look at features share: pooling, running moments, and the words for targets that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from asgml._step import Step


def pooled(features: Tensor) -> Tensor:
    """Bring features to (B, D) float32: (B, T, D) is averaged over T, (B, D, H, W, ...) over all that follows D."""
    if features.ndim == 3:
        features = features.mean(1)
    if features.ndim > 2:
        features = features.flatten(2).mean(2)
    return features.float() if features.ndim == 2 else features.float()[:, None]


@dataclass(frozen=True)
class Moments:
    """Averages of x and x squared, (D,), each to be divided by `mass`."""

    mean: Tensor
    square: Tensor
    mass: Tensor

    @classmethod
    def of(cls, memory: Mapping[str, Tensor]) -> Self:
        """Take them out of a part's memory."""
        return cls(memory["mean"], memory["square"], memory["mass"])

    def standardised(self, x: Tensor) -> Tensor:
        """Return (x - mean) / sd for x (B, D); zeros before anything was seen."""
        mass = self.mass.clamp_min(1e-12)
        mean = self.mean / mass
        variance = (self.square / mass - mean.square()).clamp_min(0)
        return (x - mean) / (variance + 1e-5 * variance.mean() + 1e-12).sqrt() * (self.mass > 0)


def targets_of(step: Step, modality: str, name: str) -> Tensor:
    """Return the class indices (B,) of a step, or say what is wrong with them."""
    rows, targets = len(step.features[modality]), step.targets_of(modality)
    if targets is None:
        raise ValueError(f"{name!r} needs targets: call `balancer.adjust(targets)`")
    if targets.shape != (rows,) or targets.is_floating_point():
        raise ValueError(
            f"{name!r} needs targets of shape ({rows},), the rows of {modality!r}, holding class indices; found shape "
            f"{tuple(targets.shape)}, {targets.dtype}"
        )
    return targets


def matrix_of(step: Step, modality: str, name: str, columns: int) -> Tensor:
    """Return the targets of a step as float32 (B, columns), (B,) for one column, or say what is wrong with them."""
    rows, targets = len(step.features[modality]), step.targets_of(modality)
    if targets is None:
        raise ValueError(f"{name!r} needs targets: call `balancer.adjust(targets)`")
    if targets.shape not in {(rows, columns), *([(rows,)] if columns == 1 else [])}:
        raise ValueError(
            f"{name!r} needs targets of shape ({rows}, {columns}), a row for each of {modality!r}; found shape "
            f"{tuple(targets.shape)}, {targets.dtype}"
        )
    return targets.reshape(rows, columns).float()
