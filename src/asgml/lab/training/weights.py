"""The chosen epoch's weights, in one file with all that it takes to build their model again: safetensors and the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from asgml.lab import own_code
from asgml.lab.config import Cell
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import plan, weights_file
from asgml.lab.training.device import Mixed
from asgml.lab.training.loop import built
from asgml.lab.training.objectives import Objective

FILE = "model.safetensors"


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
    weights_file.write(folder / FILE, tensors, {**about, "samples": samples})


def _unmixed(model: LateFusion) -> dict[str, Tensor]:
    """Return the model's tensors, by the names that they have without mixed precision."""
    mixed = [f"encoders.{m}." for m, encoder in model.encoders.items() if isinstance(encoder, Mixed)]
    prefix = {key: next((p for p in mixed if key.startswith(p)), "") for key in model.state_dict()}
    return {prefix[k] + k.removeprefix(f"{prefix[k]}encoder.") if prefix[k] else k: x for k, x in model.state_dict().items()}


def load_model(folder: str | Path, *, allow_imports: bool = False) -> TrainedModel:
    """Build the model of a finished cell again, with the weights of its chosen epoch, in eval mode on the CPU.

    No data is read. Its logits for validation and test samples are those of `predictions.npz`, bit for bit where threads and
    batches are the same (`train.threads`; 512 rows at a time).

    A file may name code of somebody's own (`import`), which runs when the model is built: with `allow_imports` alone.

    Raises:
        InputError: the folder has no `model.safetensors`: the experiment says `keep: none`, or the cell has not begun; the
            file is damaged; or it names code to import, and `allow_imports` is not set.
    """
    path = Path(folder) / FILE
    if not path.exists():
        raise InputError(f"folder: must be a cell's, with {FILE} in it, found none in {folder}; `keep: best` writes it")
    way = "load_model(folder, allow_imports=True) lets it, where you trust who made the file"
    about, tensors = weights_file.read(path, lambda about: None if allow_imports else own_code.refuse(about, path, way))
    try:
        return _built(about, tensors)
    except (ValidationError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        found = str(error).partition("\n")[0]
        raise InputError(f"{path} does not fit together, or another version of asgml wrote it ({found})") from error


def _built(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> TrainedModel:
    cell = Cell.model_validate(about["config"])
    if not about["samples"]:
        raise ValueError("no modality is named")
    inputs = {m: torch.zeros((1, *shape), dtype=getattr(torch, kind)) for m, (kind, shape) in about["samples"].items()}
    model, objective = built(_without_start(cell), plan.make(cell, about["modalities"]), inputs, about["size"])
    for name, part in {"model": model, "objective": objective}.items():
        part.load_state_dict({k.removeprefix(f"{name}."): t for k, t in tensors.items() if k.startswith(f"{name}.")})
    return TrainedModel(model, objective, cell, about["classes"])


def _without_start(cell: Cell) -> Cell:
    """Return the cell without the files of weights that training started from: they need not be there any more."""
    encoders = {
        m: e.model_copy(update={"weights": None}) if "weights" in type(e).model_fields else e
        for m, e in cell.model.encoders.items()
    }
    return cell.model_copy(update={"model": cell.model.model_copy(update={"encoders": encoders})})
