"""Random crops, flips, colours and holes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from asgml.lab.augment.draws import per_sample, uniform
from asgml.lab.config.augment import VisualAugment

HOLE = (0.02, 0.33)
"""The share of the area that is erased (Z. Zhong et al., Random Erasing, AAAI 2020)."""


def apply(x: Tensor, how: VisualAugment, draw: torch.Generator) -> Tensor:
    """Change pictures (B, C, H, W) or clips (B, T, C, H, W); the frames of a clip are changed alike."""
    clips = x if x.ndim == 5 else x[:, None]
    if how.crop < 1 or how.flip:
        clips = _moved(clips, how, draw)
    if how.colour:
        clips = _coloured(clips, how.colour, draw)
    if how.erase:
        clips = _with_holes(clips, how.erase, draw)
    return clips if x.ndim == 5 else clips[:, 0]


def _moved(x: Tensor, how: VisualAugment, draw: torch.Generator) -> Tensor:
    """Cut a part out of every clip and resize it, bilinear; some are mirrored."""
    area, shape = uniform(x, draw, how.crop, 1), uniform(x, draw, math.log(3 / 4), math.log(4 / 3)).exp()
    if how.crop == 1:
        shape = torch.ones_like(shape)
    height, width = (area / shape).sqrt().clamp(max=1), (area * shape).sqrt().clamp(max=1)
    top, left = (uniform(x, draw, -1, 1) * (1 - side) for side in (height, width))
    width = torch.where(uniform(x, draw) < how.flip, -width, width)
    rows, columns = (_steps(n, x) for n in x.shape[-2:])
    grid = torch.stack([
        (left[:, None, None] + width[:, None, None] * columns).expand(-1, len(rows), -1),
        (top[:, None, None] + height[:, None, None] * rows[:, None]).expand(-1, -1, len(columns)),
    ], dim=-1)  # fmt: skip
    frames = grid_sample(x.flatten(0, 1), grid.repeat_interleave(x.shape[1], 0), padding_mode="border", align_corners=False)
    return frames.view(x.shape)


def _steps(n: int, x: Tensor) -> Tensor:
    """The middles of n pixels, from -1 to 1."""
    return (2 * torch.arange(n, device=x.device, dtype=x.dtype) + 1) / n - 1


def _coloured(x: Tensor, strength: float, draw: torch.Generator) -> Tensor:
    contrast, saturation = (per_sample(uniform(x, draw, 1 - strength, 1 + strength), x) for _ in range(2))
    brightness = per_sample(uniform(x, draw, -strength, strength), x)
    mean = x.mean((1, 2, 3, 4), keepdim=True)
    x = (x - mean) * contrast + mean + brightness
    grey = x.mean(2, keepdim=True)
    return (x - grey) * saturation + grey


def _with_holes(x: Tensor, share: float, draw: torch.Generator) -> Tensor:
    area, shape = uniform(x, draw, *HOLE), uniform(x, draw, math.log(0.3), math.log(1 / 0.3)).exp()
    sides = (area / shape).sqrt().clamp(max=1), (area * shape).sqrt().clamp(max=1)
    inside = []
    for side, n in zip(sides, x.shape[-2:], strict=True):
        start = uniform(x, draw) * (1 - side)
        at = (torch.arange(n, device=x.device) + 0.5) / n
        inside.append((at > start[:, None]) & (at < (start + side)[:, None]))
    chosen = uniform(x, draw) < share
    hole = inside[0][:, :, None] & inside[1][:, None, :] & chosen[:, None, None]
    return x.masked_fill(hole[:, None, None], 0)
