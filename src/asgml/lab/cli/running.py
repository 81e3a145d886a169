"""The work of `asgml run`: everything is checked, then data are prepared and cells trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab import datasets, engines, layout, outputs, sweep
from asgml.lab.cli import places, progress
from asgml.lab.cli.commands import Where, say
from asgml.lab.config import Cell, Experiment, points
from asgml.lab.config.load import load_experiment
from asgml.lab.datasets import contents
from asgml.lab.datasets.settings import ImportedDataset
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
    _check(experiment)
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


def _check(experiment: Experiment) -> None:
    """Refuse what can be seen to be wrong before anything is read or written."""
    for point in points.of(experiment):
        _check_point(point.experiment)


def _check_point(experiment: Experiment) -> None:
    datasets.check(experiment.dataset)
    for name, entries in experiment.methods.items():
        for entry in entries:
            entry.check(name)
    for modality, encoder in experiment.model.encoders.items():
        encoder.check(modality)


def _prepare(cells: Sequence[Cell]) -> list[str]:
    """Read the data once here, so that what is wrong with it is said once, and the cells find it in the cache.

    Returns what to say of cells that will make few updates.

    One's own data set has no cache: it is read for the first seed only.
    """
    read, said = list[Any](), dict[str, None]()
    for cell in cells:
        dataset = cell.dataset
        once = isinstance(dataset, ImportedDataset) or dataset.seed is not None
        if (which := (dataset, None if once else cell.seed)) in read:
            continue
        read.append(which)
        samples = getattr(datasets.load(dataset, cell.seed), "train", ())
        if words := planned(len(samples), cell.train.batch_size, cell.epochs):
            said[words] = None
    return list(said)
