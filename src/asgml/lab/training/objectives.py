"""What is differentiated: (logits, features, targets) -> loss. Methods that change the loss go here, and add up with `+`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training.seeding import seeded


class Objective(nn.Module, ABC):
    """A loss with whatever parameters it needs; the optimizer trains these too."""

    whole: ClassVar[bool] = False
    """Whether it stands in the place of the fused cross-entropy; others are added to it."""

    def prepare(self, widths: Mapping[str, int], classes: int, seed: int) -> None:
        """Make the parameters, once, when modality -> feature size and the number of classes are known."""

    def attach(self, model: LateFusion) -> None:
        """See the model whose outputs it will be given, once; it must not become a part of this module."""

    def predict(self, logits: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the logits (B, C) that the trained model answers with: the fused ones, unless the loss trains others."""
        return logits

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

    def attach(self, model: LateFusion) -> None:
        """Show every term the model."""
        for term in self.terms:
            term.attach(model)  # type: ignore[operator]

    def predict(self, logits: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return what the one term that answers in its own way says, if there is one."""
        for term in self.terms:
            logits = term.predict(logits, features)  # type: ignore[operator]
        return logits

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Add the terms up, in their order."""
        losses: list[Tensor] = [term(logits, features, targets) for term in self.terms]
        return sum(losses[1:], losses[0])


class CrossEntropy(Objective):
    """Mean cross-entropy of the fused logits: plain joint training."""

    whole = True

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


class SoloSum(Unimodal):
    """Encoders and own heads trained apart, nothing fused; the answer is the sum of the own heads' logits."""

    whole = True

    def __init__(self) -> None:
        super().__init__(1.0)

    def predict(self, logits: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of the own heads' logits (B, C)."""
        summed: list[Tensor] = [head(features[m]) for m, head in self.heads.items()]
        return sum(summed[1:], summed[0])


class Disentangled(Objective):
    """Disentangled gradient learning (ICCV 2025): alpha times the unimodal losses, and the fused loss of detached features.

    Unimodal logits are the model's own head with every other feature zero, its weights detached: so the encoders learn from
    the unimodal losses alone, the fusion from the fused loss alone. The released code reaches the same gradients by two
    backward passes and by discarding the fusion's gradients after the first.
    """

    whole = True

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha
        self._model: tuple[LateFusion, ...] = ()

    def attach(self, model: LateFusion) -> None:
        """Keep the model at hand, outside of this module's parts."""
        self._model = (model,)

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return the 0-dim sum."""
        (model,) = self._model
        alone = [cross_entropy(model.zero_feature_logits(features, m, head_detached=True), targets) for m in features]
        fused: Tensor = cross_entropy(model.fused({m: x.detach() for m, x in features.items()}), targets)
        return fused + self.alpha * sum(alone[1:], alone[0])
