"""How much each encoder's feature tells, right now: an online linear probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from asgml._step import Step
from asgml.monitors._labels import IGNORED, Labels, check_ignored, labels_of, unfit
from asgml.monitors._online import Memory, OnlineLinear, Told


@dataclass
class Probe(OnlineLinear):
    """Accuracy (share, 0-1) of a linear softmax classifier that learns along on the detached features of each modality.

    Every batch is scored before it is learnt from; the reading is an exponential average without start-up bias (weight
    `1 - decay` on the newest batch). The weights start at zero and take one closed-form gradient step of softmax
    regression a batch, on features standardised by running statistics of the batches before; the first batch gives these
    statistics alone. Its step is 2 `lr` over the mean squared length of a sample, so `lr` has no unit, and at 1 it does not
    overshoot; the weights keep 97 % from batch to batch, since the encoder moves on. It never touches an encoder's gradient,
    and sees skipped modalities too. Under torch.distributed it learns from all ranks' rows.

    Features (B, T, D) are averaged over T, (B, D, H, W, ...) over all that follows D. Needs `targets` (B,) of class indices
    below `classes`, of any integer kind; rows whose label is `ignore_index` are left out. Of ASGML's utilisation probes it
    differs in that its average does not start at 0 and that no batch is split into a half to fit and a half to score. The rows
    are training rows, which the encoder has learnt from before: `ValidationProbe` reads the same of held-out ones.

    Its reading lags for some epochs after the lead has changed, since it names rows by what the encoder's older features
    taught. Where the offline probes' gap on test samples exceeded 5 points, the sign of this reading's gap was theirs in 100 %
    of 47 epochs of 68 updates (keypad), but in 84 % of 110 epochs of 5 updates, and in 66 % of 98 on avdigits. To steer short
    epochs take `ValidationProbe` with `training`; to report, `fit_probe`.

    >>> from asgml.monitors import Probe
    >>> Probe(classes=10)
    Probe(classes=10, lr=1.0, decay=0.9, every=1, name='probe', ignore_index=-100)
    """

    classes: int
    lr: float = 1.0
    decay: float = 0.9
    every: int = 1
    name: str = "probe"
    ignore_index: int = IGNORED
    _memory: dict[str, Memory] = field(default_factory=dict, init=False, repr=False, compare=False)
    _looks: dict[str, Told] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.check()
        check_ignored(self.ignore_index)
        if self.classes < 2:
            raise ValueError(f"`classes` must be at least 2, found {self.classes}")

    @property
    def outputs(self) -> int:
        """`classes`."""
        return self.classes

    def targets(self, step: Step, modality: str) -> Labels:
        """Return class indices (B,)."""
        return labels_of(step, modality, self.name, self.classes, self.ignore_index)

    def error(self, logits: Tensor, targets: Labels) -> Tensor:
        """Return softmax probabilities less the one-hot targets."""
        return targets.only(logits.softmax(1)) - targets.onehot

    def counts(self, modality: str, logits: Tensor, targets: Labels) -> Memory:
        """Return the number of rows that are named right."""
        return {"accuracy": ((logits.argmax(1) == targets.of) & targets.keep).float().sum()}

    def counted(self) -> Mapping[str, Sequence[int]]:
        """Return the names and shapes of what `counts` returns."""
        return {"accuracy": ()}

    def unfit(self, step: Step, modality: str) -> str:
        """Say which labels are no classes."""
        return unfit(self.name, modality, step.targets_of(modality), self.classes, self.ignore_index)

    def reading(self, averages: Memory) -> Tensor:
        """Return the accuracy."""
        return averages["accuracy"]
