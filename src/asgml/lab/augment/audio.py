"""Random shifts, noise and masks of spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor

from asgml.lab.augment.draws import per_sample, stretch, uniform
from asgml.lab.config.augment import AudioAugment


def apply(x: Tensor, how: AudioAugment, draw: torch.Generator) -> Tensor:
    """Change spectrograms (B, ..., F, T); masks are SpecAugment's (D. Park et al., Interspeech 2019), one of each kind."""
    if how.shift:
        x = _shifted(x, how.shift, draw)
    if how.noise:
        x = x + how.noise * torch.randn(x.shape, generator=draw).to(x.device, x.dtype)
    if how.frequency_mask:
        x = _masked(x, stretch(x, how.frequency_mask, x.shape[-2], draw)[:, :, None])
    if how.time_mask:
        x = _masked(x, stretch(x, how.time_mask, x.shape[-1], draw)[:, None, :])
    return x


def _shifted(x: Tensor, share: float, draw: torch.Generator) -> Tensor:
    length = x.shape[-1]
    by = (uniform(x, draw, -share, share) * length).round().long()
    source = (torch.arange(length, device=x.device) - by[:, None]) % length
    return x.gather(-1, source.view(len(x), *[1] * (x.ndim - 2), length).expand(x.shape))


def _masked(x: Tensor, mask: Tensor) -> Tensor:
    mean = x.flatten(1).mean(1)
    return torch.where(mask.view(len(x), *[1] * (x.ndim - 3), *mask.shape[1:]), per_sample(mean, x), x)
