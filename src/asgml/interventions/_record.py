"""Look at gradients in the middle of the act list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from asgml._reduce import local_norm
from asgml._states import Saved
from asgml._step import Step
from asgml.interventions._base import Intervention
from asgml.monitors import Monitor


@dataclass
class Record(Monitor, Intervention):
    """Measures gradients where it stands in the act list, as the interventions before it have left them.

    One object, listed twice: in `act`, where it looks, and in `measure`, through which its numbers reach the host in the
    NEXT update's transfer. So every reading is one update late: what update t reads is what was seen in update t - 1 (the
    last one whose gradients were finite). It changes no gradient.

    `of` is "norm", the L2 norm over the encoder's gradients, or a function from the list of its gradients to a 0-dim tensor.
    A modality that has no gradient there (skipped, or held by a delay) is left out of the next update's reading.

    Raises RuntimeError at `adjust` where it stands in only one of the two lists.

    >>> import torch
    >>> from asgml import Balancer, Recipe
    >>> from asgml.interventions import Record, Scale
    >>> audio, seen = torch.nn.Linear(1, 1, bias=False), Record("applied_norm")
    >>> balancer = Balancer({"audio": audio}, Recipe(measure=(seen,), act=(Scale({"audio": 0.5}), seen)))
    >>> for _ in range(2):
    ...     audio.zero_grad()
    ...     audio(torch.tensor([[3.0]])).sum().backward()
    ...     print(balancer.adjust())
    {'applied_norm': {}}
    {'applied_norm': {'audio': 1.5}}
    """

    needs_features = False
    name: str = "recorded"
    of: Literal["norm"] | Callable[[Sequence[Tensor]], Tensor] = "norm"
    _seen: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)
    _expects: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.of != "norm" and not callable(self.of):
            raise ValueError(f"`of` must be 'norm' or a function from gradients to a 0-dim tensor, found {self.of!r}")
        self.is_norm = self.of == "norm"  # type: ignore[misc]

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> what was seen in the update before, 0-dim."""
        if self._expects:
            raise RuntimeError(f"{self!r} stands in `measure` but not in `act`: list the same object in both")
        return dict(self._seen)

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Forget what was read, and expect to look in this update."""
        self._seen, self._expects = {}, True

    def adjust(self, step: Step) -> None:
        """Look."""
        if not self._expects:
            raise RuntimeError(f"{self!r} stands in `act` but not in `measure`: list the same object once in both")
        self._expects = False
        for modality in step.params:
            if step.acting(modality) and (params := [p for _, p in step.with_grad(modality)]):
                self._seen[modality] = self._of(params)

    def _of(self, params: Sequence[nn.Parameter]) -> Tensor:
        if callable(self.of):
            return self.of([p.grad for p in params if p.grad is not None]).detach().clone()
        norm = local_norm(params)
        return torch.zeros(()) if norm is None else norm

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen last."""
        return dict(self._seen)

    def check_state(self, saved: Saved) -> None:
        """Refuse what is no number per modality."""
        for _, seen in saved.modalities():
            seen.tensor(finite=False)  # a function of the user's own may say anything

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over copies of it."""
        self._seen, self._expects = {m: value.clone() for m, value in state.items()}, False
