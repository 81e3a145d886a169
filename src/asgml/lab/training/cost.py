"""What training costs, counted in floating-point operations: the same figure on every machine, however busy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import ranks
from asgml.lab.training.objectives import Objective

ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
"""Attention on a CPU, which torch's counter does not know."""
BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def counter() -> FlopCounterMode:
    """Return torch's counter, with attention on a CPU counted as the counter counts it on a GPU."""
    forward = lambda q, k, v, *args, out_shape=None, **kwargs: sdpa_flop_count(q, k, v)  # type: ignore[no-untyped-call]
    backward = lambda grad, q, k, v, *args, out_shape=None, **kwargs: sdpa_backward_flop_count(grad, q, k, v)  # type: ignore[no-untyped-call]
    return FlopCounterMode(display=False, custom_mapping={ATTENTION: forward, BACKWARD: backward})


Batch = tuple[Mapping[str, Tensor], Tensor]


@dataclass
class Meter:
    """Operations of matrix products and convolutions, forward and backward, as torch's `FlopCounterMode` counts them.

    `step` is a whole update of model and objective, `saved[m]` what it costs less where m is skipped. What monitors add,
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
        with counter() as counted:
            yield
        self.extra = (ranks.total(counted.get_total_flops()) - self.epoch(steps)) / len(steps)

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
    with counter() as counted:
        objective(*model(inputs), targets).backward()
    for handle in cut:
        handle.remove()
    return int(counted.get_total_flops())
