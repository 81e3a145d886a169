"""From a cell to an array. What each kind becomes is settled here, and decoding is `asgml.lab.media`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _characters
from asgml.lab.datasets.manifest import kinds, paths
from asgml.lab.datasets.manifest.problems import shown
from asgml.lab.datasets.manifest.table import MISSING
from asgml.lab.datasets.settings import Manifest

Array = npt.NDArray[Any]
Reader = Callable[[Any, Path, Manifest], Array]


class Bad(Exception):
    """A cell that gives no array, and why."""


def located(cell: Any, folder: Path) -> Path:
    """The file that a cell names, relative to the manifest's folder. Raises Bad where it is none that can be read."""
    if not isinstance(cell, str):
        raise Bad(f"must be the name of a file, found {shown(cell)}")
    try:
        path = paths.find(cell, folder)
    except (ValueError, OSError) as error:
        raise Bad(f"must be the name of a file, found {shown(cell)} ({error})") from error
    if path is None:
        other = " (what has this name is a folder, a pipe or a device)" * (folder / cell).exists()
        raise Bad(f"there is no file {cell}{other}{paths.why_not(cell)}")
    return path


def audio(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return a spectrum (1, F, T) float32."""
    from asgml.lab.media.settings import SpectrumSettings
    from asgml.lab.media.sound import read_sound
    from asgml.lab.media.spectrum import spectrum

    made = SpectrumSettings(kind=settings.spectrum, seconds=settings.audio_seconds or 1.0, bands=settings.audio_bands)
    return spectrum(read_sound(located(cell, folder), made.rate, most=made.seconds).samples, made)[None]


def image(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return an upright image (3, S, S) float32, bilinear, whatever its shape was; what is see-through becomes black.

    Its values lie in 0-1; greys of 32 bits or with a fraction keep their own.
    """
    from asgml.lab.media.image import read_levels

    return read_levels(located(cell, folder), settings.image_size)


def video(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return frames (T, 3, S, S) float32 in 0-1, even over the whole clip."""
    from asgml.lab.media.video import read_frames

    found = read_frames(located(cell, folder), settings.frames, settings.image_size, "even", np.random.default_rng(0))
    return found.pixels.astype(np.float32) / 255


def array(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return what a `.npy` file holds, as float32; a single number gets an axis."""
    path = located(cell, folder)
    try:
        found = np.load(
            path, mmap_mode="r", allow_pickle=False
        )  # mapped: a header that promises more than is there takes no memory
    except (ValueError, OSError, EOFError) as error:
        raise Bad(f"{shown(cell)} cannot be read as array: {_instead(path, error)}") from error
    if not isinstance(found, np.ndarray):
        raise Bad(f"{shown(cell)} must hold one array, found several (.npz)")
    if found.dtype.kind not in "biuf" or not found.size:
        raise Bad(f"must hold numbers, found {found.dtype} of shape {found.shape}")
    return np.array(np.atleast_1d(found), dtype=np.float32)


def _instead(path: Path, error: Exception) -> str:
    """What lies in the place of an array, with the way out: numpy's own words advise to read such a file unsafely."""
    from asgml.lab.media.failures import Unreadable, handle
    from asgml.lab.media.stand_ins import ENOUGH, beginning

    try:
        with handle(path) as file:
            head = file.read(ENOUGH)
    except Unreadable as found:
        return str(found)
    if head.startswith(b"\x93NUMPY"):
        return f"it is damaged, or holds no plain numbers ({error})"
    return f"it is no .npy file{beginning(head)}"


def vector(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return numbers (N,) float32."""
    found = kinds.vector(cell)
    if found is None:
        empty = "; leave the cell empty where there is none" * (isinstance(cell, str) and cell.casefold() in MISSING)
        raise Bad(f"must be numbers, as a list or between spaces or semicolons, found {shown(cell)}{empty}")
    return np.array(found, dtype=np.float32)


def text(cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return character ids (L,) int64: the code of ASCII, accents taken off first, 127 for any other, 0 for padding."""
    if isinstance(cell, list | dict | bytes):
        files = "; save media and arrays as files, and name these" * (not isinstance(cell, list))
        raise Bad(f"must be text, found {shown(cell)}{files}")
    return _characters.ids(str(cell), settings.text_length)


READERS: Mapping[str, Reader] = {
    "audio": audio, "image": image, "video": video, "array": array, "vector": vector, "text": text,
}  # fmt: skip


def read(kind: str, cell: Any, folder: Path, settings: Manifest) -> Array:
    """Return a cell's array. Raises Bad with what is wrong, whatever it is: files come from anywhere."""
    try:
        found = READERS[kind](cell, folder, settings)
    except Bad:
        raise
    except Exception as error:
        raise Bad(f"{shown(cell)} cannot be read as {kind}: {str(error) or type(error).__name__}") from error
    if not np.isfinite(found).all():
        raise Bad(f"{shown(cell)} holds numbers that are infinite or none")
    return found
