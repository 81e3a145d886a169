"""What the tests of a sweep share: an experiment of fake cells, a watcher that writes down what it is told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import small
from asgml.lab import sweep
from asgml.lab.config import Experiment
from asgml.lab.engine import Task
from asgml.lab.gpus import Pool
from asgml.lab.launch import Launcher

CELL = Path(__file__).with_name("fake_cell.py")
NURSERY = Path(__file__).with_name("fake_nursery.py")


def experiment(*methods: str, seeds: Sequence[int] = (0,), **settings: Any) -> Experiment:
    return Experiment.model_validate({"name": "mine", "methods": {m: [] for m in methods}, "seeds": seeds} | settings).tuned()


class Watch:
    """Remembers every event; `at` is called at every refresh."""

    def __init__(self, at: Callable[[], None] = lambda: None) -> None:
        self.told: list[tuple[str, ...]] = []
        self._at = at

    def skipped(self, task: Task) -> None:
        self.told.append(("skipped", task.method))

    def started(self, task: Task) -> None:
        self.told.append(("started", task.method))

    def ended(self, task: Task, reason: str | None, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(("ended", task.method, reason or "finished"))

    def refresh(self) -> None:
        self._at()

    def endings(self) -> dict[str, str]:
        return {told[1]: told[2] for told in self.told if told[0] == "ended"}


class Sweep:
    """Runs experiments in one folder, forked or not; `events` has a line for everything that the cells did."""

    def __init__(self, folder: Path, forked: bool = False) -> None:
        self.out, self._events, self.forked = folder / "out", folder / "events", forked

    def run(self, experiment: Experiment, jobs: int = 2, watch: Watch | None = None) -> sweep.Outcome:
        return sweep.run(experiment, self.out, jobs, watch or Watch(), self.engine())

    def engine(self, gpus: int = 0) -> Launcher:
        program = [sys.executable, "-S", str(NURSERY), str(self._events)]
        return Launcher(self.command, program if self.forked else (), Pool(gpus))

    def command(self, folder: Path, processes: int = 1) -> list[str]:
        return [sys.executable, "-S", str(CELL), str(folder), str(self._events)]

    @property
    def events(self) -> list[str]:
        return self._events.read_text().splitlines() if self._events.exists() else []

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.out)): p.read_bytes() for p in sorted(self.out.rglob("*")) if p.is_file()}


@dataclass
class Ended:
    """A cell that was trained where it was started."""

    returncode: int
    reason: None = None
    began: bool = True

    def poll(self) -> int:
        return self.returncode

    wait = poll

    def strike(self, number: int) -> None:
        pass

    def close(self) -> None:
        pass


class Here:
    """An engine that trains real cells in this process, where all that they import is there already."""

    def ready(self, threads: int) -> bool:
        return True

    def start(self, task: Task) -> Ended:
        return Ended(small.run_here(task.folder))

    def close(self) -> None:
        pass


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def soon(true: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until something is true, for some seconds at most."""
    until = time.monotonic() + seconds
    while not (now := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return now
