"""An experiment at each of its data sets and points of its grid, and at each trial of its tuning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from asgml.lab.config import problems
from asgml.lab.config.overrides import Override
from asgml.lab.config.schema import Experiment
from asgml.lab.config.study import combinations, label
from asgml.lab.errors import InputError, short

TUNING = "tuning"
"""The folder of the trials."""
UNSEEN = {"train.look": "chosen", "keep": "none"}
"""What trials save: no number that a choice depends on."""


MOST_POINTS, MOST_CELLS = 10_000, 100_000
"""Points of grids, trials included, and cells of one experiment: each is a folder of its own."""


@dataclass(frozen=True, slots=True)
class Point:
    """A plain experiment, and where it lies: `folder` is relative to the whole one's, empty where that is plain itself."""

    folder: str
    dataset: str | None
    """Its name in `datasets`."""
    settings: Mapping[str, Any]
    """What the grid changed."""
    experiment: Experiment


def of(experiment: Experiment) -> list[Point]:
    """Every data set and, within it, every point of the grid; a plain experiment is its own only point.

    Raises:
        InputError: one of them is no valid experiment (the words begin with where), or there are too many.
    """
    check_size(experiment)
    if not experiment.several:
        return [Point("", None, {}, experiment.tuned())]
    names: list[str | None] = [*experiment.datasets] or [None]
    return [_at(experiment, dataset, settings) for dataset in names for settings in combinations(experiment.grid)]


def check_size(experiment: Experiment) -> None:
    """Raise InputError where there are more points or cells than a run may have; nothing is laid out to count them."""
    tune, methods = experiment.tune, len(experiment.methods)
    places = max(1, len(experiment.datasets)) * math.prod(map(len, experiment.grid.values()))
    tried = 0 if tune is None else math.prod(map(len, tune.over.values())) if tune.over else tune.trials
    cells = places * methods * (len(experiment.seeds) + tried * (0 if tune is None else len(tune.seeds)))
    total = places * max(1, tried)
    if total > MOST_POINTS:
        what = "`grid`" if places > tried else "`tune`"
        most = f"{MOST_POINTS:,} points at most, found {total:,}"
        raise InputError(f"{what}: data sets, grid and trials must multiply to {most}; leave values out")
    if cells > MOST_CELLS:
        most = f"{MOST_CELLS:,} cells at most, found {cells:,}"
        raise InputError(f"`seeds`: points, methods and seeds must multiply to {most}; leave some out")


def _at(experiment: Experiment, dataset: str | None, settings: Mapping[str, Any]) -> Point:
    folder = "/".join(part for part in (dataset, label(settings)) if part)
    document = dict(_document(experiment))
    if dataset is not None:
        document["dataset"] = document["datasets"][dataset]
    name = f"{experiment.name}.{folder}".translate(str.maketrans("/=,~+", ".-_--"))
    plain = {k: v for k, v in document.items() if k not in ("datasets", "grid", "primary")} | {"name": name}
    at = f"grid at {short(label(settings), 120, quoted=False)}"
    where = " ".join([*([f"datasets.{dataset}"] if dataset else []), *([at] if settings else [])])
    return Point(folder, dataset, settings, applied(plain, settings, where))


def applied(experiment: Experiment | Mapping[str, Any], settings: Mapping[str, Any], where: str) -> Experiment:
    """An experiment with some settings changed: dotted path -> value; `where` begins the words of what is wrong."""
    document: Any = experiment if isinstance(experiment, Mapping) else _document(experiment)
    try:
        for path, value in settings.items():
            document = Override(path, tuple(path.split(".")), value).applied(document)
        return Experiment.model_validate(document).tuned()
    except InputError as error:
        raise InputError(f"{where}: {str(error).removeprefix('--set ')}") from error
    except ValidationError as error:
        raise InputError("\n".join(f"{where}: {line}" for line in problems.lines(error, document))) from error


def trials(experiment: Experiment) -> list[Point]:
    """Every trial of a plain experiment's tuning over a grid, with the seeds of `tune`; none where nothing is so tuned."""
    tune = experiment.tune
    return [trial(experiment, settings, label(settings)) for settings in combinations(tune.over)] if tune and tune.over else []


def tried(experiment: Experiment) -> list[Experiment]:
    """A plain experiment, and some of what its tuning may make of it: every point of a grid, both ends of each range."""
    samples = experiment.tune.samples() if experiment.tune else ()
    return [experiment, *(trial(experiment, sample, "").experiment for sample in samples)]


def trial(experiment: Experiment, settings: Mapping[str, Any], name: str) -> Point:
    """One trial of a plain experiment's tuning, which lies in `tuning/<name>`."""
    assert experiment.tune is not None
    plain = {k: v for k, v in _document(experiment).items() if k not in ("tune", "primary")}
    fixed = {"seeds": experiment.tune.seeds, **UNSEEN}
    where = f"tune at {short(label(settings), 120, quoted=False)}"
    return Point(f"{TUNING}/{name}", None, settings, applied(plain, fixed | dict(settings), where))


def _document(experiment: Experiment) -> dict[str, Any]:
    found: dict[str, Any] = experiment.model_dump(mode="json", by_alias=True)
    return found
