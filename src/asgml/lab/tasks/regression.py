"""A number per sample, or several."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, r2_score
from torch import Tensor
from torch.nn.functional import mse_loss

from asgml import RidgeRegression, fit_ridge_probe
from asgml.lab.tasks._base import Task
from asgml.monitors import RidgeProbe

SCALE = 3
"""CMU-MOSI and CMU-MOSEI rate sentiment from -3 to 3."""
Numbers = np.typing.NDArray[np.float64]


class Regression(Task):
    """Targets (N,) or (N, outputs) float, logits (N, outputs) in the same unit.

    With `sentiment` the targets lie on the scale of CMU-MOSI, and Acc-2 and Acc-7 are given too.
    """

    name = "regression"

    def __init__(self, size: int, *, sentiment: bool = False):
        super().__init__(size)
        self.sentiment = sentiment

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the squared error, mean over samples and outputs."""
        return mse_loss(logits, targets.reshape(logits.shape).to(logits.dtype))

    def score(self, logits: Tensor, targets: Tensor) -> float:
        """Return R², 1 at most, 0 for the mean of these very targets; averaged over outputs."""
        return float(r2_score(*_arrays(logits, targets)))

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Return R², MAE and Pearson's r, averaged over outputs, and what is asked of sentiment."""
        truth, said = _arrays(logits, targets)
        found = {"r2": self.score(logits, targets), "mae": float(mean_absolute_error(truth, said))} | _pearson(truth, said)
        return found | (sentiment_accuracies(truth[:, 0], said[:, 0]) if self.sentiment else {})

    def fit(self, features: Tensor, targets: Tensor) -> Fitted:
        """Fit a ridge regression."""
        return Fitted(fit_ridge_probe(features, targets))

    def online(self) -> RidgeProbe:
        """Return a ridge probe."""
        return RidgeProbe(self.size)

    def problem(self, targets: Tensor) -> str | None:
        """R² needs targets that differ."""
        return (
            None
            if len(targets) > 1 and (targets != targets[0]).any()
            else "its labels do not differ, so that R² has no meaning"
        )


class Fitted:
    """A fitted `RidgeRegression`, scored by R²."""

    def __init__(self, probe: RidgeRegression):
        self.probe = probe

    def score(self, features: Tensor, targets: Tensor) -> float:
        """Return R², 1 at most."""
        return self.probe.r2(features, targets)


def is_sentiment(targets: Tensor) -> bool:
    """Whether training targets lie on the scale -3 to 3 on both sides of 0, one number each."""
    one = targets.ndim == 1 or targets.shape[1] == 1
    return one and bool((targets.abs() <= SCALE).all() and (targets > 0).any() and (targets < 0).any())


def sentiment_accuracies(truth: Numbers, said: Numbers) -> dict[str, float]:
    """Return Acc-2 both ways and Acc-7, as the tables of CMU-MOSI and CMU-MOSEI have them.

    has0: negative against the rest; non0: negative against positive, where the truth is not 0. Acc-7: both clipped to -3 to 3
    and rounded to whole numbers, a half to the even one, as NumPy does (the MMSA code).
    """
    whole = [np.round(np.clip(x, -SCALE, SCALE)) for x in (truth, said)]
    found = {"acc2_has0": float(np.mean((truth >= 0) == (said >= 0))), "acc7": float(np.mean(whole[0] == whole[1]))}
    signed = truth != 0
    return found | ({"acc2_non0": float(np.mean((truth[signed] > 0) == (said[signed] > 0)))} if signed.any() else {})


def _arrays(logits: Tensor, targets: Tensor) -> tuple[Numbers, Numbers]:
    truth, said = (x.detach().reshape(len(x), -1).double().cpu().numpy() for x in (targets, logits))
    return truth, said


def _pearson(truth: Numbers, said: Numbers) -> dict[str, float]:
    """Return the mean over outputs; nothing where one is constant, since it has no correlation then."""
    if min(np.ptp(truth, axis=0).min(), np.ptp(said, axis=0).min()) == 0:
        return {}
    found = [float(pearsonr(t, s).statistic) for t, s in zip(truth.T, said.T, strict=True)]
    return {"pearson": sum(found) / len(found)} if all(map(math.isfinite, found)) else {}
