"""Whether an optimizer cancels a constant factor on gradients, found out by a few steps of another one of its kind."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

FACTOR, STEPS = 0.5, 8
PLAIN = (bool, int, float, str, tuple, list, type(None))
LEFT = ("foreach", "fused", "capturable", "differentiable")
"""Settings of how it computes, not of what: left at what they are by default, on the CPU."""


def cancels(optimizer: torch.optim.Optimizer) -> bool | None:
    """Tell whether gradients times a constant factor make the steps that they make without it; None where it cannot be tried.

    A new optimizer of the same class and settings steps a weight of its own: the one that is given is only read.
    """
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            return any(_cancels(optimizer, group) for group in optimizer.param_groups[:8])
    except Exception:  # a class of the user's own may want other arguments, a closure, or a GPU
        return None


def _cancels(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> bool:
    plain, scaled = (_moved(optimizer, group, factor) for factor in (1.0, FACTOR))
    if not plain.isfinite().all() or not plain.any():
        raise ValueError("it went nowhere")
    return bool((scaled - plain).norm() < (scaled - FACTOR * plain).norm())


def _moved(optimizer: torch.optim.Optimizer, group: Mapping[str, Any], factor: float) -> Tensor:
    """Return how far a matrix goes in a step, the last of some (RAdam begins as SGD), under one gradient times a factor."""
    before = torch.linspace(0.5, 1.5, 16, dtype=torch.float64).reshape(4, 4)
    gradient = 0.1 * torch.cos(torch.arange(16, dtype=torch.float64)).reshape(4, 4)
    parameter = nn.Parameter(before)
    trial = type(optimizer)([parameter], **_settings(optimizer, group))
    # without what torch puts around every `step`, which calls hooks on all optimizers
    step = inspect.unwrap(type(trial).step, stop=lambda f: not hasattr(f, "hooked"))
    for _ in range(STEPS):
        before, parameter.grad = parameter.detach().clone(), gradient * factor
        step(trial)
    return parameter.detach() - before


def _settings(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a class takes, as an optimizer of it has them in a group; without weight decay."""
    attributes = {name: value for name, value in vars(optimizer).items() if isinstance(value, PLAIN)}
    known = {**attributes, **optimizer.defaults, **group}
    taken = list(inspect.signature(type(optimizer)).parameters.values())[1:]
    names = [p.name for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.kind is p.VAR_KEYWORD for p in taken):
        names += [name for name in optimizer.defaults if name not in names]
    found = {name: known[name] for name in names if name in known and name not in (*LEFT, "params")}
    if "weight_decay" in found:
        found["weight_decay"] = 0.0
    if "lr" in found and found["lr"] is not None:
        found["lr"] = float(found["lr"]) or 0.01  # a schedule may begin at 0
    return found
