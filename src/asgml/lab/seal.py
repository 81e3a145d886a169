"""Checksums beside files: `metrics.jsonl.sha256` holds that of `metrics.jsonl`, in the form that `sha256sum -c` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from asgml.lab import store
from asgml.lab.files import open_regular


def write(path: Path) -> None:
    """Write the checksum of a file that is complete."""
    store.write_atomic(_beside(path), f"{_digest(path)}  {path.name}\n".encode())


def broken(path: Path) -> bool:
    """Tell whether a file holds other bytes than those that were sealed; a file of an earlier version has no seal."""
    seal = _beside(path)
    if not seal.exists():
        return False
    with open_regular(seal) as file:
        return file.read(64).decode(errors="replace") != _digest(path)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
