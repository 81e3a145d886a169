"""CMU-MOSI (A. Zadeh et al., 2016) and CMU-MOSEI (2018): spoken opinions, -3 to 3, as sequences of features.

Read from the pickles that the MMSA toolkit hands out (`aligned_50.pkl`, `unaligned_50.pkl`), whose layout this was built from:
`train`, `valid` and `test`, each a mapping of `text`, `audio`, `vision` (N, T, D), `regression_labels` (N,), `id` (N,).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _pickles
from asgml.lab.datasets._base import Data, Test, Train, Validation
from asgml.lab.datasets.settings import Mosi
from asgml.lab.errors import InputError

VERSION = 1
"""Raise it when the same file gives other arrays than before: cached ones are then prepared anew."""
LIBRARIES = ("numpy",)
"""What the arrays come from beside this package."""
MODALITIES = {"text": "text", "audio": "audio", "visual": "vision"}
"""Modality -> what it is called in the file."""
SPLITS = {"train": "train", "validation": "valid", "test": "test"}
MOST = 1 << 30
"""Numbers of an array that is written as lists."""
BETWEEN = "$_$"
"""Stands between a video's name and the number of its segment in an id."""


def prepare(settings: Mosi, seed: int, files: Mapping[str, bytes]) -> Data:
    """Return the file's own splits: `text`, `audio`, `visual` (N, T, D) float32, labels (N,) float32; `groups` name the video.

    Values that are infinite or no numbers become 0, and the note counts them; the toolkit does so with -inf in audio alone.
    """
    content = _pickles.loads(settings.path, files[settings.path.name])
    parts = {split: _part(settings.path, content, name) for split, name in SPLITS.items()}
    bad = sum(count for _, count in parts.values())
    train, validation, test = Train(*parts["train"][0]), Validation(*parts["validation"][0]), Test(*parts["test"][0])
    note = f"CMU-{settings.name.upper()}, the file's own splits; {bad} feature values that were no finite numbers are 0."
    return Data(train, validation, test, ("sentiment",), note, "regression")


def _part(path: Path, content: Any, name: str) -> tuple[tuple[Any, ...], int]:
    part = content.get(name) if isinstance(content, dict) else None
    if not isinstance(part, dict):
        raise InputError(f"{path}: must hold a mapping {name!r}, as the MMSA toolkit's files do")
    inputs, bad = dict[str, npt.NDArray[np.float32]](), 0
    for modality, key in MODALITIES.items():
        inputs[modality] = _array(path, part, name, key, 3)
        finite = np.isfinite(inputs[modality])
        bad += int((~finite).sum())
        inputs[modality] = np.where(finite, inputs[modality], np.float32(0))
    labels, ids = _array(path, part, name, "regression_labels", 1), _ids(path, part, name)
    sizes = {**{m: len(x) for m, x in inputs.items()}, "regression_labels": len(labels), "id": len(ids)}
    if len(set(sizes.values())) != 1 or not len(labels) or not np.isfinite(labels).all():
        raise InputError(
            f"{path}: {name} must have as many rows of everything, one or more, and labels that are numbers, found {sizes}"
        )
    return (inputs, labels, np.array(ids), np.array([i.partition(BETWEEN)[0] for i in ids])), bad


def _array(path: Path, part: Mapping[str, Any], name: str, key: str, dimensions: int) -> npt.NDArray[np.float32]:
    try:
        _refuse_nested(part[key])
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large for float32 is counted as not finite
            found = np.asarray(part[key], dtype=np.float32)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise InputError(f"{path}: {name}.{key} must be an array of numbers ({error!r})") from error
    if found.ndim != dimensions:
        raise InputError(f"{path}: {name}.{key} must have {dimensions} dimensions, found {found.shape}")
    return found


def _refuse_nested(found: Any) -> None:
    """Lists that hold each other again and again would need memory without end."""
    size = 1
    while isinstance(found, list | tuple) and found:
        size, found = size * len(found), found[0]
        if size > MOST:
            raise ValueError(f"more than {MOST} numbers in lists")


def _ids(path: Path, part: Mapping[str, Any], name: str) -> list[str]:
    found = part.get("id", ())
    listed = found.tolist() if isinstance(found, np.ndarray) else found
    if not isinstance(listed, list | tuple) or not all(isinstance(i, str | bytes | int | np.generic) for i in listed):
        raise InputError(f"{path}: {name}.id must be a list of names")
    return [str(i) for i in listed]
