"""What training costs, counted in floating-point operations: the same figure on every machine, however busy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training.objectives import Objective

Batch = tuple[Mapping[str, Tensor], Tensor]


@dataclass
class Meter:
    """Operations of matrix products and convolutions, forward and backward, as torch's `FlopCounterMode` counts them.

    `step` is a whole update of model and objective, `saved[m]` what it costs less where m is skipped. What diagnostics add,
    and a smaller last batch saves, is counted while the first epoch runs (`extra`, a mean per update): counting takes time.
    """

    step: int
    saved: dict[str, int]
    extra: float = 0.0

    @classmethod
    def of(cls, model: LateFusion, objective: Objective, batch: Batch) -> Meter:
        """Count on one batch, in eval mode; gradients, mode and statistics are as before."""
        was_training = model.training
        model.eval()
        step = _update(model, objective, batch)
        saved = {m: step - _update(model, objective, batch, m) for m in model.encoders}
        model.train(was_training)
        for parameter in [*model.parameters(), *objective.parameters()]:
            parameter.grad = None
        return cls(step, saved)

    @contextlib.contextmanager
    def first_epoch(self, steps: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Count what runs within, an epoch whose records `steps` holds at the end."""
        with FlopCounterMode(display=False) as counter:
            yield
        self.extra = (counter.get_total_flops() - self.epoch(steps)) / len(steps)

    def epoch(self, steps: Sequence[Mapping[str, Any]]) -> float:
        """Return the operations of an epoch, by its step records."""
        return sum(self.step + self.extra - sum(self.saved[m] for m in step["skipped"]) for step in steps)

    def state_dict(self) -> dict[str, Any]:
        """Return what the first epoch told."""
        return {"extra": self.extra}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it over."""
        self.extra = state["extra"]


def _update(model: LateFusion, objective: Objective, batch: Batch, skipped: str | None = None) -> int:
    inputs, targets = batch
    cut = [model.encoders[skipped].register_forward_hook(lambda *call: call[2].detach())] if skipped else []
    with FlopCounterMode(display=False) as counter:
        objective(*model(inputs), targets).backward()
    for handle in cut:
        handle.remove()
    return int(counter.get_total_flops())
