"""A data set of one's own: a callable that returns a `Data`."""

from __future__ import annotations

import inspect
from typing import Any

from asgml.lab.datasets._base import Data
from asgml.lab.datasets.settings import ImportedDataset
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object

SETTING = "dataset.import"


def load_imported(settings: ImportedDataset, seed: int) -> Data:
    """Call the user's callable with `seed` and the other keys; a `seed` of their own among these wins.

    Raises InputError where it cannot be found or called so, or returns anything but a consistent `Data`.
    """
    make = load_object(settings.import_, SETTING)
    arguments = {name: value for name, value in settings.arguments.items() if (name, value) != ("seed", None)}
    arguments = {"seed": seed, **arguments}
    _refuse_wrong_call(settings.import_, make, arguments)
    data = make(**arguments)
    if not isinstance(data, Data):
        kind = f"{type(data).__module__}.{type(data).__qualname__}"
        raise InputError(f"`{SETTING}`: {settings.import_} must return an asgml.lab.datasets.Data, found {kind}")
    _refuse_inconsistent(settings.import_, data)
    return data


def _refuse_wrong_call(name: str, make: Any, arguments: dict[str, Any]) -> None:
    if not callable(make):
        raise InputError(f"`{SETTING}`: {name} must be callable (a function or a class), found {make!r}")
    try:
        signature = inspect.signature(make)
    except ValueError:  # some built-in callables have none
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        called = ", ".join(arguments)
        raise InputError(f"`{SETTING}`: {name}{signature} cannot be called with {called}: {error}") from error


def _refuse_inconsistent(name: str, data: Data) -> None:
    for split in ("train", "validation", "test"):
        part = getattr(data, split)
        if not len(part):
            raise InputError(f"`{SETTING}`: the {split} split of {name} must have samples, found none")
        if tuple(part.inputs) != data.modalities:
            found = f"{tuple(part.inputs)} in {split}, {data.modalities} in train"
            raise InputError(f"`{SETTING}`: the splits of {name} must have the same modalities, found {found}")
        if not 0 <= part.labels.min() <= part.labels.max() < len(data.classes):
            found = f"{part.labels.min()} to {part.labels.max()} in {split}"
            raise InputError(f"`{SETTING}`: labels of {name} must lie in 0-{len(data.classes) - 1}, found {found}")
