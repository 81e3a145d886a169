"""A finished cell under examination: its model of the last epoch, on its training and validation samples."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn

import asgml
from asgml.lab import own_code, store
from asgml.lab.config import Cell, place
from asgml.lab.datasets.steer import units
from asgml.lab.errors import InputError
from asgml.lab.methods._context import Batch
from asgml.lab.methods.alone import Alone
from asgml.lab.training import cell as cells
from asgml.lab.training import checkpoint
from asgml.lab.training.evaluation import Samples, encode
from asgml.lab.training.loop import Trainer

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
    def read(cls, folder: Path, *, allow_imports: bool = False) -> Trained:
        """Build a finished cell again from its config and checkpoint.

        Raises InputError where they cannot be used, or the config imports code that this user has not run before and does
        not allow.
        """
        cell = read_cell(folder, allow_imports=allow_imports)
        state = checkpoint.read(folder)
        if state is None:
            way = "remove the folder, and the same asgml run trains the cell again"
            raise InputError(f"run: {folder} has no {checkpoint.FILE}; {way}")
        data, samples, trainer = cells.prepare(cell)
        lacks = bool(samples["train"].present or samples["validation"].present)
        if trainer.task.name != "classification" or lacks:
            found = f"{trainer.task.name}{' with modalities missing' * lacks}"
            raise InputError(f"run: asgml diagnose needs one class per sample, and all modalities in each, found {found}")
        checkpoint.restore(trainer, state, folder)
        return cls(trainer, samples["train"], samples["validation"], units(data.validation).tolist())

    def said(self) -> Tensor:
        """Return its logits (N, C) for the validation samples."""
        return encode(self.trainer.model, self.validation, self.trainer.objective).logits.cpu()

    def forward(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return logits and labels of a batch, as the method answers."""
        inputs, labels = batch
        logits, features = model(inputs)
        return self.trainer.objective.predict(logits, features), labels


def read_cell(folder: Path, *, allow_imports: bool = False) -> Cell:
    """Read a cell's `config.json`. Raises InputError where it is none, or imports code that nobody allowed."""
    path = folder / "config.json"
    if not allow_imports:
        own_code.check(path)
    try:
        return Cell.model_validate(store.read_record(path))
    except ValidationError as error:
        raise InputError(
            f"{path} is no config of a cell, or of another version of asgml ({error.errors()[0]['msg']})"
        ) from error


def diagnose(folder: Path, solo: Mapping[str, Path], *, bootstrap: int = 1000) -> asgml.Diagnosis:
    """Examine the cell in a folder; `solo` is modality -> the folder of a cell that trained on this one alone."""
    return examine(Trained.read(folder), solo, bootstrap=bootstrap)


def examine(
    trained: Trained, solo: Mapping[str, Path], *, bootstrap: int = 1000, allow_imports: bool = False
) -> asgml.Diagnosis:
    """Do so with a cell that was read before."""
    trainer = trained.trainer
    alone = {m: Trained.read(folder, allow_imports=allow_imports) for m, folder in solo.items() if m in trainer.model.encoders}
    return asgml.diagnose(
        trainer.model,
        dict(trainer.model.encoders.items()),
        trained.train.batches(),
        trained.validation.batches(),
        forward=trained.forward,
        groups=trained.groups,
        solo={m: reference.said() for m, reference in alone.items()},
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
        _follow(cached / "config.json", alone)
        if m not in found and (_finished(cached) or (train and _trained(cached, alone))):
            found[m] = cached
    return found


def _follow(path: Path, alone: Cell) -> None:
    """Tell a reference that was trained before where the data lie now."""
    found = store.read_record(path)
    if found is not None and (now := place.moved(found, alone.model_dump(mode="json", by_alias=True))) != found:
        store.write_json(path, now)


def _own(run: Path, cell: Cell, modality: str) -> Path | None:
    """Return the run's own cell, with whatever settings were tuned for it."""
    wanted = _alone(cell, modality).entries
    for folder in filter(_finished, sorted(run.glob(f"*/seed{cell.seed}"))):
        if read_cell(folder, allow_imports=True).entries == wanted:  # which only reads: nothing is imported
            return folder
    return None


def _finished(folder: Path) -> bool:
    return (store.read_record(folder / "result.json") or {}).get("status") == "finished"


def _alone(cell: Cell, modality: str) -> Cell:
    """Return the same cell with one modality, in one process."""
    train = cell.train.model_copy(update={"processes": 1})
    entries = (Alone(modality=modality),)
    return cell.model_copy(update={"method": f"{modality}_alone", "entries": entries, "train": train})


def _trained(folder: Path, alone: Cell) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / "config.json", alone.model_dump(mode="json", by_alias=True))
    subprocess.run([sys.executable, "-m", "asgml.lab.trial", str(folder)], check=False)
    result = store.read_record(folder / "result.json") or {}
    if result.get("status") != "finished":
        raise InputError(f"--solo: {alone.method} could not be trained: {result.get('reason', 'it was stopped')}")
    return True
