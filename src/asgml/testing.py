"""The laws that every part of this library obeys, for your own: `check_laws(my_recipe)` in a test, or `asgml check`."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from asgml._balancer import Balancer
from asgml.recipes import Recipe

__all__ = ["LAWS", "check_laws", "violations"]

CLASSES, FEATURE, STEPS, ROWS = 3, 5, 8, 8
Batch = tuple[dict[str, Tensor], Tensor]


@dataclass
class _Run:
    """A small model of two-layer encoders and a sum of heads, with a parameter in each encoder that no forward uses."""

    modalities: Sequence[str]
    recipe: Recipe | None
    order: Sequence[str] | None = None
    raw: dict[str, Tensor | None] = field(default_factory=dict)
    """The gradients of the last update before `adjust`."""
    touched: set[str] = field(default_factory=set)
    """Whose gradients `adjust` has changed so far; "" stands for what is no encoder's."""

    def __post_init__(self) -> None:
        self.model = nn.ModuleDict({part: nn.ModuleDict() for part in ("encoders", "heads")})
        with torch.random.fork_rng(devices=[]):
            for m in self.modalities:
                torch.manual_seed(sum(map(ord, m)))
                encoder = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, FEATURE))
                encoder.register_parameter("unused", nn.Parameter(torch.ones(2)))
                self._part("encoders")[m], self._part("heads")[m] = encoder, nn.Linear(FEATURE, CLASSES)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.05, weight_decay=0.1)
        encoders = {m: self._part("encoders")[m] for m in self.order or self.modalities}
        self.balancer = Balancer(encoders, self.recipe) if self.recipe is not None else None

    def _part(self, name: str) -> nn.ModuleDict:
        part = self.model[name]
        assert isinstance(part, nn.ModuleDict)
        return part

    def train(self, batches: Sequence[Batch], spoil: bool = False) -> _Run:
        """Train on these batches; with `spoil` the gradients are not finite, and the optimizer's step is left out."""
        for inputs, targets in batches:
            heads, encoders = self._part("heads"), self._part("encoders")
            logits = torch.stack([heads[m](encoders[m](inputs[m])) for m in sorted(self.modalities)]).sum(0)
            nn.functional.cross_entropy(logits, targets).backward()  # type: ignore[no-untyped-call]
            if spoil:
                self._spoil()
            self.raw = self._grads()
            if self.balancer is not None:
                self.balancer.adjust(targets)
            self._note()
            if not spoil:
                self.optimizer.step()
            self.optimizer.zero_grad()
        return self

    def _spoil(self) -> None:
        grad = next(p.grad for p in self._part("encoders").parameters() if p.grad is not None)
        grad.view(-1)[0] = torch.inf

    def _grads(self) -> dict[str, Tensor | None]:
        return {n: None if p.grad is None else p.grad.clone() for n, p in self.model.named_parameters()}

    def _note(self) -> None:
        self.touched |= self.balancer.skipped if self.balancer else set()
        for name, grad in self._grads().items():
            if not _same(grad, self.raw[name]):
                part, modality = name.split(".")[:2]
                self.touched.add(modality if part == "encoders" else "")

    def weights(self) -> dict[str, Tensor]:
        """Copies of all weights, by name."""
        return {n: p.detach().clone() for n, p in self.model.named_parameters()}

    def parts(self) -> tuple[Any, ...]:
        """What a checkpoint holds."""
        return (self.model, self.optimizer, self.balancer)


def _batches(modalities: Sequence[str]) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    return [({m: torch.randn(ROWS, 4, generator=generator) for m in sorted(modalities)},
             torch.randint(CLASSES, (ROWS,), generator=generator)) for _ in range(STEPS)]  # fmt: skip


def _saved(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and bool(a == b)


def _unused(recipe: Recipe, modalities: Sequence[str]) -> bool:
    weights = _Run(modalities, recipe).train(_batches(modalities)).weights()
    return all(torch.equal(w, torch.ones(2)) for name, w in weights.items() if name.endswith("unused"))


def _resumes(recipe: Recipe, modalities: Sequence[str]) -> bool:
    data = _batches(modalities)
    whole = _Run(modalities, recipe).train(data)
    for cut in range(STEPS + 1):
        first, second = _Run(modalities, recipe).train(data[:cut]), _Run(modalities, recipe)
        for part, state in zip(second.parts(), _saved([p.state_dict() for p in first.parts()]), strict=True):
            part.load_state_dict(state)
        if not _same(second.train(data[cut:]).weights(), whole.weights()):
            return False
    return True


def _order(recipe: Recipe, modalities: Sequence[str]) -> bool:
    one, other = (_Run(modalities, recipe, order).train(_batches(modalities)) for order in (modalities, modalities[::-1]))
    return _same(one.weights(), other.weights())


def _overflow(recipe: Recipe, modalities: Sequence[str]) -> bool:
    data = _batches(modalities)
    spoilt = _Run(modalities, recipe).train(data[:3]).train(data[3:4], spoil=True).train(data[4:])
    return _same(spoilt.weights(), _Run(modalities, recipe).train(data[:3] + data[4:]).weights())


LAWS: dict[str, Callable[[Recipe, Sequence[str]], bool]] = {
    "a gradient that is None stays None": _unused,
    "training resumes bit for bit at any step, from a checkpoint that admits no code": _resumes,
    "the order in which modalities are named changes no bit": _order,
    "an update with gradients that are not finite leaves no trace": _overflow,
}
"""In words, and its test."""


def violations(
    recipe: Recipe, modalities: Sequence[str] = ("audio", "visual"), touches: Collection[str] | None = None,
    neutral: Recipe | None = None,
) -> list[str]:  # fmt: skip
    """Train a small model with a recipe, and return the laws that it breaks, in words.

    `touches` names the modalities whose gradients it may change, `neutral` is the same recipe with settings that must
    change nothing; where they are None, nothing is asked. The model has 3 classes and feature size 5.
    """
    broken = [law for law, holds in LAWS.items() if not holds(recipe, modalities)]
    data = _batches(modalities)
    touched = _Run(modalities, recipe).train(data).touched
    if others := sorted(touched - set(modalities if touches is None else touches)):
        broken.append(f"only its own modalities are touched (found {', '.join(o or 'what is no encoder' for o in others)})")
    plain, idle = (_Run(modalities, r).train(data).weights() for r in (None, neutral))
    if neutral is not None and not _same(idle, plain):
        broken.append("with neutral settings no bit of training changes")
    return broken


def check_laws(
    recipe: Recipe, modalities: Sequence[str] = ("audio", "visual"), touches: Collection[str] | None = None,
    neutral: Recipe | None = None,
) -> None:  # fmt: skip
    """Raise AssertionError that names the laws which a recipe breaks; arguments as in `violations`.

    >>> from asgml import recipes
    >>> from asgml.testing import check_laws
    >>> check_laws(recipes.frequency("audio", k=2), touches=["audio"])
    """
    if broken := violations(recipe, modalities, touches, neutral):
        raise AssertionError(f"{recipe!r} breaks {len(broken)} laws: {'; '.join(broken)}")
