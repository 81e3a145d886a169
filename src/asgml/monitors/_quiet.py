"""Running what the user handed over (heads, losses, encoders) so that training goes on as if it had not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook


@contextmanager
def undisturbed(called: Iterable[object], *, evaluating: bool, devices: Iterable[torch.device] = ()) -> Iterator[None]:
    """Leave no trace of the calls in the body: every module called keeps its mode and its buffers, generators go back.

    With `evaluating`, modules run in eval mode; else in their own, on copies of their buffers (BatchNorm statistics).
    Modules are found when they are called, whatever function calls them, and as the owners of the methods in `called`.
    """
    modes: list[tuple[nn.Module, bool]] = []
    buffers: list[tuple[nn.Module, dict[str, Tensor | None]]] = []
    seen: set[nn.Module] = set()

    def enter(module: nn.Module, args: Any = ()) -> None:
        for part in () if module in seen else module.modules():
            if part not in seen:
                seen.add(part)
                _set_aside(part, evaluating, modes, buffers)

    handle = register_module_forward_pre_hook(enter)
    try:
        with torch.random.fork_rng([d for d in set(devices) if d.type == "cuda"]):
            for owner in filter(None, map(_owner, called)):
                enter(owner)
            yield
    finally:
        handle.remove()
        for module, mode in modes:
            module.training = mode
        for module, own in buffers:
            module._buffers.update(own)


def _set_aside(
    module: nn.Module,
    evaluating: bool,
    modes: list[tuple[nn.Module, bool]],
    buffers: list[tuple[nn.Module, dict[str, Tensor | None]]],
) -> None:
    if evaluating and module.training:
        modes.append((module, True))
        module.training = False
    elif not evaluating and module._buffers:
        buffers.append((module, dict(module._buffers)))
        module._buffers.update({name: b if b is None else b.clone() for name, b in module._buffers.items()})


def _owner(called: object) -> nn.Module | None:
    if isinstance(called, partial):
        return _owner(called.func)
    owner = called if isinstance(called, nn.Module) else getattr(called, "__self__", None)
    return owner if isinstance(owner, nn.Module) else None
