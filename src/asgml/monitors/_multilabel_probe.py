"""How much each encoder's feature tells where a sample may have several labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from asgml._step import Step
from asgml.monitors._features import Numbers, matrix_of
from asgml.monitors._online import Memory, OnlineLinear, Told


@dataclass
class MultilabelProbe(OnlineLinear):
    """Balanced accuracy (0-1, chance 0.5) of one linear logistic classifier per label that learn along on each modality.

    The reading is the mean over labels of (share of its positives found + share of its negatives found) / 2, over the labels
    that lately had both; 0.5 while there is none. A label counts as found where its probability is above the label's own
    recent share of positives. So neither rare labels nor a probe that always says no can raise it, as they raise plain
    accuracy.

    Everything else is as in `Probe`: each batch is scored before it is learnt from, the step and the fading are the same,
    the shares come from exponential averages (weight `1 - decay` on the newest batch). Needs `targets` (B, labels) of 0 and 1.

    >>> from asgml.monitors import MultilabelProbe
    >>> MultilabelProbe(labels=14)
    MultilabelProbe(labels=14, lr=1.0, decay=0.9, every=1, name='multilabel_probe')
    """

    labels: int
    lr: float = 1.0
    decay: float = 0.9
    every: int = 1
    name: str = "multilabel_probe"
    _memory: dict[str, Memory] = field(default_factory=dict, init=False, repr=False, compare=False)
    _looks: dict[str, Told] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.check()
        if self.labels < 1:
            raise ValueError(f"`labels` must be at least 1, found {self.labels}")

    @property
    def outputs(self) -> int:
        """`labels`."""
        return self.labels

    def targets(self, step: Step, modality: str) -> Numbers:
        """Return 0 and 1 (B, labels)."""
        return Numbers(matrix_of(step, modality, self.name, self.labels))

    def error(self, logits: Tensor, targets: Numbers) -> Tensor:
        """Return probabilities less the targets."""
        return logits.sigmoid() - targets.of

    def counts(self, modality: str, logits: Tensor, targets: Numbers) -> Memory:
        """Return, per label, how many positives and negatives there are, and how many of each are found."""
        memory, y = self._memory.get(modality), targets.of
        share = memory["positives"] / memory["mass"] if memory else y.new_tensor(0.5)
        yes = (logits.sigmoid() > share).float()
        return {
            "positives": y.sum(0),
            "negatives": (1 - y).sum(0),
            "hits": (yes * y).sum(0),
            "rejections": ((1 - yes) * (1 - y)).sum(0),
        }

    def counted(self) -> Mapping[str, Sequence[int]]:
        """Return the names and shapes of what `counts` returns."""
        return dict.fromkeys(("positives", "negatives", "hits", "rejections"), (self.labels,))

    def unfit(self, step: Step, modality: str) -> str:
        """Say what is below 0."""
        return (
            f"{self.name!r} takes 0 and 1 as the targets of {modality!r}, found numbers below 0: a label that is not known "
            "cannot be told by a number of its own; leave its row out of the batch, or count it as 0"
        )

    def reading(self, averages: Memory) -> Tensor:
        """Return the balanced accuracy, averaged over labels that have both kinds."""
        both = (averages["positives"] > 0) & (averages["negatives"] > 0)
        found = averages["hits"] / averages["positives"].clamp_min(1e-12)
        balanced = (found + averages["rejections"] / averages["negatives"].clamp_min(1e-12)) / 2
        total = torch.where(both, balanced, 0).sum()
        return torch.where(both.any(), total / both.sum().clamp_min(1), 0.5)
