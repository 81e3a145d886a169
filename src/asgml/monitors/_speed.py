"""How fast each modality learns, compared with the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml._states import Saved
from asgml.monitors._average import check_decay
from asgml.monitors._base import Derived

TINY = 1e-8
START = {"sum": 0.0, "mass": 0.0, "steps": 0.0}


@dataclass
class Speed(Derived):
    """ASGML's dual signal: beta G + (1 - beta) D, of which G compares gradient norms and D descents of the unimodal losses.

    G is a modality's gradient norm, averaged with `decay`, over the mean of all modalities'; D is |descent| over its mean.
    A ratio is 1 for all before every modality has had two updates, and where its mean is below 1e-8. Equal modalities read 1,
    faster ones more; all speeds of one update add up to the number of modalities that have both readings. A skipped modality
    has no gradient: its average norm waits, and its loss still counts.

    `norms` and `losses` name the readings of a `GradNorm` (of the total loss, before any intervention; it need not be
    smoothed) and of a `LossDescent`, best a signed one: under torch.distributed sizes of ranks' descents do not average to
    the size of the whole. ASGML's code takes the size of the descent, its paper draft the sign.

    Raises ValueError for a beta outside [0, 1] or a decay outside [0, 1).

    >>> from asgml.monitors import Speed
    >>> speed = Speed(beta=0.5)
    >>> readings = {"grad_norm": {"audio": 3.0, "visual": 1.0}, "loss_descent": {"audio": 0.25, "visual": 0.25}}
    >>> [speed.derive(t, readings) for t in range(2)][-1]
    {'audio': 1.25, 'visual': 0.75}
    """

    norms: str = "grad_norm"
    losses: str = "loss_descent"
    beta: float = 0.5
    decay: float = 0.9
    name: str = "speed"
    _norms: dict[str, dict[str, float]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.reads = frozenset({self.norms, self.losses})
        check_decay(self.decay)
        if not 0 <= self.beta <= 1:
            raise ValueError(f"`beta` must lie in [0, 1], found {self.beta!r}")

    def derive(self, index: int, readings: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Return modality -> speed, for the modalities whose loss was measured."""
        for modality, norm in readings[self.norms].items():
            if math.isfinite(norm):
                self._move(modality, norm)
        both = {m: fall for m, fall in readings[self.losses].items() if m in self._norms and math.isfinite(fall)}
        new = any(self._norms[m]["steps"] < 2 for m in both)
        norms = _ratios({m: 0.0 if new else self._norms[m]["sum"] / self._norms[m]["mass"] for m in both})
        falls = _ratios({m: 0.0 if new else abs(fall) for m, fall in both.items()})
        return {m: self.beta * norms[m] + (1 - self.beta) * falls[m] for m in both}

    def _move(self, modality: str, norm: float) -> None:
        kept, new = self._norms.get(modality, START), {"sum": norm, "mass": 1.0}
        moved = {key: self.decay * kept[key] + (1 - self.decay) * value for key, value in new.items()}
        self._norms[modality] = {**moved, "steps": kept["steps"] + 1}

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> its average norm's sum and weight, and how many norms it has had."""
        return {m: dict(average) for m, average in self._norms.items()}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no averages."""
        for _, average in saved.named():
            for key in START:
                average.at(key).number(least=0)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them over."""
        self._norms = {m: dict(average) for m, average in state.items()}


def _ratios(values: Mapping[str, float]) -> dict[str, float]:
    mean = math.fsum(values.values()) / max(len(values), 1)  # in whatever order they come
    return {m: value / mean if mean >= TINY else 1.0 for m, value in values.items()}
