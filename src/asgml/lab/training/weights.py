"""The chosen epoch's weights, in one file with all that it takes to build their model again: safetensors and the config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor, nn

from asgml.lab import store
from asgml.lab.config import Cell
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import plan
from asgml.lab.training.device import Mixed
from asgml.lab.training.loop import built
from asgml.lab.training.objectives import Objective

FILE, ABOUT = "model.safetensors", "asgml"


class TrainedModel(nn.Module):
    """A cell's model at its chosen epoch, in eval mode: modality -> inputs (B, ...) in, logits (B, C) out."""

    def __init__(self, model: LateFusion, objective: Objective, cell: Cell, classes: Sequence[str]):
        super().__init__()
        self.model, self.objective = model, objective
        self.cell, self.classes = cell, tuple(classes)
        self.eval()

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Answer as the method does, whose objective may answer in the fusion's place."""
        logits, features = self.model({m: inputs[m] for m in self.model.encoders})
        return self.objective.predict(logits, features)


def save(folder: Path, model: LateFusion, objective: Objective, inputs: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write `model.safetensors`. `about` has the keys config, modalities (the data set's), classes and size (the task's).

    Tensors are named `model.…` and `objective.…`; `inputs` (modality -> (N, ...)) tell what a sample looks like.
    """
    named = {f"model.{key}": value for key, value in _unmixed(model).items()}
    named |= {f"objective.{key}": value for key, value in objective.state_dict().items()}
    tensors = {key: x.detach().cpu().clone(memory_format=torch.contiguous_format) for key, x in named.items()}
    samples = {m: [str(x.dtype).removeprefix("torch."), list(x.shape[1:])] for m, x in inputs.items()}
    text = json.dumps({**about, "samples": samples}, allow_nan=False)
    store.write_atomic(folder / FILE, safetensors.torch.save(tensors, {ABOUT: text}))


def _unmixed(model: LateFusion) -> dict[str, Tensor]:
    """Return the model's tensors, by the names that they have without mixed precision."""
    mixed = [f"encoders.{m}." for m, encoder in model.encoders.items() if isinstance(encoder, Mixed)]
    prefix = {key: next((p for p in mixed if key.startswith(p)), "") for key in model.state_dict()}
    return {prefix[k] + k.removeprefix(f"{prefix[k]}encoder.") if prefix[k] else k: x for k, x in model.state_dict().items()}


def load_model(folder: str | Path) -> TrainedModel:
    """Build the model of a finished cell again, with the weights of its chosen epoch, in eval mode on the CPU.

    No data is read. Its logits for validation and test samples are those of `predictions.npz`, bit for bit where threads and
    batches are the same (`train.threads`; 512 rows at a time).

    Raises:
        InputError: the folder has no `model.safetensors`: the experiment says `keep: none`, or the cell has not begun.
    """
    path = Path(folder) / FILE
    if not path.exists():
        raise InputError(f"folder: must be a cell's, with {FILE} in it, found none in {folder}; `keep: best` writes it")
    with safe_open(path, "pt") as file:
        about, tensors = json.loads(file.metadata()[ABOUT]), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    cell = Cell.model_validate(about["config"])
    inputs = {m: torch.zeros((1, *shape), dtype=getattr(torch, kind)) for m, (kind, shape) in about["samples"].items()}
    model, objective = built(cell, plan.make(cell, about["modalities"]), inputs, about["size"])
    for name, part in {"model": model, "objective": objective}.items():
        part.load_state_dict({k.removeprefix(f"{name}."): t for k, t in tensors.items() if k.startswith(f"{name}.")})
    return TrainedModel(model, objective, cell, about["classes"])
