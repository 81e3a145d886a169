"""What monitors that look at features share: pooling, running moments, and targets that are no classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from asgml._step import Step
from asgml.monitors._labels import ROWS, needed_targets


def pooled(features: Tensor) -> Tensor:
    """Bring features to (B, D) float32: (B, T, D) is averaged over T, (B, D, H, W, ...) over all that follows D.

    Complex ones become twice as many columns, real parts first.
    """
    if features.ndim == 3:
        features = features.mean(1)
    if features.ndim > 2:
        features = features.flatten(2).mean(2)
    columns = features if features.ndim == 2 else features[:, None]
    return (torch.cat([columns.real, columns.imag], 1) if columns.is_complex() else columns).float()


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


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Targets (B, columns) that are no classes: every row counts."""

    of: Tensor

    @property
    def rows(self) -> Tensor:
        """How many rows there are, 0-dim."""
        return self.of.new_tensor(len(self.of))

    def only(self, values: Tensor) -> Tensor:
        """Return values as they are."""
        return values

    def admitted(self) -> Tensor:
        """Return how many rows there are, inf where a number is below 0."""
        return torch.where((self.of < 0).any(), torch.inf, self.rows)


def matrix_of(step: Step, modality: str, name: str, columns: int) -> Tensor:
    """Return the targets of a step as float32 (B, columns), (B,) for one column, or say what is wrong with them."""
    rows, targets = len(step.features[modality]), needed_targets(step, modality, name)
    if targets.is_complex():  # `float` would drop the imaginary parts
        raise ValueError(f"{name!r} needs targets of real numbers, found {targets.dtype}: give `torch.view_as_real(targets)`")
    if targets.shape not in {(rows, columns), *([(rows,)] if columns == 1 else [])}:
        raise ValueError(
            f"{name!r} needs targets of shape ({rows}, {columns}), a row for each of {modality!r}; found shape "
            f"{tuple(targets.shape)}, {targets.dtype}: {ROWS}"
        )
    return targets.reshape(rows, columns).float()
