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
from asgml.lab.datasets._base import Raw
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError, did_you_mean
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import Modal
from asgml.lab.training import plan, weights_file
from asgml.lab.training.device import Mixed
from asgml.lab.training.loop import built
from asgml.lab.training.objectives import Objective
from asgml.lab.training.raw_rows import Reader

FILE = "model.safetensors"


class TrainedModel(nn.Module):
    """A cell's model at its chosen epoch, in eval mode: modality -> inputs (B, ...) in, logits (B, C) out.

    `classes` names the logits, in their order; of a regression without named outputs it is empty.
    """

    def __init__(
        self, model: LateFusion, objective: Objective, cell: Cell, classes: Sequence[str], samples: Mapping[str, Tensor],
        reader: Reader | None = None,
    ):  # fmt: skip
        super().__init__()
        self.model, self.objective = model, objective
        self.cell, self.classes, self.samples, self.reader = cell, tuple(classes), samples, reader
        self.eval()

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """Answer as the method does, whose objective may answer in the fusion's place.

        `inputs` are as `prepare` makes them, or as the data set's splits hold them. `present[modality]` (B,) tells which of
        the rows have it, as a split's `present` does; a modality that `inputs` leave out is lacking in all.

        Raises:
            InputError: a name is no modality of the model, all of them lack, or numbers of rows differ.
        """
        masks = dict(getattr(inputs, "present", {}) if present is None else present)
        whole = self._whole(inputs, masks)
        logits, features = self.model(Modal(whole, masks))
        return self.objective.predict(logits, features)

    def prepare(self, rows: Sequence[Mapping[str, Any]], folder: str | Path = ".") -> Modal:
        """Make the inputs of raw rows: modality -> cell as in the manifest; `model(model.prepare(rows))` scores them.

        A cell is the name of a file, relative to `folder`; numbers; a text; or a numpy array of what would be read from the
        file. Rows may lack modalities: None, an empty text, or no such key. They are read, scaled by the mean and standard
        deviation of the training rows, and filled up as those were.

        Raises:
            InputError: a row is wrong, or the model was not trained on a manifest.
        """
        if self.reader is None:
            found = getattr(self.cell.dataset, "name", "one of your own")
            how = "by a version that keeps the training rows' mean and standard deviation"
            raise InputError(f"prepare: needs a model that was trained on a manifest, {how}; found the data set {found}")
        return self.reader.read(rows, Path(folder))

    def _whole(self, inputs: Mapping[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return all modalities' inputs; of one that is left out zeros, and a mask that says so."""
        known = list(self.model.encoders)
        given = {m: x for m, x in inputs.items() if m in known}
        if wrong := [m for m in masks if m not in inputs and m not in known]:
            raise InputError(f"present: must name modalities, found {wrong[0]!r}{did_you_mean(wrong[0], known)}")
        if not given:
            raise InputError(f"inputs: must have one of {', '.join(known)}, found {list(inputs)}")
        sizes = {m: len(x) for m, x in given.items()} | {f"present[{m}]": len(x) for m, x in masks.items()}
        if len(rows := set(sizes.values())) != 1:
            raise InputError(f"inputs: must have the same number of rows everywhere, found {sizes}")
        (n,) = rows
        for m in known:
            if m not in given:
                given[m], masks[m] = self.samples[m].expand(n, *self.samples[m].shape[1:]), torch.zeros(n, dtype=torch.bool)
        return {m: given[m] for m in known}


def save(
    folder: Path, model: LateFusion, objective: Objective, inputs: Mapping[str, Tensor], about: Mapping[str, Any],
    raw: Mapping[str, Raw] | None = None,
) -> None:  # fmt: skip
    """Write `model.safetensors`. `about` has the keys config, modalities (the data set's), classes and size (the task's).

    Tensors are named `model.…` and `objective.…`; `inputs` (modality -> (N, ...)) tell what a sample looks like. `raw` is what
    the data set learnt from its training rows: mean and standard deviation are `raw.<modality>.mean` and `.sd`.
    """
    named = {f"model.{key}": value for key, value in _unmixed(model).items()}
    named |= {f"objective.{key}": value for key, value in objective.state_dict().items()}
    own = {m: found for m, found in (raw or {}).items() if m in model.encoders}
    for m, found in own.items():
        kept = {"mean": found.mean, "sd": found.sd}
        named |= {f"raw.{m}.{key}": torch.from_numpy(x) for key, x in kept.items() if x is not None}
    tensors = {key: x.detach().cpu().clone(memory_format=torch.contiguous_format) for key, x in named.items()}
    samples = {m: [str(x.dtype).removeprefix("torch."), list(x.shape[1:])] for m, x in inputs.items()}
    more = {"raw": {m: found.kind for m, found in own.items()}} if own else {}
    weights_file.write(folder / FILE, tensors, {**about, "samples": samples, **more})


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
    return TrainedModel(model, objective, cell, about["classes"], inputs, _reader(cell, about, inputs, tensors))


def _reader(
    cell: Cell, about: Mapping[str, Any], samples: Mapping[str, Tensor], tensors: Mapping[str, Tensor]
) -> Reader | None:
    """Return what reads raw rows, where the file says how."""
    if not isinstance(cell.dataset, Manifest) or "raw" not in about:
        return None
    raw = {m: Raw(kind, *(_array(tensors.get(f"raw.{m}.{key}")) for key in ("mean", "sd"))) for m, kind in about["raw"].items()}
    return Reader(cell.dataset, about["modalities"], samples, raw)


def _array(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor.numpy()


def _without_start(cell: Cell) -> Cell:
    """Return the cell without the files of weights that training started from: they need not be there any more."""
    encoders = {
        m: e.model_copy(update={"weights": None}) if "weights" in type(e).model_fields else e
        for m, e in cell.model.encoders.items()
    }
    return cell.model_copy(update={"model": cell.model.model_copy(update={"encoders": encoders})})
