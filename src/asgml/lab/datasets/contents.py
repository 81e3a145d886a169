"""What data are, wherever they lie: one digest of all that a data set reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.config import Experiment
from asgml.lab.datasets.settings import AVDigits, DatasetSettings, Manifest, Mosi, StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.files import open_regular, read_bytes

EDGE = 1 << 14
"""Bytes at both ends of a file that a manifest names which are read, beside its size: all of them would take minutes."""


def filled(experiment: Experiment, out: Path) -> Experiment:
    """Return the experiment with the digest of its data, so that neither the address nor the folder depends on their place.

    It stays without one where the folder was made without one, by an earlier version, and where a grid varies the place.
    """
    if any(path in ("dataset.path", "dataset.root") for path in experiment.grid):
        return experiment
    before = store.read_record(out / "experiment.json")
    if experiment.datasets:
        named = {name: _filled(one, _part(before, "datasets", name)) for name, one in experiment.datasets.items()}
        return experiment.model_copy(update={"datasets": named})
    return experiment.model_copy(update={"dataset": _filled(experiment.dataset, _part(before, "dataset"))})


def _part(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _filled(settings: Any, before: Any) -> Any:
    """`before` are the settings that the folder has of this data set, None where it has none."""
    without = isinstance(before, dict) and not before.get("content")
    if without or not isinstance(settings, DatasetSettings):
        return settings
    found = of(settings)
    if settings.content not in (None, found):
        raise InputError(f"`dataset.content`: must be the digest of the data, {found}, found {settings.content}; leave it out, "
                         "or give the data that it was made of")  # fmt: skip
    return settings.model_copy(update={"content": found})


def of(settings: DatasetSettings) -> str | None:
    """Return the digest of the data, 16 hexadecimal digits; None of a data set that reads none."""
    if isinstance(settings, StoredDataset):
        from asgml.lab.prepared.read import open_store

        return open_store(settings.root).content
    if isinstance(settings, Mosi):
        with open_regular(settings.path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    if isinstance(settings, AVDigits):
        from asgml.lab.datasets import _fsdd

        return _joined(_fsdd.read(settings.root))
    if isinstance(settings, Manifest):
        from asgml.lab.datasets.manifest import preparing

        named = [name for name in preparing.files(settings) if name]
        parts = {name: _sketch(settings.path.parent, name) for name in named}
        return _joined({"": read_bytes(settings.path), **parts})
    return None


def _sketch(folder: Path, name: str) -> bytes:
    """Return a file's size and both its ends; nothing where it cannot be read, which is told by its line."""
    try:
        if not (folder / name).is_file():  # to open a pipe is to wait for ever
            return b""
        with (folder / name).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            first = file.read(EDGE)
            file.seek(max(EDGE, size - EDGE))
            return str(size).encode() + b" " + first + file.read(EDGE)
    except (OSError, ValueError):
        return b""


def _joined(parts: Mapping[str, bytes]) -> str:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
