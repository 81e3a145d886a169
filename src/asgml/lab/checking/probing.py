"""Whether a modality's inputs tell the label at all: a linear probe on thumbnails, in a second."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MOST = 3000
"""Training samples, evenly over all."""

ENOUGH = 25
"""Validation samples: of fewer, hardly any probe can be told from chance."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Validation accuracy of the probe, of one fitted to shuffled labels, and of always saying training's commonest class."""

    probe: float
    shuffled: float
    commonest: float
    compared: int
    """Validation samples."""

    @property
    def chance(self) -> float:
        """The better of the two others."""
        return max(self.shuffled, self.commonest)

    @property
    def says_nothing(self) -> bool:
        """Whether the probe is no better than that, give or take two standard errors; never of few samples."""
        return self.compared >= ENOUGH and self.probe <= self.chance + 2 * math.sqrt(
            self.chance * (1 - self.chance) / self.compared
        )


Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def probe(train: Array, labels: Labels, held_out: Array, truth: Labels) -> Aligned:
    """Fit a ridge classifier to thumbnails (N, K) and labels (N,), and score it on validation."""
    rows = np.unique(np.linspace(0, len(train) - 1, min(MOST, len(train))).astype(np.int64))
    mixed = np.random.default_rng(0).permutation(labels[rows])
    right, shuffled = (_accuracy(train[rows], y, held_out, truth) for y in (labels[rows], mixed))
    return Aligned(right, shuffled, float((truth == np.bincount(labels).argmax()).mean()), len(truth))


def _accuracy(x: Array, y: Labels, held_out: Array, truth: Labels) -> float:
    if len(np.unique(y)) < 2:
        return float((truth == y[0]).mean())
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0)).fit(x, y)
    return float(model.score(held_out, truth))
