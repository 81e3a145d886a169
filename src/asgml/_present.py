"""Which rows of a batch have a modality, where some lack it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

Present = Mapping[str, Tensor]
"""Modality -> mask (B,); a modality without one is there in all rows."""


class Given:
    """What the loop gives between two updates: targets (B, ...) and masks, at once or micro-batch by micro-batch."""

    def __init__(self, modalities: Iterable[str]):
        self._modalities, self._seen = frozenset(modalities), list[tuple[Tensor, Present]]()

    def add(self, targets: Tensor, present: Present, rows: Mapping[str, int | None]) -> None:
        """Note a micro-batch's, of which `rows` is modality -> rows of the feature that was seen last."""
        if not isinstance(targets, Tensor):
            raise TypeError(f"`targets` must be a tensor, found {type(targets).__name__}: give `torch.as_tensor(targets)`")
        present = self.checked(present, targets)
        for modality, found in rows.items():
            wanted = rows_of(targets, present.get(modality))
            if wanted and found is not None and found != wanted:
                raise ValueError(
                    f"`targets` have {wanted} rows, the feature of {modality!r} has {found}: give one row per sample "
                    f"(`features={{{modality!r}: ...}}` can bring it to that), `present={{{modality!r}: mask}}` where some "
                    "samples lack it, and call `forget()` after a forward that no update follows"
                )
        self._seen.append((targets.detach(), present))

    def taken(
        self, targets: Tensor | None, present: Present, refused: Callable[[], object] = lambda: None
    ) -> tuple[Tensor | None, Present]:
        """Return those of the whole batch, and forget them; where they are no good, call `refused` before the error."""
        seen, self._seen = self._seen, []
        try:
            if targets is not None and seen:
                raise ValueError("targets came through `observe` and through `adjust`: give them once")
            return joined(seen) if seen else (targets, self.checked(present, targets))
        except ValueError:
            refused()
            raise

    def checked(self, present: Present, targets: Tensor | None) -> Present:
        """Return the masks as tensors, or say what is wrong with them."""
        if unknown := sorted(set(present) - self._modalities):
            raise ValueError(f"`present` names {unknown}; the modalities are {sorted(self._modalities)}")
        masks = {m: torch.as_tensor(mask) for m, mask in present.items()}
        for m, mask in masks.items():
            wanted = None if targets is None else tuple(targets.shape[:1])
            if mask.dtype != torch.bool or mask.ndim != 1 or (wanted is not None and mask.shape != wanted):
                raise ValueError(
                    f"`present[{m!r}]` must be a bool tensor of shape {wanted or '(B,)'}, True in the rows that have {m!r}, "
                    f"found {tuple(mask.shape)}, {mask.dtype}"
                )
        return masks

    def forget(self) -> None:
        """Forget what was noted."""
        self._seen.clear()


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
