"""Examining modules so that afterwards nothing tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def examined(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put modules and all their parts in eval mode; afterwards every part has its own mode again, and generators go back."""
    parts = {part for module in modules for part in module.modules()}
    modes = {part: part.training for part in parts}
    devices = {p.device for part in parts for p in part.parameters(recurse=False) if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices):
            for part in parts:
                part.training = False
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode
