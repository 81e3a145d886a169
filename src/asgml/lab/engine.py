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

from asgml.lab import disk, memory, store

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
    """Of each of its processes."""
    processes: int = 1
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


class Process(Protocol):
    """A cell that was started. `reason` says how it ended where its exit code does not."""

    reason: str | None

    @property
    def began(self) -> bool: ...  # noqa: D102
    @property
    def returncode(self) -> int | None: ...  # noqa: D102
    def poll(self) -> int | None: ...  # noqa: D102
    def wait(self) -> int: ...  # noqa: D102
    def strike(self, number: int, /) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Engine(Protocol):
    """Whatever starts cells: `launch.Launcher` here, `engines.ray` and `engines.dask` on a cluster."""

    def ready(self, threads: int) -> bool: ...  # noqa: D102
    def start(self, task: Task) -> Process: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(slots=True)
class _Child:
    task: Task
    process: Process
    log_start: int
    since: float = field(default_factory=time.monotonic)
    kills: int = field(default_factory=lambda: memory.kills())
    """Those of the system for want of memory, when it began."""
    told: bool = False
    """Whether the watcher knows that it runs: on a cluster it may wait for long."""

    def tell(self, watcher: Watcher) -> None:
        self.told, self.since = True, time.monotonic()
        watcher.started(self.task)


TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node")


def trial(folder: Path, processes: int = 1) -> Sequence[str]:
    """Return the command that trains the cell in this folder, in one process or in several that torchrun starts."""
    several = [*TORCHRUN, str(processes)] if processes > 1 else []
    return [sys.executable, *several, "-m", "asgml.lab.trial", str(folder), "--die-with-parent"]


def run(tasks: Sequence[Task], engine: Engine, *, jobs: int | None, watcher: Watcher) -> list[Task]:
    """Run the tasks, at most `jobs` at once (None: the engine decides) and in their order; one that fails stops no other.

    A child that ends without a `result.json` gets one that says how it ended.

    Returns:
        The tasks that failed.

    Raises:
        KeyboardInterrupt: on SIGINT or SIGTERM, once every child has ended; cells cut short get no record of a failure.
    """
    waiting, running, failed = list(reversed(tasks)), list[_Child](), list[Task]()
    if tasks:
        engine.ready(tasks[0].threads)  # before we listen to signals: a cluster's client may set handlers of its own
    with _signals() as caught:
        try:
            while (waiting or running) and not caught:
                while waiting and (jobs is None or len(running) < jobs) and engine.ready(waiting[-1].threads):
                    running.append(_start(waiting.pop(), engine))
                for child in [c for c in running if not c.told and c.process.began]:
                    child.tell(watcher)
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


def _start(task: Task, engine: Engine) -> _Child:
    log = task.folder / "log.txt"
    start = log.stat().st_size if log.exists() else 0
    return _Child(task, engine.start(task), start)


def _record(child: _Child, watcher: Watcher) -> list[Task]:
    child.process.close()
    if not child.told:
        child.tell(watcher)
    result = store.read_json(child.task.folder / "result.json")
    if result is None:
        result = {"status": "failed", "reason": _reason(child)}
        try:
            store.write_json(child.task.folder / "result.json", result)
        except OSError as error:  # without a result it runs again, as one that failed does
            result["reason"] = disk.full(error) or f"{result['reason']}; and {error}"
    reason = None if result["status"] == "finished" else str(result.get("reason", "no reason given"))
    watcher.ended(child.task, reason, time.monotonic() - child.since)
    return [child.task] if reason else []


def _reason(child: _Child) -> str:
    if child.process.reason:
        return child.process.reason
    code = child.process.returncode
    assert code is not None
    if code == disk.CODE:
        return f"the disk is full; {disk.WAY_OUT}"
    known = {int(s): s.name for s in signal.Signals}
    how = f"killed by {known.get(-code, f'signal {-code}')}" if code < 0 else f"exit code {code}: {_last_words(child)}"
    return how + ", out of memory: the system ended it" * ("SIGKILL" in how and memory.kills() > child.kills)


def _last_words(child: _Child) -> str:
    """Return the last line with words in it that the cell has written now; torchrun closes with a rule below its own."""
    with (child.task.folder / "log.txt").open("a+b") as log:
        log.seek(max(child.log_start, log.seek(0, os.SEEK_END) - 10_000))
        said = [line.strip() for line in log.read().decode(errors="replace").splitlines() if any(map(str.isalnum, line))]
    return said[-1][:300] if said else "it wrote nothing"


def _stop(running: Sequence[_Child], caught: Sequence[int]) -> None:
    """End the children: politely, and by force after a grace or when a second signal asks for haste."""
    for child in running:
        child.process.strike(signal.SIGTERM)
    until = time.monotonic() + GRACE
    while any(c.process.poll() is None for c in running) and time.monotonic() < until and len(caught) < 2:
        time.sleep(POLL)
    for child in running:
        child.process.strike(getattr(signal, "SIGKILL", signal.SIGTERM))
        child.process.wait()
        child.process.close()


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
