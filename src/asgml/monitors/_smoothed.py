"""Any monitor, made steadier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._average import Averaged, Once, check_decay
from asgml.monitors._base import Derived, Monitor


@dataclass
class Smoothed(Averaged):
    """Exponential average of another monitor's readings, without start-up bias: weight `1 - decay` on the newest.

    Its name is `smoothed_<name>` unless one is given, its cadence that of the monitor, which learns as it would alone. A
    modality that an update leaves out keeps its average. It averages what each rank measures, weighted by rows: norms of
    gradients that are sharded over ranks cannot be averaged so and are refused with a ValueError.

    >>> from asgml.monitors import GradNorm, Smoothed
    >>> Smoothed(GradNorm(), decay=0.99)
    Smoothed(monitor=GradNorm(every=1, name='grad_norm'), decay=0.99, name='smoothed_grad_norm')
    """

    monitor: Monitor
    decay: float = 0.9
    name: str = ""
    _memory: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _once: Once = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, Monitor):
            raise TypeError(f"`monitor` must be a Monitor, found {self.monitor!r}")
        if isinstance(self.monitor, Derived):
            raise TypeError(f"`monitor` must look at steps itself, found {self.monitor!r}: smooth what it reads instead")
        check_decay(self.decay)
        self.monitor = self.monitor.fresh()
        self.every = self.monitor.every
        self.needs_features = self.monitor.needs_features
        self.name = self.name or f"smoothed_{self.monitor.name}"

    def now(self, step: Step) -> Mapping[str, Tensor]:
        """Return what the monitor measures."""
        values = self.monitor.measure(step)
        sharded = [m for m in values if any(hasattr(p, "device_mesh") for p in step.params.get(m, {}).values())]
        if self.monitor.is_norm and sharded:
            raise ValueError(
                f"{self.name!r} cannot average {self.monitor.name!r} of {sharded}: each rank has the norm of its shard "
                "alone; measure it without Smoothed"
            )
        return values

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return what the monitor admits."""
        return self.monitor.admits(step)

    def unfit(self, step: Step, modality: str) -> str:
        """Return the monitor's words."""
        return self.monitor.unfit(step, modality)

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return its own sums, and the monitor's under `of.`."""
        return {**super().evidence(step), **{f"of.{key}": value for key, value in self.monitor.evidence(step).items()}}

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Move the averages, and let the monitor learn."""
        super().learn(step, {key: value for key, value in sums.items() if not key.startswith("of.")})
        self.monitor.learn(step, {key[3:]: value for key, value in sums.items() if key.startswith("of.")})

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and the monitor's memory."""
        return {**super().state_dict(), "of": self.monitor.state_dict()}

    def check_state(self, saved: Saved) -> None:
        """Refuse what fits neither the averages nor the monitor."""
        super().check_state(saved)
        self.monitor.check_state(saved.at("of"))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both over."""
        super().load_state_dict(state)
        self.monitor.load_state_dict(state["of"])
