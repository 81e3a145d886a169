"""Whether what an encoder learns from the whole and what it would learn alone pull the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from asgml._ranks import real, wide
from asgml._step import Step
from asgml.monitors._average import Averaged, Once, check_decay
from asgml.monitors._base import Monitor, check_every
from asgml.monitors._quiet import undisturbed

Losses = Mapping[str, Callable[[], Tensor]]


@dataclass
class Conflict(Monitor):
    """Cosine (-1 to 1) between an encoder's gradient of the total loss and that of a unimodal loss; below 0 they conflict.

    `losses` is modality -> a function without arguments that returns this update's unimodal loss, 0-dim, with a graph through
    that encoder: it runs the encoder anew, on the whole batch of the update. The total's gradient is `.grad` before any
    intervention. Each measurement costs that forward and backward of every modality: set `every`.

    Training goes on as if nothing had run: no `.grad` is touched, encoders run in the mode they are in, their BatchNorm
    statistics and the generators go back to where they were, and the Balancer's hooks are silent. A modality that was
    skipped is left out; a gradient of zeros gives 0. Under DDP call the bare encoder; sharded encoders are refused.

    >>> import torch
    >>> from asgml import Balancer
    >>> from asgml.monitors import Conflict
    >>> audio, x = torch.nn.Linear(4, 2), torch.ones(8, 4)
    >>> balancer = Balancer({"audio": audio}, measure=[Conflict({"audio": lambda: audio(x).sum()})])
    >>> (-3 * audio(x)).sum().backward()
    >>> round(balancer.adjust()["conflict"]["audio"], 4)
    -1.0
    """

    needs_features = False
    losses: Losses = field(repr=False)
    every: int = 1
    name: str = "conflict"

    def __post_init__(self) -> None:
        _check(self.losses, self.every)

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> cosine, 0-dim."""
        return cosines(self.name, self.losses, step)


@dataclass
class ConflictShare(Averaged):
    """Share (0-1) of recent updates in which `Conflict`'s cosine was below 0: an exponential average without start-up bias.

    It takes the same `losses` as `Conflict` and measures the cosine itself: beside a `Conflict` the cost comes twice.

    >>> import torch
    >>> from asgml.monitors import ConflictShare
    >>> ConflictShare({"audio": lambda: torch.zeros(())}, decay=0.99, every=10)
    ConflictShare(decay=0.99, every=10, name='conflict_share')
    """

    needs_features = False
    losses: Losses = field(repr=False)
    decay: float = 0.9
    every: int = 1
    name: str = "conflict_share"
    _memory: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _once: Once = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.losses, self.every)
        check_decay(self.decay)

    def now(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> 1 where the cosine is below 0, else 0; nan where it is nan."""
        return {m: (cosine < 0).float() + 0 * cosine for m, cosine in cosines(self.name, self.losses, step).items()}


def cosines(name: str, losses: Losses, step: Step) -> dict[str, Tensor]:
    """Return modality -> cosine between `.grad` and the gradient of its loss, for those that were used and not skipped."""
    if unknown := sorted(set(losses) - set(step.params)):
        raise ValueError(f"{name!r} has losses for {unknown}; the modalities are {sorted(step.params)}")
    found = {}
    for modality in [m for m in losses if m in step.norms and step.acting(m)]:
        params = [p for p in step.params[modality].values() if p.requires_grad]
        if any(hasattr(p, "device_mesh") for p in params):
            raise ValueError(f"{name!r} needs the whole gradient of {modality!r}, whose parameters are sharded over ranks")
        with torch.enable_grad(), undisturbed([losses[modality]], evaluating=False, devices=[p.device for p in params]):
            loss = losses[modality]()
            _check_loss(name, modality, loss)
            alone = torch.autograd.grad(loss, params, allow_unused=True)
        if all(g is None for g in alone):
            raise ValueError(f"{name!r}: the loss of {modality!r} has no graph through its encoder: run the encoder in it")
        found[modality] = cosine([p.grad for p in params], alone)
    return found


def cosine(a: Sequence[Tensor | None], b: Sequence[Tensor | None]) -> Tensor:
    """Return the cosine, 0-dim, of two vectors given in pieces, None for zeros; 0 where one of them is all zeros."""
    there = [[torch.linalg.vector_norm(_plain(x)) for x in v if x is not None] for v in (a, b)]
    lengths = [torch.stack(norms).norm() if norms else torch.zeros(()) for norms in there]
    scales = [torch.where(length > 0, length, 1) for length in lengths]
    pieces = [(_plain(x) / scales[0] * (_plain(y) / scales[1])).sum() for x, y in zip(a, b, strict=True) if _both(x, y)]
    return torch.stack(pieces).sum() if pieces else lengths[0] * 0


def _both(a: Tensor | None, b: Tensor | None) -> bool:
    return a is not None and b is not None


def _plain(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return wide(real((gradient.to_dense() if gradient.is_sparse else gradient).detach()))


def _check(losses: Losses, every: int) -> None:
    check_every(every)
    if not losses or not all(map(callable, losses.values())):
        raise TypeError(f"`losses` must be a mapping modality -> function that returns its loss, found {losses!r}")


def _check_loss(name: str, modality: str, loss: object) -> None:
    if not isinstance(loss, Tensor) or loss.ndim or not loss.requires_grad:
        found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"{name!r}: the loss of {modality!r} must be a 0-dim tensor with a graph, found {found}")
