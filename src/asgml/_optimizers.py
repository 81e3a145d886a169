"""Optimizers that make a factor on the gradients invisible, and learning rates that do not."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from asgml._checks import Encoder, parameters_of
from asgml._numbers import is_number
from asgml._trial import cancels
from asgml.interventions import Intervention

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]
NAMES = (
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SparseAdam",
)  # fmt: skip
ADAPTIVE = tuple(getattr(torch.optim, name) for name in NAMES if hasattr(torch.optim, name))
"""They divide a gradient by its own running size, or use its sign alone; some of them are newer than the oldest torch."""
LIKE = (
    "adam",
    "lion",
    "lamb",
    "lars",
    "adagrad",
    "adafactor",
    "adabelief",
    "rmsprop",
    "sophia",
    "shampoo",
    "soap",
    "muon",
    "signsgd",
)
"""In the names of classes that do alike and cannot be tried, because they want a GPU for instance."""


def check_scaling(optimizer: Optimizers | None, act: Sequence[Intervention], stacklevel: int = 3) -> None:
    """Warn, once, where an intervention scales gradients and an optimizer cancels that."""
    part = next((part for part in act if part.scales), None)
    inner = [one for optimizer in _each(optimizer) for one in _within(optimizer)] if part is not None else []
    cancelling = next((one for one in inner if _cancels(one)), None)
    if cancelling is not None:
        kind = type(cancelling).__name__
        why = (
            "divides them by their own running size" if isinstance(cancelling, ADAPTIVE) else "makes the same steps without it"
        )
        warnings.warn(
            f"{type(part).__name__} multiplies gradients by a factor, and {kind} {why}: a "
            "constant factor cancels, only its changes act. Use SGD; or skip updates (`recipes.frequency`); or give encoders "
            f"learning rates of their own (`asgml.parameter_groups`), which {kind} respects",
            UserWarning,
            stacklevel + 1,
        )


def _cancels(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether an optimizer cancels a factor: one of torch's, in the long run; any other, when it is tried."""
    if isinstance(optimizer, ADAPTIVE):
        return True
    tried = cancels(optimizer)
    return any(name in type(optimizer).__name__.lower() for name in LIKE) if tried is None else tried


def _within(optimizer: torch.optim.Optimizer) -> list[torch.optim.Optimizer]:
    """Return the optimizers that do an optimizer's steps, as `SAM` and `Lookahead` hold one; itself where it holds none."""
    held = [value for value in vars(optimizer).values() if isinstance(value, torch.optim.Optimizer) and value is not optimizer]
    return held or [optimizer]


def check_closures(optimizer: Optimizers | None) -> None:
    """Refuse an optimizer whose `step` cannot do without a closure: it runs passes of its own, which nobody can count."""
    for one in _each(optimizer):
        closure = inspect.signature(one.step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            raise TypeError(
                f"`optimizer`: the `step` of {type(one).__name__} needs a closure, in which it may run several backward passes "
                "per update, and which of them counts cannot be known: use an optimizer whose `step` needs none. Where you run "
                "the passes yourself, leave `optimizer=` out, call `balancer.forget()` after each but the last, and "
                "`balancer.adjust(targets)` after the last"
            )


def _each(optimizer: Optimizers | None) -> Iterator[torch.optim.Optimizer]:
    """Iterate over optimizers, each without what a host wrapped around it."""
    given = [] if optimizer is None else optimizer if isinstance(optimizer, Sequence) else [optimizer]
    for one in given:
        if not isinstance(one, torch.optim.Optimizer):
            raise TypeError(f"`optimizer` must be a torch optimizer or a sequence of them, found {type(one).__name__}")
        inner = getattr(one, "optimizer", one)
        yield inner if isinstance(inner, torch.optim.Optimizer) else one


def parameter_groups(
    model: nn.Module, encoders: Mapping[str, Encoder], lr: float, factors: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return groups for an optimizer in which each encoder named in `factors` learns at lr * factor, and all else at lr.

    One group per entry of `factors`, in its order; the LAST group holds all other parameters of the model, none where there
    are no others. Unlike a factor on gradients, a factor on the learning rate acts under Adam, too. Weight decay, where it is
    multiplied by the learning rate (SGD, AdamW), scales along. `encoders` are those of `Balancer`; those without a factor
    need not be named.

    Raises ValueError for a modality in `factors` without an encoder, a factor or an lr that is not finite and above 0, encoders
    that share a parameter, and an encoder that is no part of the model.

    >>> import torch
    >>> from asgml import parameter_groups
    >>> net = torch.nn.ModuleDict({"audio": torch.nn.Linear(4, 5), "visual": torch.nn.Linear(6, 5)})
    >>> groups = parameter_groups(net, {"audio": net["audio"]}, lr=1e-3, factors={"audio": 0.25})
    >>> optimizer = torch.optim.AdamW(groups)
    >>> [(group["lr"], len(group["params"])) for group in optimizer.param_groups]
    [(0.00025, 2), (0.001, 2)]
    """
    if bad := {m: f for m, f in factors.items() if not is_number(f) or f <= 0}:
        raise ValueError(f"`factors` must be finite numbers above 0, found {bad}; to stop an encoder, skip its updates")
    if not is_number(lr) or lr <= 0:
        raise ValueError(f"`lr` must be a finite number above 0, found {lr!r}")
    if unknown := sorted(factors.keys() - encoders.keys()):
        raise ValueError(f"`factors` names {unknown}; `encoders` has {sorted(encoders)}")
    named = {m: list(p.values()) for m, p in parameters_of(encoders, model).items()} if encoders else {}
    everything = list(model.parameters())
    _check_inside(named, everything)
    taken = {parameter for m in factors for parameter in named[m]}
    groups: list[dict[str, Any]] = [{"params": named[m], "lr": lr * factor} for m, factor in factors.items()]
    return [*groups, {"params": [p for p in everything if p not in taken], "lr": lr}]


def _check_inside(named: Mapping[str, list[nn.Parameter]], everything: list[nn.Parameter]) -> None:
    inside = set(everything)
    for modality, parameters in named.items():
        if not inside.issuperset(parameters):
            raise ValueError(f"`encoders[{modality!r}]` has parameters that `model` has not: give the model that holds it")
