"""A sweep for people at a terminal: a table that redraws itself, a line per running cell and how far all of them are."""

from __future__ import annotations

import time
from collections import deque

from rich.console import Console, Group
from rich.live import Live as Screen
from rich.table import Table

from asgml.lab.cli.pace import Pace, epoch, progress
from asgml.lab.cli.progress import duration, ending, score
from asgml.lab.engine import Task
from asgml.lab.tasks.scoring import validation_score

REDRAWN = 0.25
"""Seconds between two drawings."""
RECENT = 5
"""Finished cells that stay in the table."""


class Live:
    """Draws where every running cell is; what failed is printed above the table, so that it stays to be read."""

    def __init__(self, cells: int, console: Console) -> None:
        self._console, self._pace = console, Pace(cells)
        self._recent = deque[tuple[Task, float]](maxlen=RECENT)
        self._drawn = time.monotonic()
        self._screen = Screen(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Live:
        self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.stop()
        self._console.print(self.totals(), highlight=False)

    def skipped(self, task: Task) -> None:
        """Count a cell that was finished before."""
        self._pace.skipped += 1

    def started(self, task: Task) -> None:
        """Give the cell a line; the epochs of an earlier attempt do not count as trained now."""
        self._pace.begin(task)

    def ended(self, task: Task, reason: str | None, seconds: float) -> None:
        """Move the cell's line to those that finished; of a failure say why."""
        self._pace.end(task, reason)
        if reason is None:
            self._recent.append((task, seconds))
        else:
            self._console.print(ending(task, reason, seconds), style="red", markup=False, highlight=False)

    def refresh(self) -> None:
        """Draw anew, a few times per second."""
        if time.monotonic() - self._drawn >= REDRAWN:
            self._drawn = time.monotonic()
            self._screen.update(Group(self._table(), self.totals()), refresh=True)

    def totals(self) -> str:
        """Say how many cells are done, and for how long it went and goes on."""
        pace = self._pace
        words = [f"{pace.skipped + pace.finished}/{pace.cells} cells done", *[f"{pace.failed} failed"] * bool(pace.failed)]
        words.append(f"{duration(time.monotonic() - pace.since)} elapsed")
        left = pace.left()
        return ", ".join(words if left is None else [*words, f"about {duration(left)} left"])

    def _table(self) -> Table:
        table = Table("method", "seed", "epoch", box=None, pad_edge=False, header_style="dim")
        for head in ("validation", "best", "time"):
            table.add_column(head, justify="right")
        for task, seconds in self._recent:
            table.add_row(*_row(task), f"took {duration(seconds)}", style="dim")
        for task in self._pace.running:
            left = self._pace.left_of(task)
            table.add_row(*_row(task), "" if left is None else f"{duration(left)} left")
        return table


def _row(task: Task) -> tuple[str, ...]:
    said = progress(task)
    return task.name, str(task.seed), f"{epoch(task)}/{task.epochs}", score(validation_score(said)), score(said.get("best"))
