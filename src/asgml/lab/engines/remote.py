"""A cell on another machine: what runs there, and what is known of it here. Its folder lies on a path that both see."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from asgml.lab import engine
from asgml.lab.launch import spawn

PAUSE, PATIENCE = 0.1, 10.0
"""Seconds between two looks at a child; seconds to wait for one that is to end."""
RUNNING = ".running"
"""The file in a cell's folder that is there while its child runs."""


def run(folder: str, where: str, threads: int, processes: int, wanted: Callable[[], bool] = lambda: True) -> int:
    """Run the cell in this folder as a child of this process, in the directory `where`; return its exit code.

    It is ended when it is no longer wanted, and ends by itself when this process does.
    """
    cell = Path(folder)
    if not (cell / "config.json").exists():
        raise FileNotFoundError(f"{cell} is not to be seen from {os.uname().nodename}; outputs must lie on a shared path")
    (cell / RUNNING).touch()
    child = spawn(engine.trial(cell, processes), cell / "log.txt", threads, processes=processes, where=where)
    try:
        while child.poll() is None and wanted():
            time.sleep(PAUSE)
    finally:
        child.strike(signal.SIGKILL)
        code = child.wait()
        child.close()
        (cell / RUNNING).unlink(missing_ok=True)
    return code


class Remote(ABC):
    """A cell that a cluster was asked to run."""

    def __init__(self, folder: Path):
        self._mark = folder / RUNNING
        self.returncode: int | None = None
        self.reason: str | None = None

    @property
    def began(self) -> bool:
        """Whether it has left the cluster's queue."""
        return self._mark.exists()

    @abstractmethod
    def _ended(self) -> bool: ...

    @abstractmethod
    def _code(self) -> int:
        """Return the exit code; raise what the cluster says where there is none."""

    @abstractmethod
    def strike(self, number: int) -> None:
        """End it, whatever the signal: a cell that is cut short goes on from its checkpoint."""

    def poll(self) -> int | None:
        """Return its exit code, None while it waits or runs; `reason` says why there is none to know."""
        if self.returncode is None and self._ended():
            try:
                self.returncode = self._code()
            except Exception as error:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                self.returncode, self.reason = 1, f"{type(error).__name__}: {lines[-1] if lines else 'no words'}"[:300]
        return self.returncode

    def wait(self) -> int:
        """Wait for its end, some seconds at most; return its exit code."""
        until = time.monotonic() + PATIENCE
        while (self.poll() is None or self.began) and time.monotonic() < until:
            time.sleep(PAUSE)
        return self.returncode or 0

    def close(self) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            self._mark.unlink(missing_ok=True)


def submitted(task: engine.Task) -> tuple[str, str, int, int]:
    """Return the arguments of `run` for a cell that is about to be submitted from here."""
    (task.folder / RUNNING).unlink(missing_ok=True)
    return str(task.folder.resolve()), os.getcwd(), task.threads, task.processes
