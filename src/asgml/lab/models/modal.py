"""What travels through a model: a tensor per modality, and which samples have it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


class Modal(dict[str, Tensor]):
    """Modality -> tensor (B, ...). `present` has a mask (B,) for each modality that some of these samples lack."""

    def __init__(self, values: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None):
        super().__init__(values)
        self.present = {m: mask for m, mask in (present or {}).items() if m in values and not bool(mask.all())}


def mask_of(values: Mapping[str, Tensor], modality: str) -> Tensor | None:
    """Return the mask (B,) of the samples that have a modality; None where all of them do."""
    return values.present.get(modality) if isinstance(values, Modal) else None


def having(values: Mapping[str, Tensor], modality: str, *more: Tensor) -> tuple[Tensor, ...]:
    """Return a modality's tensor, and `more` (B, ...) beside it, at the samples that have the modality."""
    mask = mask_of(values, modality)
    return tuple(x if mask is None else x[mask] for x in (values[modality], *more))


def rows_with(values: Mapping[str, Tensor], modality: str) -> Mapping[str, Tensor]:
    """Return all modalities' tensors at the samples that have this one."""
    mask = mask_of(values, modality)
    return values if mask is None else {m: x[mask] for m, x in values.items()}
