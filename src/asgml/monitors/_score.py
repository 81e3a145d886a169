"""How sure the model is of the true class where it has one modality alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from asgml._step import Step
from asgml.monitors._labels import Labels
from asgml.monitors._logits import OfLogits


@dataclass
class Score(OfLogits):
    """Mean softmax probability (0-1) of the true class in a modality's unimodal logits: OGM-GE's score (eq. 8) over B.

    Which unimodal logits is said by name: `Score.split(head, widths)`, `Score.zero_feature(fuse)`, `Score.own_head(heads)`,
    or a plain mapping modality -> function from the feature (B, D) to logits (B, C). The three differ: only those of `split`
    add up to the fused logits (OGM-GE's), those of `zero_feature` each hold the whole bias, and own heads learn apart.

    Heads run in eval mode and without a graph: no weight and no BatchNorm statistic of theirs moves. Skipped modalities are
    scored too. Needs `targets` (B,) of class indices; rows whose label is `ignore_index` are left out. Under autocast,
    functions of your own enter it themselves.

    >>> import torch
    >>> from asgml import Balancer
    >>> from asgml.monitors import Score
    >>> audio, visual, head = torch.nn.Linear(4, 2), torch.nn.Linear(6, 3), torch.nn.Linear(5, 10)
    >>> score = Score.split(head, {"audio": 2, "visual": 3})
    >>> score
    Score(kind='split', every=1, ignore_index=-100, name='score')
    >>> balancer = Balancer({"audio": audio, "visual": visual}, measure=[score])
    >>> logits = head(torch.cat([audio(torch.ones(8, 4)), visual(torch.ones(8, 6))], 1))
    >>> targets = torch.arange(8)
    >>> torch.nn.functional.cross_entropy(logits, targets).backward()
    >>> sorted(balancer.adjust(targets)["score"])
    ['audio', 'visual']
    """

    name: str = "score"

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> mean probability of the true class, 0-dim."""
        return {m: _mean(logits, labels) for m, (logits, labels) in self.judged(step).items()}


def _mean(logits: Tensor, labels: Labels) -> Tensor:
    index = labels.only(labels.of)[:, None]  # rows that are left out read class 0, and then count as 0
    return labels.only(logits.float().softmax(1).gather(1, index)).sum() / labels.rows
