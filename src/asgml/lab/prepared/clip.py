"""A sample before and after it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Clip:
    """What a data set says of one sample: its id, its class, the file of every modality, what else is known, and its texts."""

    id: str
    label: str
    files: Mapping[str, Path]
    about: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def print(self) -> list[Any]:
        """Return what it depends on: its words, and name, size and time of every file."""
        read = {m: _stamp(path) for m, path in self.files.items()} | {m: [text] for m, text in self.texts.items()}
        return [self.id, self.label, dict(self.about), read]


@dataclass(frozen=True, slots=True)
class Read:
    """The arrays of a clip, and per modality which part of it they show, in seconds."""

    arrays: Mapping[str, npt.NDArray[np.generic]]
    seen: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that gave no sample: a line of `problems.csv`."""

    id: str
    modality: str
    file: str
    reason: str
    detail: str


def _stamp(path: Path) -> list[Any]:
    try:
        found = os.stat(path)
    except OSError:
        return [path.name, None]
    return [path.name, found.st_size, found.st_mtime_ns]
