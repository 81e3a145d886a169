"""What loss, evaluation, objectives and probes ask of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

from torch import Tensor

from asgml.lab.tasks.scoring import SCORINGS, Scoring
from asgml.monitors import MultilabelProbe, Probe, RidgeProbe

Online = Probe | MultilabelProbe | RidgeProbe


class Fitted(Protocol):
    """A linear probe, fitted on training features."""

    def score(self, features: Tensor, targets: Tensor) -> float:
        """Return the task's score of features (N, D)."""


class Task(ABC):
    """A kind of label. `size` is the width of the logits (B, size)."""

    name: ClassVar[str]

    def __init__(self, size: int):
        self.size = size

    @property
    def scoring(self) -> Scoring:
        """Its metrics by name."""
        return SCORINGS[self.name]

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over the batch, 0-dim."""

    @abstractmethod
    def score(self, logits: Tensor, targets: Tensor) -> float:
        """Return the number that chooses the epoch: more is better, 1 at most."""

    @abstractmethod
    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Return key -> value, the score first; a metric that these rows leave undefined is left out."""

    @abstractmethod
    def fit(self, features: Tensor, targets: Tensor) -> Fitted:
        """Fit the offline linear probe on training features (N, D)."""

    @abstractmethod
    def online(self) -> Online:
        """Return the linear probe that learns along."""

    @abstractmethod
    def problem(self, targets: Tensor) -> str | None:
        """Say why a split with these targets cannot be scored; None where it can."""
