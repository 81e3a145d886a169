"""Runs every cell in a child process of its own, a few at once, and records how each ended. It knows nothing of training."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from asgml.lab import store
from asgml.lab.launch import Command, Launcher, Process, let_go, signal_group

POLL, GRACE = 0.05, 3.0
"""Seconds between two looks at the children; seconds that a child has to end by itself when the sweep is cut short."""


@dataclass(frozen=True, slots=True)
class Task:
    """A cell to run: the folder that holds its `config.json`; `number` counts the cells of the experiment from 1."""

    number: int
    method: str
    seed: int
    folder: Path
    epochs: int
    threads: int = 1
    where: str = ""
    """The data set, the point of a grid, the trial that it belongs to; empty in a plain experiment."""

    @property
    def name(self) -> str:
        """Where it belongs, and its method."""
        return f"{self.where} {self.method}".lstrip()


class Watcher(Protocol):
    """Whoever wants to show how the cells go."""

    def started(self, task: Task) -> None: ...  # noqa: D102
    def ended(self, task: Task, reason: str | None, seconds: float) -> None: ...  # noqa: D102
    def refresh(self) -> None: ...  # noqa: D102


@dataclass(slots=True)
class _Child:
    task: Task
    process: Process
    log_start: int
    since: float = field(default_factory=time.monotonic)


def trial(folder: Path) -> Sequence[str]:
    """Return the command that trains the cell in this folder."""
    return [sys.executable, "-m", "asgml.lab.trial", str(folder), "--die-with-parent"]


def run(
    tasks: Sequence[Task], *, jobs: int, watcher: Watcher, command: Command = trial, nursery: Sequence[str] = ()
) -> list[Task]:
    """Run the tasks, at most `jobs` at once and in their order; a cell that fails stops no other.

    A child that ends without a `result.json` gets one that says how it ended. Cells are forked by the program `nursery`
    where one is given (and the system can); else each is the `command`, which imports all by itself.

    Returns:
        The tasks that failed.

    Raises:
        KeyboardInterrupt: on SIGINT or SIGTERM, once every child has ended; cells cut short get no record of a failure.
    """
    waiting, running, failed = list(reversed(tasks)), list[_Child](), list[Task]()
    launcher = Launcher(command, nursery)
    with _signals() as caught, contextlib.closing(launcher):
        try:
            while (waiting or running) and not caught:
                while waiting and len(running) < jobs and launcher.ready(waiting[-1].threads):
                    running.append(_start(waiting.pop(), launcher, watcher))
                time.sleep(POLL)
                for child in [c for c in running if not caught and c.process.poll() is not None]:
                    running.remove(child)
                    failed += _record(child, watcher)
                watcher.refresh()
        finally:
            _stop(running, caught)
        if caught:
            raise KeyboardInterrupt
    return failed


def _start(task: Task, launcher: Launcher, watcher: Watcher) -> _Child:
    log = task.folder / "log.txt"
    start = log.stat().st_size if log.exists() else 0
    child = _Child(task, launcher.start(task.folder, task.threads), start)
    watcher.started(task)
    return child


def _record(child: _Child, watcher: Watcher) -> list[Task]:
    let_go(child.process)
    result = store.read_json(child.task.folder / "result.json")
    if result is None:
        result = {"status": "failed", "reason": _reason(child)}
        store.write_json(child.task.folder / "result.json", result)
    reason = None if result["status"] == "finished" else str(result.get("reason", "no reason given"))
    watcher.ended(child.task, reason, time.monotonic() - child.since)
    return [child.task] if reason else []


def _reason(child: _Child) -> str:
    code = child.process.returncode
    if code < 0:
        known = {int(s): s.name for s in signal.Signals}
        return f"killed by {known.get(-code, f'signal {-code}')}"
    with (child.task.folder / "log.txt").open("rb") as log:
        log.seek(max(child.log_start, log.seek(0, os.SEEK_END) - 10_000))
        said = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return f"exit code {code}: {said[-1][:300] if said else 'it wrote nothing'}"


def _stop(running: Sequence[_Child], caught: Sequence[int]) -> None:
    """End the children: politely, and by force after a grace or when a second signal asks for haste."""
    for child in running:
        signal_group(child.process, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while any(c.process.poll() is None for c in running) and time.monotonic() < until and len(caught) < 2:
        time.sleep(POLL)
    for child in running:
        signal_group(child.process, getattr(signal, "SIGKILL", signal.SIGTERM))
        child.process.wait()
        let_go(child.process)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of raising, so that no child is lost between its start and its bookkeeping.

    One that is ignored (`nohup`, a shell's `&`) stays ignored; outside the main thread signals cannot be caught.
    """
    caught: list[int] = []
    mine = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {s: handler for s in mine if (handler := signal.getsignal(s)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
