"""A data set of one's own: a callable that returns a `Data`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _names
from asgml.lab.datasets._base import Data
from asgml.lab.datasets.settings import ImportedDataset
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object

SETTING = "dataset.import"
Labels = npt.NDArray[Any]


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
    if data.task not in LABELS:
        raise InputError(f"`{SETTING}`: the task of {name} must be one of {', '.join(LABELS)}, found {data.task!r}")
    _names.refuse(data.modalities, f"`{SETTING}`")
    for split in ("train", "validation", "test"):
        part = getattr(data, split)
        if not len(part):
            raise InputError(f"`{SETTING}`: the {split} split of {name} must have samples, found none")
        if tuple(part.inputs) != data.modalities:
            found = f"{tuple(part.inputs)} in {split}, {data.modalities} in train"
            raise InputError(f"`{SETTING}`: the splits of {name} must have the same modalities, found {found}")
        if words := LABELS[data.task](part.labels, len(data.classes)):
            raise InputError(f"`{SETTING}`: labels of {name} must {words}, found {_found(part.labels)} in {split}")


def _classes(labels: Labels, classes: int) -> str | None:
    return None if labels.ndim == 1 and 0 <= labels.min() <= labels.max() < classes else f"lie in 0-{classes - 1}"


def _sets(labels: Labels, classes: int) -> str | None:
    fits = labels.shape[1:] == (classes,) and np.isin(labels, (0, 1)).all()
    return None if fits else f"be 0 and 1 of shape (N, {classes})"


def _numbers(labels: Labels, classes: int) -> str | None:
    fits = labels.dtype.kind == "f" and labels.ndim < 3 and np.isfinite(labels).all()
    return None if fits else "be finite floats of shape (N,) or (N, K)"


def _found(labels: Labels) -> str:
    shape = "" if labels.ndim == 1 else f", {labels.dtype} of shape {labels.shape}"
    return f"{labels.min()} to {labels.max()}{shape}"


LABELS: dict[str, Callable[[Labels, int], str | None]] = {
    "classification": _classes, "multilabel": _sets, "regression": _numbers,
}  # fmt: skip
"""What each task's labels must be; None where they are."""
