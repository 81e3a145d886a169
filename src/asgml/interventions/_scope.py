"""Which of an encoder's gradients are meant."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from asgml._step import Step

Scope = Literal["all", "weights", "conv"]
"""all: every parameter's; weights: those of 2 dimensions or more, no biases and normalisation; conv: those of 4 dimensions."""


def check_scope(scope: str) -> None:
    """Refuse what is no scope."""
    if scope not in get_args(Scope):
        raise ValueError(f"`scope` must be one of {', '.join(map(repr, get_args(Scope)))}, found {scope!r}")


def within(step: Step, modality: str, scope: Scope) -> list[tuple[str, nn.Parameter, Tensor]]:
    """Return name, parameter and gradient of a modality's parameters in a scope that have one."""
    return [(name, p, p.grad) for name, p in step.with_grad(modality) if p.grad is not None and _holds(scope, p.ndim)]


def _holds(scope: Scope, ndim: int) -> bool:
    return scope == "all" or (ndim == 4 if scope == "conv" else ndim >= 2)
