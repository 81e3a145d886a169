"""Whether a folder is what a command takes, seen at once: what reads it afterwards is slow to import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asgml.lab import files
from asgml.lab.errors import InputError

FILE = "experiment.json"


def experiment(run: Path) -> dict[str, Any]:
    """Return the JSON object in `experiment.json` of a run; what it holds is for others to check.

    Raises:
        InputError: `run` is no folder, holds no `experiment.json`, or one that is damaged.
    """
    if not run.is_dir():
        what = "a file" if run.exists() else "none"
        raise InputError(f"run: must be the folder of a run, found {what} at {run}; give the folder that `asgml run` wrote")
    path = run / FILE
    if not path.exists():
        raise InputError(f"run: {run} must hold experiment.json, found none; "
                         "for event files of another program use the option for TensorBoard folders")  # fmt: skip
    try:
        found = json.loads(_content(path))
    except (ValueError, RecursionError, OSError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise InputError(f"run: {path} must be JSON, found {words}; restore it or run again") from error
    if not isinstance(found, dict):
        kind = {list: "a list", str: "text", type(None): "nothing"}.get(type(found), "a number")
        raise InputError(f"{path} is damaged: it must hold an object, found {kind}; restore it, or run the experiment again")
    return found


def _content(path: Path) -> bytes | str:
    """Read it; for a pipe or a device in its place nobody may wait."""
    return path.read_text() if path.is_dir() else files.read_bytes(path)


def event_files(name: str, folder: Path) -> list[Path]:
    """Return the event files below the folder of one method.

    Raises:
        InputError: it is no folder, or holds none.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "none"
        raise InputError(f"{name}: must be a folder of event files, found {what} at {folder}; check the path")
    files = sorted(path for path in folder.rglob("*tfevents*") if path.is_file())
    if not files:
        raise InputError(f"{name}: {folder} must hold event files (*tfevents*), found none, nor in any folder below it")
    return files
