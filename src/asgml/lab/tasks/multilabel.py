"""Any number of labels per sample."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from asgml import LinearProbe, fit_probe
from asgml.lab.tasks._base import Task
from asgml.monitors import MultilabelProbe


class Multilabel(Task):
    """Targets (N, labels) of 0 and 1, logits (N, labels)."""

    name = "multilabel"

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the binary cross-entropy, mean over samples and labels."""
        return binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))

    def score(self, logits: Tensor, targets: Tensor) -> float:
        """Return the mean average precision over the labels that have a positive sample here."""
        return _mean(average_precision_score, logits, targets, (targets > 0).any(0))

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Return mAP, and AUROC over the labels that have a positive and a negative sample here: shares."""
        found = {"map": self.score(logits, targets)}
        both = (targets > 0).any(0) & (targets <= 0).any(0)
        if both.any():
            found["auroc"] = _mean(roc_auc_score, logits, targets, both)
        return found

    def fit(self, features: Tensor, targets: Tensor) -> Fitted:
        """Fit a logistic regression per label; one that all training samples, or none, carry gets a constant."""
        both = (targets > 0).any(0) & (targets <= 0).any(0)
        return Fitted(self, [fit_probe(features, t) if b else None for t, b in zip(targets.T.long(), both, strict=True)])

    def online(self) -> MultilabelProbe:
        """Return a logistic probe per label."""
        return MultilabelProbe(self.size)

    def problem(self, targets: Tensor) -> str | None:
        """Average precision needs a positive."""
        return None if (targets > 0).any() else "no sample in it carries any label, so that nothing can be ranked"


class Fitted:
    """Fitted `LinearProbe`s, one per label, scored by mean average precision."""

    def __init__(self, task: Multilabel, probes: list[LinearProbe | None]):
        self.task, self.probes = task, probes

    def score(self, features: Tensor, targets: Tensor) -> float:
        """Return the mAP, 0-1."""
        none = features.new_zeros(len(features), dtype=torch.float64)
        columns = [none if p is None else _margin(p, features) for p in self.probes]
        return self.task.score(torch.stack(columns, 1), targets)


def _mean(metric: Callable[..., float], logits: Tensor, targets: Tensor, labels: Tensor) -> float:
    """Return a metric of one label, averaged over these labels."""
    columns = zip(targets.T[labels].cpu().numpy(), logits.detach().T[labels].cpu().numpy(), strict=True)
    found = [float(metric(truth, said)) for truth, said in columns]
    return sum(found) / len(found)


def _margin(probe: LinearProbe, features: Tensor) -> Tensor:
    logits = probe.logits(features)
    return logits[:, 1] - logits[:, 0]
