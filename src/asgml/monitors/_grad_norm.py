"""How large each encoder's gradient is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from asgml._step import Step
from asgml.monitors._base import Monitor, check_every


@dataclass
class GradNorm(Monitor):
    """L2 norm over all gradients of an encoder, of the total loss, unscaled, before any intervention.

    A skipped encoder has none and is left out. Free of extra cost: the pass is the one that looks for inf and nan.

    >>> from asgml.monitors import GradNorm
    >>> GradNorm()
    GradNorm(every=1, name='grad_norm')
    """

    is_norm: ClassVar[bool] = True
    needs_features = False
    every: int = 1
    name: str = "grad_norm"

    def __post_init__(self) -> None:
        check_every(self.every)

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> norm, 0-dim float32."""
        return dict(step.norms)
