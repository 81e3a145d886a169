"""How a sweep shows itself: plain lines for a file or a pipe, and who shows it to people at a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from asgml.lab.cli.pace import Pace, progress
from asgml.lab.engine import Task
from asgml.lab.tasks.scoring import MOST, validation_score

if TYPE_CHECKING:
    from asgml.lab.cli.live import Live


def duration(seconds: float) -> str:
    """Write a duration for people: `12 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def ending(task: Task, reason: str | None, seconds: float) -> str:
    """Say in words how a cell ended, and where to read on if it failed."""
    where = "" if reason is None else f": {reason} (see {task.folder / 'log.txt'})"
    return f"{task.name} seed {task.seed} {'failed after' if reason else 'finished in'} {duration(seconds)}{where}"


def score(value: Any) -> str:
    """Write a task's score, a share of 1, in percent; nothing where there is none, or what a damaged file holds."""
    return f"{100 * value:.1f} %" if isinstance(value, float | int) and abs(value) < MOST else ""


def show(cells: int, stream: TextIO | None = None, *, quiet: bool = False) -> Lines | Live | Quiet:
    """Return the live table where `stream` (standard output) is a terminal that can move its cursor, else the lines.

    `quiet`: failures alone, on standard error.
    """
    if quiet:
        return Quiet()
    stream = stream or sys.stdout
    if not stream.isatty():
        return Lines(cells, stream)
    from asgml.lab.cli.console import Output
    from asgml.lab.cli.live import Live

    console = Output(stream)
    return Lines(cells, stream) if console.is_dumb_terminal else Live(cells, console)


class Lines:
    """One line for every event, written at once, without control characters."""

    def __init__(self, cells: int, stream: TextIO) -> None:
        self._pace, self._stream = Pace(cells), stream

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing to clean up."""

    def skipped(self, task: Task) -> None:
        """Say that the cell was finished before."""
        self._pace.skipped += 1
        self._say(task, f"{task.name} seed {task.seed} was finished before")

    def started(self, task: Task) -> None:
        """Say that the cell starts."""
        self._pace.begin(task)
        self._say(task, f"{task.name} seed {task.seed} started")

    def ended(self, task: Task, reason: str | None, seconds: float) -> None:
        """Say how the cell ended, its last validation score, and for how long all goes on."""
        self._pace.end(task, reason)
        shown, left = score(validation_score(progress(task))), self._pace.left()
        words = [ending(task, reason, seconds), *[f"validation {shown}"] * bool(shown and reason is None)]
        self._say(task, ", ".join(words if left is None else [*words, f"about {duration(left)} left"]))

    def refresh(self) -> None:
        """Draw nothing: only events make lines."""

    def _say(self, task: Task, words: str) -> None:
        print(f"[{task.number}/{self._pace.cells}] {words}", file=self._stream, flush=True)


class Quiet:
    """Says nothing but what failed, on standard error."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing to clean up."""

    def skipped(self, task: Task) -> None:
        """Say nothing."""

    started = skipped

    def ended(self, task: Task, reason: str | None, seconds: float) -> None:
        """Say why a cell failed."""
        if reason is not None:
            print(f"asgml: {ending(task, reason, seconds)}", file=sys.stderr, flush=True)

    def refresh(self) -> None:
        """Draw nothing."""
