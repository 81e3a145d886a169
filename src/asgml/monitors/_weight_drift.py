"""How far each encoder has gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asgml._ranks import real
from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._base import Monitor, check_every


@dataclass
class WeightDrift(Monitor):
    """Relative distance ||theta - theta_0|| / ||theta_0|| of an encoder's parameters from where they were at the start.

    The start is the first update after attaching, or after `reset`: the first reading is 0. Skipped encoders are measured
    too. Where the start is all zeros the reading is the distance itself. Parameters alone count, no BatchNorm statistics; those
    that are added or resized later start when they are first seen.

    Memory: it keeps one copy of every encoder's parameters, on their device, and the state carries it. Sharded encoders are
    refused with a ValueError.

    >>> from asgml.monitors import WeightDrift
    >>> WeightDrift(every=10)
    WeightDrift(every=10, name='weight_drift')
    """

    needs_features = False
    every: int = 1
    name: str = "weight_drift"
    _start: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_every(self.every)

    def reset(self) -> None:
        """Count from the next measured update on."""
        self._start = {}

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> relative distance, 0-dim."""
        return {m: self._drift(m, params) for m, params in step.params.items() if m in step.used and params}

    def _drift(self, modality: str, params: Mapping[str, Tensor]) -> Tensor:
        if any(hasattr(p, "device_mesh") for p in params.values()):
            raise ValueError(f"{self.name!r} needs the whole of {modality!r}, whose parameters are sharded over ranks")
        start = self._start.get(modality)
        if start is None:
            return next(iter(params.values())).new_zeros((), dtype=torch.float32)
        known = {name: p for name, p in params.items() if name in start and start[name].shape == p.shape}
        if not known:
            return next(iter(params.values())).new_zeros((), dtype=torch.float32)
        moved, size = _norm(p.detach() - start[name] for name, p in known.items()), _norm(start[name] for name in known)
        return moved / torch.where(size > 0, size, 1)

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return, before a modality's start is kept, 1; nan where its parameters are not finite, which are no start."""
        return {m: 1 + 0 * _norm(p.detach() for p in params.values()) for m, params in self._starting(step)}

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return a word for every modality whose start is kept now."""
        return {
            f"{m}.start": next(iter(params.values())).new_zeros((), dtype=torch.float32) for m, params in self._starting(step)
        }

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Keep the start of what is seen for the first time."""
        for modality, params in self._starting(step):
            if f"{modality}.start" in sums:
                start = self._start.get(modality, {})
                self._start[modality] = {name: _start(start.get(name), p) for name, p in params.items()}

    def _starting(self, step: Step) -> list[tuple[str, Mapping[str, Tensor]]]:
        return [(m, params) for m, params in step.params.items() if params and not self._knows(m, params)]

    def _knows(self, modality: str, params: Mapping[str, Tensor]) -> bool:
        """Tell whether there is a start of every parameter, and of no other."""
        start = self._start.get(modality, {})
        return start.keys() == params.keys() and all(start[name].shape == p.shape for name, p in params.items())

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> name -> the parameter at the start."""
        return {m: dict(start) for m, start in self._start.items()}

    def check_state(self, saved: Saved) -> None:
        """Refuse what does not fit the encoders' parameters."""
        for modality, start in saved.modalities():
            start.weights(modality)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over copies of them."""
        self._start = {m: {name: t.clone() for name, t in start.items()} for m, start in state.items()}


def _start(kept: Tensor | None, parameter: Tensor) -> Tensor:
    return kept if kept is not None and kept.shape == parameter.shape else parameter.detach().clone()


def _norm(tensors: Iterable[Tensor]) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(real(t).float()) for t in tensors]))
    return length
