"""The files of the Free Spoken Digit Dataset (Z. Jackson et al.): `{digit}_{speaker}_{index}.wav`, 8 kHz, one channel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes

NAME = re.compile(r"(\d)_(.+)_(\d+)\.wav")


@dataclass(frozen=True, slots=True)
class Recordings:
    """What the names of N files say: `names`, `speakers` (N,) str, `digits` (0-9), `indices` (N,) int64."""

    names: npt.NDArray[np.str_]
    digits: npt.NDArray[np.int64]
    speakers: npt.NDArray[np.str_]
    indices: npt.NDArray[np.int64]

    @property
    def strata(self) -> npt.NDArray[np.str_]:
        """Each recording's digit and speaker as one word."""
        return np.array([f"{d}_{s}" for d, s in zip(self.digits, self.speakers, strict=True)])


def listing(root: Path) -> list[str]:
    """Return the names of all Free Spoken Digit files in `root`, sorted; others are passed over.

    Raises InputError where `root` is not a folder that can be read, or holds none.
    """
    try:
        names = sorted(path.name for path in root.iterdir() if NAME.fullmatch(path.name))
    except OSError as error:
        raise InputError(f"`dataset.root`: must be a folder that can be read, found {root} ({error.strerror})") from error
    if not names:
        raise InputError(
            f"`dataset.root`: must hold Free Spoken Digit recordings, {{digit}}_{{speaker}}_{{index}}.wav, found none in "
            f"{root}; they lie in the folder `recordings` of github.com/Jakobovski/free-spoken-digit-dataset"
        )
    return names


def read(root: Path) -> dict[str, bytes]:
    """Return the content of every Free Spoken Digit file in `root`, by name; InputError names the one that cannot be read."""
    contents = {}
    for name in listing(root):
        if (root / name).exists() and not ((root / name).is_file() or (root / name).is_dir()):
            raise InputError(f"{root / name}: must be a file, found a pipe or a device")  # to open one is to wait for ever
        try:
            contents[name] = read_bytes(root / name)
        except OSError as error:
            raise InputError(f"{root / name}: cannot be read ({error.strerror})") from error
    return contents


def parse(names: Iterable[str]) -> Recordings:
    """Take the names of Free Spoken Digit files apart."""
    kept = list(names)
    digits, speakers, indices = zip(*(match.groups() for name in kept if (match := NAME.fullmatch(name))), strict=True)
    numbers = (np.array([int(text) for text in column], dtype=np.int64) for column in (digits, indices))
    return Recordings(np.array(kept), next(numbers), np.array(speakers), next(numbers))
