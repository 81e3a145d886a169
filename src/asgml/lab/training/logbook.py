"""Writes a cell's records: `metrics.jsonl`, the truth, and what loggers make of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic_core import from_json

from asgml.lab import store
from asgml.lab.config.numbers import not_finite
from asgml.lab.errors import InputError
from asgml.lab.files import open_regular
from asgml.lab.training.loggers import Logger
from asgml.lab.training.loop import Diverged


def damaged(cell: Path, length: int) -> str | None:
    """Say what is wrong in the first `length` bytes of `metrics.jsonl`, for which a checkpoint stands; None if nothing is."""
    path = cell / "metrics.jsonl"
    held = path.stat().st_size if path.exists() else 0
    if held < length:
        return f"holds {held} of the {length} bytes that checkpoint.pt stands for: lines were lost"
    with open_regular(path) as file:
        kept = file.read(length)
    if kept and not kept.endswith(b"\n"):
        return f"has no line that ends at the byte {length} that checkpoint.pt stands for: it was changed"
    try:
        lines = [from_json(line) for line in kept.splitlines()]
    except ValueError as error:
        return f"holds a line that is no JSON ({error})"
    return None if all(isinstance(line, dict) and "kind" in line for line in lines) else "holds a line that is no record"


class Logbook:
    """Appends records to `metrics.jsonl`. A resumed run cuts the file to the length that its checkpoint knows.

    Loggers are told the lines that are left anew, so that they never hold a point twice.
    """

    def __init__(self, cell: Path, length: int, loggers: Sequence[Logger] = ()):
        path = cell / "metrics.jsonl"
        path.touch()
        if lost := damaged(cell, length):
            raise InputError(f"{path} {lost}; remove the folder {cell}, and the same command trains the cell anew")
        with path.open("r+b") as file:
            file.truncate(length)
        self._file = path.open("ab")
        self._loggers = loggers
        for record in store.records(cell):
            self._tell(record)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record; a number in it that is not finite means that the training diverged."""
        if found := not_finite(record):
            raise Diverged(f"{found[0]} is {found[1]} at epoch {record['epoch']}; a smaller train.lr may help")
        self._file.write((json.dumps(record, allow_nan=False) + "\n").encode())
        self._tell(record)

    def sync(self) -> int:
        """Put everything on disk, and return the length of `metrics.jsonl` in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        for logger in self._loggers:
            logger.flush()
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()
        for logger in self._loggers:
            logger.close()

    def _tell(self, record: dict[str, Any]) -> None:
        for logger in self._loggers if record["kind"] != "header" else ():
            logger.log(record)
