"""What `asgml run` and `asgml report` do. Data and reports are imported where they are needed, after all cheap checks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from asgml.lab import datasets, engines, layout, outputs, sweep
from asgml.lab.cli import places, progress
from asgml.lab.config import Cell, Experiment, points
from asgml.lab.config.load import load_experiment
from asgml.lab.datasets import contents
from asgml.lab.datasets.settings import ImportedDataset
from asgml.lab.errors import InputError
from asgml.lab.few import planned

REPORT = ("report.html", "analysis.md", "summary.json")
INDEX = ("index.html", "index.md", "index.json")


@dataclass(frozen=True, slots=True)
class Where:
    """Where cells run, as the command line says it; `jobs` is how many at once, None where that is left to us."""

    engine: engines.Name = "local"
    address: str | None = None
    gpus_per_cell: int = 0
    jobs: int | None = None

    def most(self, cores: int) -> int | None:
        """Return how many cells may train at once; a cluster's queue takes all of them."""
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs: must be 1 or more, found {self.jobs}")
        return self.jobs or (max(1, sweep.usable_cores() // cores) if self.engine == "local" else None)


def run(
    name_or_path: str, sets: Sequence[str], out: Path | None, where: Where, *, data: Sequence[str] = (), quiet: bool = False
) -> bool:
    """Check everything, prepare the data, train the cells, write the report; return whether some cell failed.

    `data` say where data lie now. `quiet`: nothing is said but what went wrong, on standard error.
    """
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
        _say(f"{experiment.name}: {cells} cells, {_shape(experiment)}, {len(todo)} of them to train, {once}, in {out}")
    attention = _prepare([laid.cell for laid in todo])
    for words in attention if not quiet else ():
        _say(f"Attention: {words}.")
    with progress.show(cells, quiet=quiet) as show:
        outcome = sweep.run(experiment, out, jobs, show, cluster)
    _report_run(out, bool(outcome.failed), quiet)
    if outcome.failed and not quiet:
        _say(f"{len(outcome.failed)} of {outcome.cells} cells failed; the same command runs them again")
    return bool(outcome.failed)


def report(folder: Path | None, tensorboard: Sequence[str], out: Path | None, epochs: str | None) -> None:
    """Write the report of a run's folder, or of folders with event files."""
    if (folder is None) == (not tensorboard):
        raise InputError("report: must be given either the folder of a run or --tensorboard NAME=DIR ..., one of the two")
    shown = _epochs(epochs)
    if out is not None:
        outputs.check_folder(out)
    if folder:
        _show(_reports().write(folder, to=out, epochs=shown), out or folder)
        return
    if out is None:
        raise InputError("--out: must be given with --tensorboard: the folder to write the report to")
    folders = _named(tensorboard)
    _show(_reports().write_tensorboard(folders, to=out, epochs=shown), out)


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


def _epochs(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise InputError(f"--epochs: must be epochs from 1 on, separated by commas, such as 1,5,10, found {text!r}")
    return tuple(map(int, parts))


def _named(folders: Sequence[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for text in folders:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise InputError(f"--tensorboard: must be NAME=DIR, such as baseline=runs/base, found {text!r}")
        if name in named:
            raise InputError(f"--tensorboard: the name {name!r} is there twice; give every folder a name of its own")
        named[name] = Path(folder)
    return named


def _reports() -> ModuleType:
    from asgml.lab import report

    return report


def _report_run(out: Path, some_failed: bool, quiet: bool) -> None:
    try:
        summary = _reports().write(out)
        if not quiet:
            _show(summary, out)
    except InputError as error:
        if not some_failed:
            raise
        print(f"asgml: error: no report: {error}", file=sys.stderr)


def _show(summary: Mapping[str, Any], folder: Path) -> None:
    """Show the results in short, and where the files are."""
    from asgml.lab.cli import results

    results.show(summary)
    for name in INDEX if "points" in summary else REPORT:
        _say(f"wrote {folder / name}")


def _say(words: str) -> None:
    print(words, flush=True)
