"""Learn from gradients that are a few updates old."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from asgml._ranks import local, placed
from asgml._states import Saved
from asgml._step import NotYetMeasured, Policy, Step
from asgml.interventions._base import Intervention, decided
from asgml.policies import Constant, Together

Gradients = dict[str, Tensor]


@dataclass
class Delay(Intervention):
    """Apply to an encoder, at its own update t, exactly the gradient computed at its update t - tau, at the weights of t - tau.

    `tau`, in updates, is a mapping modality -> tau or a policy; 0 is plain training. The first tau updates hold the encoder
    still (`warmup="hold"`: every gradient is applied at most once), or use fresh gradients (`"fresh"`: the first tau are
    applied twice). `damping` multiplies a delayed gradient by 1 / (1 + damping * tau). Skipped steps, and batches that do not
    use the encoder, neither feed nor drain the queue. What waits for a frozen parameter (`requires_grad=False`) is dropped, and
    its queue starts anew when it learns again. A tau that grows by d holds for d updates, one that shrinks drops the oldest
    gradients; they never change order. With momentum the delayed gradient also enters the momentum late.

    The queue takes the gradients over instead of copying them (save where they are views of a shared buffer, as DDP and
    FSDP make them): it holds tau gradients of the encoder beside the live one, of a sharded encoder this rank's shards.
    ASGML's research code stores before it reads, so its tau is a delay of tau - 1; its damping is 0.1.

    Raises ValueError for a tau that is not an integer of at least 0.
    """

    needs_features = False
    exclusive: ClassVar[bool] = True
    tau: Policy[int] | Mapping[str, int]
    warmup: Literal["hold", "fresh"] = "hold"
    damping: float = 0.0
    _queues: dict[str, deque[Gradients]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _now: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)
    _warm: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.tau, Mapping):
            self.tau = Constant(self.tau)
        if isinstance(self.tau, Constant):
            _checked(self.tau.settings)
        if self.warmup not in ("hold", "fresh"):
            raise ValueError(f"`warmup` must be 'hold' or 'fresh', found {self.warmup!r}")
        if not self.damping >= 0:
            raise ValueError(f"`damping` must be at least 0, found {self.damping!r}")

    @property
    def policy(self) -> Policy[int]:
        """`tau`."""
        assert not isinstance(self.tau, Mapping)
        return self.tau

    def adjust(self, step: Step) -> None:
        """Exchange the gradients of every delayed encoder for those that are due."""
        self._now = {}
        try:
            taus = _checked(decided(self.policy, step))
        except NotYetMeasured:
            taus = {}
        for modality in [m for m in step.params if m in taus or self._queues.get(m)]:
            self._drop(modality, step.params[modality])
            # without a gradient of any parameter (frozen, or detached from the loss) this update is none of the encoder's
            if step.acting(modality) and any(True for _ in step.with_grad(modality)):
                learning = {name: p for name, p in step.params[modality].items() if p.requires_grad}
                self._exchange(modality, learning, taus.get(modality, 0))

    def _drop(self, modality: str, params: Mapping[str, nn.Parameter]) -> None:
        """Drop what waits for parameters that are frozen or gone."""
        queue = self._queues.get(modality, deque())
        learning = {name for name, p in params.items() if p.requires_grad}
        for grads in queue:
            for name in grads.keys() - learning:
                del grads[name]
        if not learning:  # the encoder starts anew when it learns again
            queue.clear()
            self._warm.discard(modality)

    def _exchange(self, modality: str, params: Mapping[str, nn.Parameter], tau: int) -> None:
        queue = self._queues.setdefault(modality, deque())
        queue.append({name: _owned(p.grad) for name, p in params.items() if p.grad is not None})
        while len(queue) > tau + 1:
            queue.popleft()
        if len(queue) <= tau and modality not in self._warm and self.warmup == "fresh":
            self._now[modality] = 0
            queue[-1] = {name: grad.clone() for name, grad in queue[-1].items()}  # the live ones may be edited in place
            return
        due = self._damped(queue.popleft(), tau) if len(queue) > tau else {}
        if due:
            self._warm.add(modality)
            self._now[modality] = tau
        for name, parameter in params.items():
            grad = due.get(name)
            fits = grad is not None and grad.shape == parameter.shape  # it may have been resized since
            parameter.grad = placed(grad, parameter).to(parameter.dtype) if grad is not None and fits else None

    def _damped(self, grads: Gradients, tau: int) -> Gradients:
        if self.damping and tau and grads:
            torch._foreach_mul_(list(grads.values()), 1 / (1 + self.damping * tau))
        return grads

    def account(self) -> dict[str, str]:
        """Return modality -> how many gradients wait in its queue."""
        return {m: f"learns from gradients {len(queue)} updates old" for m, queue in self._queues.items() if queue}

    def applied(self) -> dict[str, dict[str, float]]:
        """Return how old the gradients of the last update were; who was held is left out."""
        return {"delay": dict(self._now)} if self._now else {}

    def joined(self, other: Intervention) -> Delay:
        """Return one Delay for both's modalities."""
        if not isinstance(other, Delay) or (other.warmup, other.damping) != (self.warmup, self.damping):
            raise ValueError(f"{self} and {other} cannot be joined: their `warmup` and `damping` must be equal")
        return replace(self, tau=Together((self.policy, other.policy)))

    def state_dict(self) -> dict[str, Any]:
        """Return the queued gradients, oldest first, by reference."""
        return {"queues": {m: [dict(g) for g in q] for m, q in self._queues.items()}, "warm": sorted(self._warm)}

    def check_state(self, saved: Saved) -> None:
        """Refuse what does not fit the encoders' parameters."""
        saved.at("warm").names()
        for modality, queue in saved.at("queues").modalities():
            for grads in queue.items():
                grads.weights(modality)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over copies of the queued gradients."""
        copies = {m: [{n: g.clone() for n, g in grads.items()} for grads in queue] for m, queue in state["queues"].items()}
        self._queues = {m: deque(queue) for m, queue in copies.items()}
        self._warm = set(state["warm"])


def _owned(grad: Tensor) -> Tensor:
    """Return a gradient with a storage of its own: views of DDP's buckets and FSDP's buffers are copied, others taken over."""
    here = local(grad)
    shared = here.layout is torch.strided and here.untyped_storage().nbytes() > here.nbytes
    return grad.clone() if shared or here._is_view() else grad


def _checked(taus: Mapping[str, Any]) -> Mapping[str, int]:
    if bad := {m: t for m, t in taus.items() if isinstance(t, bool) or not isinstance(t, int) or t < 0}:
        raise ValueError(f"`tau` is counted in updates and must be an integer of at least 0, found {bad}")
    return taus
