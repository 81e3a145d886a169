"""Writes a cell's records: `metrics.jsonl`, the truth, and TensorBoard's event files, its projection."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Self

from torch.utils.tensorboard import SummaryWriter

from asgml.lab import store
from asgml.lab.config.yaml_text import not_finite
from asgml.lab.training.loop import Diverged


class Logbook:
    """Appends records to `metrics.jsonl`. A resumed run cuts the file to the length that its checkpoint knows.

    The event files are then written anew from the lines that are left, so that they never hold a point twice.
    """

    def __init__(self, cell: Path, length: int):
        path = cell / "metrics.jsonl"
        path.touch()
        with path.open("r+b") as file:
            file.truncate(length)
        self._file = path.open("ab")
        shutil.rmtree(cell / "tensorboard", ignore_errors=True)
        self._events = SummaryWriter(str(cell / "tensorboard"))
        for record in store.records(cell):
            self._project(record)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record; a number in it that is not finite means that the training diverged."""
        if found := not_finite(record):
            raise Diverged(f"{found[0]} is {found[1]} at epoch {record['epoch']}; a smaller train.lr may help")
        self._file.write((json.dumps(record, allow_nan=False) + "\n").encode())
        self._project(record)

    def sync(self) -> int:
        """Put everything on disk, and return the length of `metrics.jsonl` in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._events.flush()
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()
        self._events.close()

    def _project(self, record: dict[str, Any]) -> None:
        step = record.get("step" if record["kind"] == "step" else "epoch")
        for tag, value in store.tags(record).items():
            self._events.add_scalar(tag, value, step)
