"""Where every cell of an experiment lies: data set, point of the grid, tuning, method, seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab import store, tuning
from asgml.lab.config import Cell, Experiment, address, points
from asgml.lab.config.points import Point
from asgml.lab.config.study import label
from asgml.lab.engine import Task


@dataclass(frozen=True, slots=True)
class Laid:
    """A cell in its folder. `known` is False where its settings are still to be chosen by tuning."""

    task: Task
    cell: Cell
    known: bool = True
    trial: bool = False
    """Whether it is one of tuning's."""

    @property
    def done(self) -> bool:
        """Whether it need not run again."""
        result = store.read_record(self.task.folder / "result.json") or {}
        ended = tuning.done(result) if self.trial else result.get("status") == "finished"
        return self.known and ended and self._of_its_config(result)

    def _of_its_config(self, result: Mapping[str, Any]) -> bool:
        return result.get("config", None) in (None, address.of(store.read_record(self.task.folder / "config.json") or {}))


def cells(experiment: Experiment, out: Path) -> list[Laid]:
    """Every cell: first the trials of all points, then what is reported, each with the settings that are chosen by now."""
    found = points.of(experiment)
    trials = [(p, *tried) for p in found for tried in _trials(p.experiment, out / p.folder)]
    laid = [_laid(n, out / p.folder / folder, f"{p.folder} {folder}", cell, known=known, trial=True)
            for n, (p, folder, cell, known) in enumerate(trials, 1)]  # fmt: skip
    reported = [(p, cell, known) for p in found for cell, known in _reported(p, out / p.folder)]
    laid += [
        _laid(n, out / p.folder, p.folder, cell, known=known) for n, (p, cell, known) in enumerate(reported, len(laid) + 1)
    ]
    return laid


def _laid(number: int, folder: Path, where: str, cell: Cell, *, known: bool = True, trial: bool = False) -> Laid:
    at = store.cell_folder(folder, cell.method, cell.seed)
    task = Task(number, cell.method, cell.seed, at, cell.epochs, cell.train.threads, cell.train.processes, where.strip())
    return Laid(task, cell, known, trial)


def _trials(experiment: Experiment, out: Path) -> Iterator[tuple[str, Cell, bool]]:
    """Folder, cell, and whether its settings are known by now: trial by trial, in each seed by seed."""
    methods = tuning.tried(experiment, out)
    for n, row in enumerate(zip(*methods.values(), strict=True), 1):
        for seed in experiment.tune.seeds if experiment.tune else ():
            for method, tried in zip(methods, row, strict=True):
                point = tried.point or Point(f"{points.TUNING}/trial{n}", None, {}, experiment)
                yield point.folder, point.experiment.cell(method, seed), tried.point is not None


def _reported(point: Point, folder: Path) -> Iterator[tuple[Cell, bool]]:
    experiment = point.experiment
    if experiment.tune is None:
        yield from ((cell, True) for cell in experiment.cells())
        return
    chosen = {m: t.settings for m, ts in tuning.read(experiment, folder).items() if (t := tuning.choose(ts))}
    apart = {label(s): points.applied(experiment, s, f"tune at {label(s)}").cells() for s in chosen.values()}
    tuned = {at: {(c.method, c.seed): c for c in cells} for at, cells in apart.items()}
    for cell in experiment.cells():
        known = cell.method in chosen
        yield tuned[label(chosen[cell.method])][cell.method, cell.seed] if known else cell, known
