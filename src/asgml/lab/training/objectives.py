"""What is differentiated: (logits, features, targets) -> loss. Methods that change the loss go here, and add up with `+`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from asgml.lab.training.seeding import seeded


class Objective(nn.Module, ABC):
    """A loss with whatever parameters it needs; the optimizer trains these too."""

    def prepare(self, widths: Mapping[str, int], classes: int, seed: int) -> None:
        """Make the parameters, once, when modality -> feature size and the number of classes are known."""

    @abstractmethod
    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return the 0-dim loss of logits (B, C), modality -> feature (B, D), targets (B,)."""

    def __add__(self, other: Objective) -> Objective:
        """Return the sum of two losses."""
        return Sum(self, other)


class Sum(Objective):
    """The sum of losses."""

    def __init__(self, *terms: Objective):
        super().__init__()
        self.terms = nn.ModuleList(terms)

    def prepare(self, widths: Mapping[str, int], classes: int, seed: int) -> None:
        """Prepare every term."""
        for term in self.terms:
            term.prepare(widths, classes, seed)  # type: ignore[operator]

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Add the terms up, in their order."""
        losses: list[Tensor] = [term(logits, features, targets) for term in self.terms]
        return sum(losses[1:], losses[0])


class CrossEntropy(Objective):
    """Mean cross-entropy of the fused logits: plain joint training."""

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return the mean over the batch."""
        loss: Tensor = cross_entropy(logits, targets)
        return loss


class Unimodal(Objective):
    """gamma times the sum over modalities of the cross-entropy of one own linear head each (unimodal kind: own-head).

    ASGML's runs, its baseline included, have gamma = 4 (paper draft: 1). The head of a skipped encoder goes on learning.
    """

    def __init__(self, gamma: float):
        super().__init__()
        self.gamma = gamma
        self.heads = nn.ModuleDict()

    def prepare(self, widths: Mapping[str, int], classes: int, seed: int) -> None:
        """Make one linear head per modality."""
        for modality, width in widths.items():
            with seeded(seed, "own head", modality):
                self.heads[modality] = nn.Linear(width, classes)

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return gamma * sum of mean cross-entropies."""
        losses: list[Tensor] = [cross_entropy(head(features[m]), targets) for m, head in self.heads.items()]
        return self.gamma * sum(losses[1:], losses[0])
