"""The work of `asgml run`: everything is checked, then data are prepared and cells trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab import datasets, engines, layout, outputs, sweep
from asgml.lab.cli import places, progress
from asgml.lab.cli.commands import Where, say
from asgml.lab.config import Cell, Experiment, modalities, points
from asgml.lab.config.augment import KINDS, check_shape
from asgml.lab.config.load import load_experiment
from asgml.lab.datasets import contents
from asgml.lab.datasets.settings import ImportedDataset, Manifest
from asgml.lab.few import planned


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    out: Path
    cells: int
    failed: int


def run(name_or_path: str, sets: Sequence[str], out: Path | None, where: Where, data: Sequence[str], *, quiet: bool) -> Outcome:
    """Check everything, prepare the data and train the cells, as `commands.run` is asked to."""
    experiment = places.moved(load_experiment(name_or_path, sets), data)
    out, jobs = out or Path("outputs") / experiment.name, where.most(experiment.train.threads * experiment.train.processes)
    outputs.check_folder(out)
    cluster = engines.make(where.engine, where.address, where.gpus_per_cell)
    check(experiment)
    experiment = contents.filled(experiment, out)
    sweep.check(experiment, out)
    cells, todo = len(layout.cells(experiment, out)), sweep.unfinished(experiment, out)
    once = f"{jobs} at once" if jobs else f"as {where.engine} has room"
    if not quiet:
        say(f"{experiment.name}: {cells} cells, {_shape(experiment)}, {len(todo)} of them to train, {once}, in {out}")
    attention = _prepare([laid.cell for laid in todo])
    for words in attention if not quiet else ():
        say(f"Attention: {words}.")
    with progress.show(cells, quiet=quiet) as show:
        outcome = sweep.run(experiment, out, jobs, show, cluster)
    return Outcome(out, outcome.cells, len(outcome.failed))


def _shape(experiment: Experiment) -> str:
    """What is multiplied to give the number of cells."""
    found = points.of(experiment)
    tuned = " and tuning" * bool(experiment.tune)
    return f"{f'{len(found)} points x ' if experiment.several else ''}methods x seeds{tuned}"


def check(experiment: Experiment) -> None:
    """Refuse what can be seen to be wrong before anything is read or written."""
    opened: list[tuple[Any, dict[str, str] | None]] = []
    for point in points.of(experiment):
        kinds = next((kinds for dataset, kinds in opened if dataset == point.experiment.dataset), None)
        if kinds is None:
            kinds = datasets.check(point.experiment.dataset)
            opened.append((point.experiment.dataset, kinds))
        _check_point(point.experiment, kinds)


def _check_point(experiment: Experiment, kinds: dict[str, str] | None) -> None:
    if kinds is not None and isinstance(experiment.dataset, Manifest):  # of others the experiment itself knows
        for plain in points.tried(experiment):
            modalities.check(plain, kinds, experiment.dataset.path.name)
    for name, entries in experiment.methods.items():
        for entry in entries:
            entry.check(name)
    for modality, encoder in experiment.model.encoders.items():
        encoder.check(modality)
    experiment.model.fusion.check()


def _prepare(cells: Sequence[Cell]) -> list[str]:
    """Read the data once here, so that what is wrong with it is said once, and the cells find it in the cache.

    Returns what to say of cells that will make few updates.

    One's own data set has no cache: it is read for the first seed only.
    """
    read, said = list[tuple[Any, dict[str, _Held]]](), dict[str, None]()
    for cell in cells:
        dataset = cell.dataset
        once = isinstance(dataset, ImportedDataset) or dataset.seed is not None
        which = (dataset, None if once else cell.seed)
        held = next((held for known, held in read if known == which), None)
        if held is None:
            data = datasets.load(dataset, cell.seed)
            held = _held(data)
            read.append((which, held))
            if words := planned(len(getattr(data, "train", ())), cell.train.batch_size, cell.epochs):
                said[words] = None
        _check_cell(cell, held)
    return list(said)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a modality holds: its kind, "" where that is not known, and its samples' shape and type."""

    kind: str
    shape: tuple[int, ...]
    floating: bool


def _held(data: Any) -> dict[str, _Held]:
    """Return modality -> what it holds; a kind that is a name of one's own alone is not known."""
    kinds, found = getattr(data, "kinds", {}), dict[str, _Held]()
    for modality, kind in kinds.items():
        x = data.train.inputs[modality]
        known = "" if kind == modality and kind not in KINDS else kind
        found[modality] = _Held(known, tuple(x.shape[1:]), x.dtype.kind == "f")
    return found


def _check_cell(cell: Cell, held: dict[str, _Held]) -> None:
    """Refuse what only the data themselves tell."""
    kinds = {modality: one.kind for modality, one in held.items()}
    if isinstance(cell.dataset, ImportedDataset) and kinds:
        modalities.check(cell, kinds, cell.dataset.import_)
    for modality, settings in cell.train.augment.of(kinds).items() if cell.train.augment else ():
        check_shape(modality, settings, held[modality].shape, floating=held[modality].floating)
