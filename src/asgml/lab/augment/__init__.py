"""Changes training batches at random: a pure function of settings, batch, seed, epoch and the batch's number."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.lab.augment import audio, visual
from asgml.lab.config.augment import Augment, Settled, VisualAugment, check_shape
from asgml.lab.models.modal import Modal
from asgml.lab.training.seeding import derive

How = Augment | Mapping[str, Settled] | None
"""An experiment's settings, which then go by the names of the inputs alone, or modality -> its own."""


def augmented(inputs: Mapping[str, Tensor], how: How, *purpose: str | int) -> Modal:
    """Return a batch (modality -> (B, ...)) with random changes drawn from the purpose, such as (seed, epoch, batch).

    The draws are made on the CPU and applied where the batch is.
    """
    changed = Modal(inputs, getattr(inputs, "present", None))
    for modality, settings in _by_modality(inputs, how).items():
        draw = torch.Generator().manual_seed(derive("augment", modality, *purpose))
        x = inputs[modality]
        changed[modality] = (
            visual.apply(x, settings, draw) if isinstance(settings, VisualAugment) else audio.apply(x, settings, draw)
        )
    return changed


def check(inputs: Mapping[str, Tensor], how: How) -> None:
    """Raise InputError where the settings of a modality do not fit what it holds."""
    for modality, settings in _by_modality(inputs, how).items():
        x = inputs[modality]
        check_shape(modality, settings, x.shape[1:], floating=x.is_floating_point())


def _by_modality(inputs: Mapping[str, Tensor], how: How) -> dict[str, Settled]:
    found = how.of({m: m for m in inputs}) if isinstance(how, Augment) else how or {}
    return {m: settings for m, settings in found.items() if m in inputs}
