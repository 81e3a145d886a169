"""Where a cell trains."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from asgml.lab.config import Train
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion


def device_of(train: Train) -> torch.device:
    """Return the device that the settings ask for; `auto` is the first GPU where there is one.

    Raises:
        InputError: a GPU is asked for, and there is none.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may sum in another order every time
    there = train.device != "cpu" and torch.cuda.is_available()
    if train.device == "cuda" and not there:
        raise InputError("`train.device`: must be cpu or auto on a machine without a CUDA GPU, found cuda")
    return torch.device("cuda" if there else "cpu")


class Mixed(nn.Module):
    """An encoder in mixed precision: autocast to bfloat16 within, a float32 feature (B, D) handed over."""

    def __init__(self, encoder: nn.Module, device: str):
        super().__init__()
        self.encoder, self.device = encoder, device

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        with torch.autocast(self.device, torch.bfloat16):
            feature: Tensor = self.encoder(x)
        return feature.float()


def place(model: LateFusion, device: torch.device, amp: bool) -> None:
    """Move a model to its device, in place; with `amp` on a GPU, its encoders are made `Mixed`."""
    model.to(device)
    for modality, encoder in model.encoders.items() if amp and device.type == "cuda" else ():
        model.encoders[modality] = Mixed(encoder, device.type)
