"""What `asgml report` and its like are asked for, checked before anything slow is imported: a typing error is told at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from asgml.lab import run_folder
from asgml.lab.errors import InputError, did_you_mean, short

LONG = 200
"""Characters from which on the system itself may refuse a name."""


def run(name_or_path: str, jobs: int | None) -> None:
    """Refuse an experiment that is nowhere."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: must be 1 or more, found {jobs}")
    files = resources.files("asgml.lab").joinpath("experiments").iterdir()
    names = {file.name.removesuffix(".yaml") for file in files}
    if name_or_path not in names and not os.path.lexists(name_or_path) and len(name_or_path) < LONG:
        hint = did_you_mean(name_or_path, {name for name in names if not name.startswith("_")})
        raise InputError(f"{short(name_or_path)} is neither a built-in experiment nor a file that exists{hint}")


def report(folder: Path | None, tensorboard: Sequence[str], out: Path | None, epochs: str | None) -> None:
    """Refuse a report that cannot be written."""
    if (folder is None) == (not tensorboard):
        raise InputError("report: must be given either the folder of a run or --tensorboard NAME=DIR ..., one of the two")
    if folder is None and out is None:
        raise InputError("--out: must be given with --tensorboard: the folder to write the report to")
    shown(epochs)
    named(tensorboard)


def runs(folders: Sequence[Path]) -> None:
    """Refuse a comparison of what are no runs."""
    if not folders:
        raise InputError("compare: must be given two experiments or more, found 0; name their folders")
    for folder in folders:
        run_folder.experiment(folder)


def shown(text: str | None) -> tuple[int, ...] | None:
    """Return the epochs that tables show."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 and int(part) for part in parts):
        raise InputError(f"--epochs: must be epochs from 1 on, separated by commas, such as 1,5,10, found {short(text)}")
    return tuple(map(int, parts))


def named(folders: Sequence[str]) -> dict[str, Path]:
    """Return the folder of every method."""
    found: dict[str, Path] = {}
    for text in folders:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise InputError(f"--tensorboard: must be NAME=DIR, such as baseline=runs/base, found {short(text)}")
        if name in found:
            raise InputError(f"--tensorboard: the name {name!r} is there twice; give every folder a name of its own")
        found[name] = Path(folder)
    return found
