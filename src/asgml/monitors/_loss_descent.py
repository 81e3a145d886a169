"""How fast each modality's own loss moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._labels import IGNORED
from asgml.monitors._logits import OfLogits


@dataclass
class LossDescent(OfLogits):
    """How far a modality's cross-entropy moved over the last `window` measurements: |oldest - newest|, in nats.

    The loss is that of the unimodal logits, whose kind is named as for `Score`: `LossDescent.split(head, widths)`,
    `.zero_feature(fuse)`, `.own_head(heads)`. `signed=True` keeps the sign: above 0 the loss falls. The newest loss is this
    update's, so the first reading is 0. ASGML's dual signal (window 10): its code takes the size, its paper draft the sign.
    Under torch.distributed the older losses are those of all ranks' rows.

    Needs `targets` (B,) of class indices; rows whose label is `ignore_index` are left out.

    Raises ValueError for a window below 2.

    >>> import torch
    >>> from asgml.monitors import LossDescent
    >>> LossDescent.own_head({"audio": torch.nn.Linear(4, 10)}, window=5)
    LossDescent(kind='own_head', every=1, ignore_index=-100, window=5, signed=False, name='loss_descent')
    """

    window: int = 10
    signed: bool = False
    name: str = "loss_descent"
    _losses: dict[str, list[Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window < 2:
            raise ValueError(f"`window` is counted in measurements and must be at least 2, found {self.window}")

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> descent of the loss, 0-dim."""
        falls = {m: self._losses.get(m, [total / n])[0] - total / n for m, (total, n) in self._totals(step).items()}
        return falls if self.signed else {m: fall.abs() for m, fall in falls.items()}

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return, per modality, the sum of losses over rows, and the number of rows."""
        pairs = self._totals(step)
        return {f"{m}.{key}": value for m, pair in pairs.items() for key, value in zip(("loss", "rows"), pair, strict=True)}

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Move the window."""
        super().learn(step, sums)
        for modality in [key.removesuffix(".rows") for key in sums if key.endswith(".rows")]:
            loss = sums[f"{modality}.loss"] / sums[f"{modality}.rows"]
            self._losses[modality] = [*self._losses.get(modality, []), loss][-(self.window - 1) :]

    def _totals(self, step: Step) -> dict[str, tuple[Tensor, Tensor]]:
        totals = {}
        for modality, (logits, labels) in self.judged(step).items():
            of = torch.where(labels.keep, labels.of, IGNORED)
            totals[modality] = (cross_entropy(logits.float(), of, reduction="sum", ignore_index=IGNORED), labels.rows)
        return totals

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> the window's losses, oldest first."""
        return {m: list(losses) for m, losses in self._losses.items()}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no losses of a window."""
        for _, losses in saved.modalities():
            for loss in losses.items(most=self.window - 1):
                loss.tensor()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over copies of them."""
        self._losses = {m: [loss.clone() for loss in losses] for m, losses in state.items()}
