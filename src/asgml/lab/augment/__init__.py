"""Changes training batches at random: a pure function of settings, batch, seed, epoch and the batch's number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from asgml.lab.augment import audio, visual
from asgml.lab.config.augment import Augment
from asgml.lab.errors import InputError
from asgml.lab.models.modal import Modal
from asgml.lab.training.seeding import derive

APPLY: dict[str, Callable[[Tensor, Any, torch.Generator], Tensor]] = {"visual": visual.apply, "audio": audio.apply}
LEAST = {"visual": 4, "audio": 3}
"""Dimensions of a batch that each can be done to."""


def augmented(inputs: Mapping[str, Tensor], how: Augment | None, *purpose: str | int) -> Modal:
    """Return a batch (modality -> (B, ...)) with random changes drawn from the purpose, such as (seed, epoch, batch).

    The draws are made on the CPU and applied where the batch is.
    """
    changed = Modal(inputs, getattr(inputs, "present", None))
    for modality, apply in APPLY.items():
        settings = getattr(how, modality, None)
        if settings is not None and modality in inputs:
            draw = torch.Generator().manual_seed(derive("augment", modality, *purpose))
            changed[modality] = apply(inputs[modality], settings, draw)
    return changed


def check(inputs: Mapping[str, Tensor], how: Augment | None) -> None:
    """Raise InputError where the settings name a modality that is not there, or is of another kind."""
    for modality, least in LEAST.items():
        if getattr(how, modality, None) is None:
            continue
        x = inputs.get(modality)
        if x is not None and (x.ndim < least or not x.is_floating_point()):
            raise InputError(f"`train.augment.{modality}`: does not fit samples of shape {tuple(x.shape[1:])}; leave it out")
