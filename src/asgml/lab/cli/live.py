"""A sweep for people at a terminal: a table that redraws itself, a line per running cell and how far all of them are."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live as Screen
from rich.table import Table

from asgml.lab import store
from asgml.lab.cli.progress import duration, ending
from asgml.lab.engine import Task
from asgml.lab.tasks.scoring import validation_score

REDRAWN = 0.25
"""Seconds between two drawings."""


class Live:
    """Draws where every running cell is; what failed is printed above the table, so that it stays to be read."""

    def __init__(self, cells: int, console: Console) -> None:
        self._console, self._cells = console, cells
        self._skipped = self._finished = self._failed = 0
        self._running: dict[Task, int] = {}  # with the epoch at which an earlier attempt left it
        self._trained = 0  # epochs, by cells that ended since we began
        self._since = self._drawn = time.monotonic()
        self._screen = Screen(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Live:
        self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.stop()
        self._console.print(self.totals(), highlight=False)

    def skipped(self, task: Task) -> None:
        """Count a cell that was finished before."""
        self._skipped += 1

    def started(self, task: Task) -> None:
        """Give the cell a line; the epochs of an earlier attempt do not count as trained now."""
        self._running[task] = _epoch(task)

    def ended(self, task: Task, reason: str | None, seconds: float) -> None:
        """Take the cell's line away."""
        self._trained += max(0, _epoch(task) - self._running.pop(task))
        if reason is None:
            self._finished += 1
            return
        self._failed += 1
        self._console.print(ending(task, reason, seconds), style="red", markup=False, highlight=False)

    def refresh(self) -> None:
        """Draw anew, a few times per second."""
        if time.monotonic() - self._drawn >= REDRAWN:
            self._drawn = time.monotonic()
            self._screen.update(Group(self._table(), self.totals()), refresh=True)

    def totals(self) -> str:
        """Say how many cells are done, and for how long it went and goes on."""
        elapsed = time.monotonic() - self._since
        words = [f"{self._skipped + self._finished}/{self._cells} cells done"]
        words += [f"{self._failed} failed"] * bool(self._failed) + [f"{duration(elapsed)} elapsed"]
        left = self._epochs_left()
        if left and (trained := self._trained_so_far()):
            words.append(f"about {duration(elapsed / trained * left)} left")
        return ", ".join(words)

    def _trained_so_far(self) -> int:
        return self._trained + sum(max(0, _epoch(t) - began) for t, began in self._running.items())

    def _epochs_left(self) -> int:
        waiting = self._cells - self._skipped - self._finished - self._failed - len(self._running)
        each = next((task.epochs for task in self._running), 0)
        return waiting * each + sum(t.epochs - _epoch(t) for t in self._running)

    def _table(self) -> Table:
        table = Table("method", "seed", "epoch", "validation score", box=None, pad_edge=False, header_style="dim")
        for task in self._running:
            score = validation_score(_progress(task))
            shown = "" if score is None else f"{100 * score:.1f} %"
            table.add_row(task.name, str(task.seed), f"{_epoch(task)}/{task.epochs}", shown)
        return table


def _epoch(task: Task) -> int:
    return int(_progress(task).get("epoch", 0))


def _progress(task: Task) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        return store.read_json(task.folder / "progress.json") or {}
    return {}
