"""The studies that folders hold: one of a plain run, one per data set and point of a run over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.config import points
from asgml.lab.errors import InputError
from asgml.lab.report import folders, index
from asgml.lab.report.model import Study


@dataclass(frozen=True, slots=True)
class Place:
    """A study, under the name of its experiment or folder, and of its data set and point."""

    name: str
    study: Study
    dataset: str | None = None
    """Its name in `datasets`, None in a plain experiment."""
    point: str = ""
    """The folder of its data set and point, empty in a plain experiment."""


def of(run: Path) -> list[Place]:
    """Every study of one run that has begun.

    Raises:
        InputError: `run` is no run, or none of its points has begun.
    """
    experiment = index.several(run)
    if experiment is None:
        return [Place(run.resolve().name, folders.read(run))]
    begun = [p for p in points.of(experiment) if (run / p.folder / "experiment.json").exists()]
    if not begun:
        raise InputError(f"run: no data set or point of {run} has begun; asgml run goes on with it")
    return [Place(f"{run.resolve().name}/{p.folder}", folders.read(run / p.folder), p.dataset, p.folder) for p in begun]


def primary(run: Path) -> list[dict[str, Any]]:
    """The comparisons that the experiment of a run named beforehand."""
    return list((store.read_record(run / "experiment.json") or {}).get("primary") or ())


def of_all(runs: Sequence[Path]) -> list[Place]:
    """Every study of several runs; two of one name are told apart by their whole paths.

    Raises:
        InputError: one of them is no run, or there is only one study.
    """
    found = [(run, place) for run in runs for place in of(run)]
    if len(found) < 2:
        raise InputError(f"compare: must be given two experiments or more, found {len(found)}; name their folders")
    names = [place.name for _, place in found]
    return [place if names.count(place.name) == 1 else replace(place, name=str(run)) for run, place in found]
