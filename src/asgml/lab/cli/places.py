"""What `--data` says: where the data of an experiment lie now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asgml.lab.config import Experiment, place
from asgml.lab.errors import InputError, did_you_mean


def moved(experiment: Experiment, data: Sequence[str]) -> Experiment:
    """Return the experiment with its data in other places.

    Raises InputError where a data set has no place, or it is not clear which is meant.
    """
    for text in data:
        experiment = _moved(experiment, text)
    return experiment


def _moved(experiment: Experiment, text: str) -> Experiment:
    if not experiment.datasets:
        return experiment.model_copy(update={"dataset": _at("dataset", experiment.dataset, text)})
    name, equals, path = text.partition("=")
    if not equals or name not in experiment.datasets:
        found = f"found {text!r}" + (did_you_mean(name, experiment.datasets) if equals else "")
        raise InputError(f"--data: must be NAME=PATH, with the name of one of `datasets`, {found}")
    one = _at(f"datasets.{name}", experiment.datasets[name], path)
    return experiment.model_copy(update={"datasets": {**experiment.datasets, name: one}})


def _at(where: str, settings: Any, path: str) -> Any:
    key = next((key for key in place.NAMES if key in type(settings).model_fields), None)
    if key is None:
        found = getattr(settings, "name", None) or f"your own; say --set {where}.ARGUMENT=..."
        raise InputError(f"--data: the data set must be one that names a file or folder, found {found}")
    new = Path(path).expanduser().absolute()
    if key == "path" and new.is_dir():  # the folder of a manifest, or of a pickle
        new = new / getattr(settings, key).name
    return settings.model_copy(update={key: new})
