"""A finished cell under examination: its model of the last epoch, on its training and validation samples."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import asgml
from asgml.lab import store
from asgml.lab.config import Cell, methods
from asgml.lab.datasets.steer import units
from asgml.lab.errors import InputError
from asgml.lab.training import cell as cells
from asgml.lab.training.evaluation import Samples, encode
from asgml.lab.training.loop import Trainer
from asgml.lab.training.scene import Batch

CACHE = ".solo"
"""The folder of a run that holds the unimodal references which a diagnosis had trained."""


@dataclass(frozen=True)
class Trained:
    """A cell after its last epoch. The test split is left where it is."""

    trainer: Trainer
    train: Samples
    validation: Samples
    groups: list[int]
    """The unit of each validation sample: those that share a source stand together."""

    @classmethod
    def read(cls, folder: Path) -> Trained:
        """Build a finished cell again from its config and checkpoint."""
        cell = Cell.model_validate(store.read_json(folder / "config.json"))
        data, samples, trainer = cells.prepare(cell)
        lacks = bool(samples["train"].present or samples["validation"].present)
        if trainer.task.name != "classification" or lacks:
            found = f"{trainer.task.name}{' with modalities missing' * lacks}"
            raise InputError(f"run: asgml diagnose needs one class per sample, and all modalities in each, found {found}")
        trainer.load_state_dict(torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)["trainer"])
        return cls(trainer, samples["train"], samples["validation"], units(data.validation).tolist())

    def said(self) -> Tensor:
        """Return its logits (N, C) for the validation samples."""
        return encode(self.trainer.model, self.validation, self.trainer.objective).logits.cpu()

    def forward(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return logits and labels of a batch, as the method answers."""
        inputs, labels = batch
        logits, features = model(inputs)
        return self.trainer.objective.predict(logits, features), labels


def diagnose(folder: Path, solo: Mapping[str, Path], *, bootstrap: int = 1000) -> asgml.Diagnosis:
    """Examine the cell in a folder; `solo` is modality -> the folder of a cell that trained on this one alone."""
    trained = Trained.read(folder)
    trainer = trained.trainer
    return asgml.diagnose(
        trainer.model,
        dict(trainer.model.encoders.items()),
        trained.train.batches(),
        trained.validation.batches(),
        forward=trained.forward,
        groups=trained.groups,
        solo={m: Trained.read(reference).said() for m, reference in solo.items() if m in trainer.model.encoders},
        balancer=trainer.balancer,
        bootstrap=bootstrap,
        seed=trainer.seed,
    )


def references(run: Path, cell: Cell, modalities: tuple[str, ...], *, train: bool) -> dict[str, Path]:
    """Return modality -> folder of the cell of this seed that trained on it alone: the run's own, or one trained before.

    With `train`, those that are missing are trained with the settings of `cell` and kept in the run's folder.
    """
    found = {m: folder for m in modalities if (folder := _own(run, cell, m))}
    for m in modalities:
        alone = _alone(cell, m)
        cached = store.cell_folder(run / CACHE, f"{alone.method}-{alone.address}", cell.seed)
        if m not in found and (_finished(cached) or (train and _trained(cached, alone))):
            found[m] = cached
    return found


def _own(run: Path, cell: Cell, modality: str) -> Path | None:
    """Return the run's own cell, with whatever settings were tuned for it."""
    wanted = _alone(cell, modality).entries
    for folder in filter(_finished, sorted(run.glob(f"*/seed{cell.seed}"))):
        if Cell.model_validate(store.read_json(folder / "config.json")).entries == wanted:
            return folder
    return None


def _finished(folder: Path) -> bool:
    return (store.read_json(folder / "result.json") or {}).get("status") == "finished"


def _alone(cell: Cell, modality: str) -> Cell:
    """Return the same cell with one modality, in one process."""
    train = cell.train.model_copy(update={"processes": 1})
    entries = (methods.Alone(modality=modality),)
    return cell.model_copy(update={"method": f"{modality}_alone", "entries": entries, "train": train})


def _trained(folder: Path, alone: Cell) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / "config.json", alone.model_dump(mode="json", by_alias=True))
    subprocess.run([sys.executable, "-m", "asgml.lab.trial", str(folder)], check=False)
    result = store.read_json(folder / "result.json") or {}
    if result.get("status") != "finished":
        raise InputError(f"--solo: {alone.method} could not be trained: {result.get('reason', 'it was stopped')}")
    return True
