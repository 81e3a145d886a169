"""Reads what runs logged and writes the analysis: `analysis.md`, `report.html`, `summary.json`. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.lab import run_folder

__all__ = ["write", "write_tensorboard"]


def write(run: Path, *, to: Path | None = None, epochs: Sequence[int] | None = None) -> dict[str, Any]:
    """Analyse the folder of a run; returns what `summary.json` holds.

    Where it has several data sets or points, each gets a report in its own folder; `index.md`, `index.html` and `index.json`
    show them all, and what the last holds is returned.

    Args:
        run: the folder that holds `experiment.json` and `<method>/seed<seed>/`.
        to: where the three files go; the run's folder if None.
        epochs: the rows of the trajectories; chosen if None.

    Raises:
        InputError: `run` is no run, or an epoch in `epochs` was never logged.
    """
    run_folder.experiment(run)
    from asgml.lab.report import folders, index, publish

    to = run if to is None else to
    if (experiment := index.several(run)) is not None:
        return index.write(experiment, run, to, epochs)
    return publish.one(folders.read(run), to, epochs)


def write_tensorboard(folders: Mapping[str, Path], *, to: Path, epochs: Sequence[int] | None = None) -> dict[str, Any]:
    """Analyse event files that any program logged: method name -> folder, searched recursively; one seed per folder.

    Raises:
        InputError: a folder is missing, holds no event file or no tag `test/probe_acc_<modality>`, or an epoch in `epochs` was
            never logged.
    """
    for name, folder in folders.items():
        run_folder.event_files(name, folder)
    from asgml.lab.report import events, publish

    return publish.one(events.read(folders, to.absolute().name), to, epochs)
