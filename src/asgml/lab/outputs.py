"""Places to write to that a user names: what cannot be written is said before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from asgml.lab import files
from asgml.lab.errors import InputError, short


def check_folder(path: Path, option: str = "--out") -> None:
    """Raise InputError where `path` is no folder and cannot become one, or cannot be written to."""
    there = _nearest(path, option)
    if not there.is_dir():
        found = "a folder cannot lie below a file" if there != path else "found a file"
        raise InputError(f"{option}: must be a folder, {found}: {_shown(there)}; give another one")
    _refuse_dangling(path, there, option)
    _refuse_locked(there, option)


def check_file(path: Path, option: str = "--out") -> None:
    """Raise InputError where `path` is a folder, a pipe or a device, or lies where nothing can be written."""
    there = _nearest(path, option)
    if there == path:
        if (found := files.kind(there.stat().st_mode)) is not None:
            raise InputError(f"{option}: must be a file, found {found}: {_shown(path)}; give another name")
        there = path.absolute().parent
    elif not there.is_dir():
        raise InputError(f"{option}: must be a file in a folder, but {_shown(there)} is none; give another name")
    else:
        _refuse_dangling(path.absolute().parent, there, option)
    _refuse_locked(there, option)


def _nearest(path: Path, option: str) -> Path:
    """The path itself, or the first above it that is there."""
    for place in (path, *path.absolute().parents):
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{option}: {_shown(path)} cannot be used: {words}; give another one") from error
        return place
    return path


def _refuse_dangling(path: Path, there: Path, option: str) -> None:
    """Refuse a link to nothing, below which no folder can be made: it counts as not there."""
    for place in (path, *path.absolute().parents):
        if place == there:
            return
        if place.is_symlink():
            raise InputError(f"{option}: {_shown(place)} is a link to something that is not there; give another one")


def _refuse_locked(folder: Path, option: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{option}: {_shown(folder)} cannot be written to; choose another folder")


def _shown(path: Path) -> str:
    return short(str(path), 150, quoted=False)
