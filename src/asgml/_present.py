"""Which rows of a batch have a modality, where some lack it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Present = Mapping[str, Tensor]
"""Modality -> mask (B,); a modality without one is there in all rows."""


def rows_of(targets: Tensor, mask: Tensor | None) -> int:
    """Return how many rows an encoder saw."""
    return len(targets) if mask is None else int(mask.sum())


def joined(parts: Sequence[tuple[Tensor, Present]]) -> tuple[Tensor, Present]:
    """Put the targets and masks of micro-batches together."""
    named = dict.fromkeys(m for _, present in parts for m in present)
    masks = {m: torch.cat([present.get(m, _all(targets)) for targets, present in parts]) for m in named}
    return torch.cat([targets for targets, _ in parts]), masks


def _all(targets: Tensor) -> Tensor:
    return torch.ones(len(targets), dtype=torch.bool, device=targets.device)
