"""One class per sample."""

from __future__ import annotations

from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml import LinearProbe, fit_probe
from asgml.lab.tasks._base import Task
from asgml.monitors import Probe

BINS = 15


class Classification(Task):
    """Targets (N,) int64, logits (N, classes)."""

    name = "classification"

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        found: Tensor = cross_entropy(logits, targets)
        return found

    def score(self, logits: Tensor, targets: Tensor) -> float:
        """Return the share of samples whose largest logit is the label's."""
        return (logits.argmax(1) == targets).double().mean().item()

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Return accuracy, macro F1 and expected calibration error, shares."""
        f1 = f1_score(targets.cpu().numpy(), logits.argmax(1).cpu().numpy(), average="macro", zero_division=0)
        return {
            "accuracy": self.score(logits, targets),
            "f1_macro": float(f1),
            "ece": calibration_error(logits.cpu(), targets.cpu()),
        }

    def fit(self, features: Tensor, targets: Tensor) -> Fitted:
        """Fit a multinomial logistic regression."""
        return Fitted(fit_probe(features, targets))

    def online(self) -> Probe:
        """Return a softmax probe."""
        return Probe(self.size)

    def problem(self, targets: Tensor) -> str | None:
        """Any sample will do."""
        return None if len(targets) else "it has no samples"


class Fitted:
    """A fitted `LinearProbe`, scored by accuracy."""

    def __init__(self, probe: LinearProbe):
        self.probe = probe

    def score(self, features: Tensor, targets: Tensor) -> float:
        """Return the accuracy, 0-1."""
        return self.probe.accuracy(features, targets)


def calibration_error(logits: Tensor, targets: Tensor, bins: int = BINS) -> float:
    """Return the expected calibration error, 0-1: mean |accuracy - confidence| over bins of confidence, weighted by samples.

    The bins are of equal width and closed above (C. Guo et al., On Calibration of Modern Neural Networks, 2017, eq. 3).
    """
    confidence, predicted = logits.double().softmax(1).max(1)
    off = (predicted == targets).double() - confidence
    index = (confidence * bins).ceil().long().clamp(1, bins) - 1
    return (off.new_zeros(bins).index_add(0, index, off).abs().sum() / max(1, len(off))).item()
