"""Random numbers per sample, drawn on the CPU and handed over where the batch is."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(x: Tensor, draw: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return one number per sample of x (B, ...), shape (B,)."""
    return (low + (high - low) * torch.rand(len(x), generator=draw)).to(x.device)


def per_sample(values: Tensor, x: Tensor) -> Tensor:
    """Give values (B,) the dimensions of x (B, ...), so that they spread over each sample."""
    return values.view(-1, *[1] * (x.ndim - 1))


def stretch(x: Tensor, share: float, length: int, draw: torch.Generator) -> Tensor:
    """Return a mask (B, length): in every sample, a stretch of up to `share` of the length, anywhere."""
    width = uniform(x, draw) * share * length
    start = uniform(x, draw) * (length - width)
    at = torch.arange(length, device=x.device) + 0.5
    return (at > start[:, None]) & (at < (start + width)[:, None])
