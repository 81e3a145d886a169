"""Hold back whoever is surer of the true class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asgml._numbers import is_number
from asgml._step import Readings

TINY = 1e-12
"""A score below it counts as this much, so that no ratio divides by zero."""


@dataclass(frozen=True)
class Ogm:
    """A factor 1 - tanh(alpha rho) on the gradients of each modality that scores above the others (rho > 1), 1 for the rest.

    rho is the mean over the other modalities j of s_m / s_j, s being the reading named `score` (`monitors.Score`), of this
    update's batch. On-the-fly gradient modulation of Peng et al., "Balanced Multimodal Learning via On-the-fly Gradient
    Modulation", CVPR 2022, eq. 8-10; for more than two modalities the mean of Wei et al., T-PAMI 2024.

    The argument is rho, not rho - 1: as soon as a modality leads the factor falls from 1 to 1 - tanh(alpha), 0.34 at alpha
    0.8. On a tie all factors are 1, as in the paper; the released code holds its first modality back. `alpha`, at least 0,
    has no usual value: papers take 0.1 to 1; 0 changes nothing.

    Raises ValueError for an `alpha` that is not a finite number of at least 0.

    >>> from asgml.policies import Ogm
    >>> {m: round(k, 3) for m, k in Ogm(alpha=0.8)(0, {"score": {"audio": 0.6, "visual": 0.4}}).items()}
    {'audio': 0.166, 'visual': 1.0}
    """

    alpha: float
    score: str = "score"

    def __post_init__(self) -> None:
        if not is_number(self.alpha) or self.alpha < 0:
            raise ValueError(f"`alpha` must be a finite number of at least 0, found {self.alpha!r}")

    @property
    def reads(self) -> frozenset[str]:
        """`score`."""
        return frozenset({self.score})

    def __call__(self, index: int, readings: Readings) -> Mapping[str, float]:
        """Return every modality's factor."""
        scores = {m: max(s, TINY) for m, s in readings[self.score].items()}
        return {m: self._factor(_lead(m, scores)) for m in scores}

    def _factor(self, rho: float) -> float:
        return 1 - math.tanh(self.alpha * rho) if rho > 1 else 1.0


def _lead(modality: str, scores: Mapping[str, float]) -> float:
    """Return the mean ratio of a modality's score to the others'; 1 where there are none."""
    ratios = [scores[modality] / other for m, other in scores.items() if m != modality]
    return math.fsum(ratios) / len(ratios) if ratios else 1.0
