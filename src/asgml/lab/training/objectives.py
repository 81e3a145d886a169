"""What is differentiated: (logits, features, targets) -> loss. Methods that change the loss go here, and add up with `+`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import having, mask_of, rows_with
from asgml.lab.training.seeding import seeded


class Objective(nn.Module, ABC):
    """A loss with whatever parameters it needs; the optimizer trains these too."""

    criterion: Callable[[Tensor, Tensor], Tensor] = staticmethod(cross_entropy)
    """(logits (B, C), targets) -> 0-dim: the task's loss, which built-in objectives are made of."""
    whole: ClassVar[bool] = False
    """Whether it stands in the place of the fused cross-entropy; others are added to it."""

    def prepare(self, widths: Mapping[str, int], classes: int, seed: int) -> None:
        """Make the parameters, once, when modality -> feature size and the number of classes are known."""

    def use(self, criterion: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Take the task's loss in the place of cross-entropy."""
        self.criterion = criterion

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

    def use(self, criterion: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Hand the loss to every term."""
        for term in self.terms:
            term.use(criterion)  # type: ignore[operator]

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
    """Mean cross-entropy, or the task's loss in its place, of the fused logits: plain joint training."""

    whole = True

    def forward(self, logits: Tensor, features: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return the mean over the batch."""
        return self.criterion(logits, targets)


class Unimodal(Objective):
    """gamma times the sum over modalities of the cross-entropy of one own linear head each (unimodal kind: own-head).

    ASGML's runs, its baseline included, have gamma = 4 (paper draft: 1). The head of a skipped encoder goes on learning.
    Each mean is over the samples that have the modality.
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
        found = {m: having(features, m, targets) for m in self.heads}
        losses = [self.criterion(self.heads[m](x), y) for m, (x, y) in found.items() if len(x)]
        return self.gamma * sum(losses[1:], losses[0])


class SoloSum(Unimodal):
    """Encoders and own heads trained apart, nothing fused; the answer is the sum of the own heads' logits."""

    whole = True

    def __init__(self) -> None:
        super().__init__(1.0)

    def predict(self, logits: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of the own heads' logits (B, C), of the modalities that a sample has."""
        summed: list[Tensor] = [_where(mask_of(features, m), head(features[m])) for m, head in self.heads.items()]
        return sum(summed[1:], summed[0])


def _where(mask: Tensor | None, logits: Tensor) -> Tensor:
    return logits if mask is None else logits * mask.to(logits)[:, None]


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
        rows = {m: having(features, m, targets)[1] for m in features}
        alone = [self.criterion(model.zero_feature_logits(rows_with(features, m), m, head_detached=True), y)
                 for m, y in rows.items() if len(y)]  # fmt: skip
        fused = self.criterion(model.fused({m: x.detach() for m, x in features.items()}), targets)
        return fused + self.alpha * sum(alone[1:], alone[0])
