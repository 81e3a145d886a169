"""How far a sweep is, and how long it may go on: counted in epochs that were trained since it began."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from asgml.lab import store
from asgml.lab.engine import Task


def progress(task: Task) -> dict[str, Any]:
    """Read what a cell last said of itself; nothing where it has said nothing yet."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = store.read_json(task.folder / "progress.json")
        return found if isinstance(found, dict) else {}
    return {}


def epoch(task: Task) -> int:
    """The epochs that a cell has trained, in earlier attempts too."""
    found = progress(task).get("epoch", 0)
    return min(found, task.epochs) if isinstance(found, int) and found > 0 else 0


@dataclass
class Pace:
    """Counts the cells of a sweep by how they are."""

    cells: int
    skipped: int = 0
    finished: int = 0
    failed: int = 0
    running: dict[Task, tuple[int, float]] = field(default_factory=dict)
    """With the epoch at which an earlier attempt left it, and when it started."""
    trained: int = 0
    """Epochs, by cells that ended since the sweep began."""
    since: float = field(default_factory=lambda: time.monotonic())

    def begin(self, task: Task) -> None:
        """A cell starts."""
        self.running[task] = epoch(task), time.monotonic()

    def end(self, task: Task, reason: str | None) -> None:
        """A cell has ended; one that failed gives a reason."""
        self.trained += max(0, epoch(task) - self.running.pop(task)[0])
        if reason is None:
            self.finished += 1
        else:
            self.failed += 1

    def left(self) -> float | None:
        """Seconds until all cells are done, None where nothing tells yet."""
        waiting = self.cells - self.skipped - self.finished - self.failed - len(self.running)
        each = next((task.epochs for task in self.running), 0)
        ahead = waiting * each + sum(t.epochs - epoch(t) for t in self.running)
        trained = self.trained + sum(max(0, epoch(t) - began) for t, (began, _) in self.running.items())
        return (time.monotonic() - self.since) / trained * ahead if ahead and trained else None

    def left_of(self, task: Task) -> float | None:
        """Seconds until one running cell is done, by its own pace; None where nothing tells yet."""
        began, since = self.running[task]
        now = epoch(task)
        return (time.monotonic() - since) / (now - began) * (task.epochs - now) if now > began else None
