"""Starts a cell's process: a new one, or a fork of one that has imported everything already."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

Command = Callable[[Path], Sequence[str]]
NURSERY = (sys.executable, "-m", "asgml.lab.nursery")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PAUSE = 0.01


class Process(Protocol):
    """What an engine needs of a child; `subprocess.Popen` is one. It leads a session of its own."""

    @property
    def pid(self) -> int: ...  # noqa: D102
    @property
    def returncode(self) -> int | None: ...  # noqa: D102
    def poll(self) -> int | None: ...  # noqa: D102
    def wait(self) -> int: ...  # noqa: D102


def environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with the number of threads that numeric libraries may use."""
    return dict(os.environ) | dict.fromkeys(THREADS, str(threads))


def spawn(command: Sequence[str], log: Path, threads: int) -> subprocess.Popen[bytes]:
    """Start a command; what it says goes to the log. Its standard input closes when this process ends, however it ends."""
    with log.open("ab") as file:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
                                env=environment(threads), start_new_session=True)  # fmt: skip


class Nursery:
    """Forks cells from one process that has imported torch and the rest: it saves every cell some seconds of start-up.

    On Linux alone: elsewhere a fork of a process that has loaded numeric libraries is not safe.
    """

    def __init__(self, program: Sequence[str], threads: int):
        ours, self._lifeline = os.pipe()
        self._process = subprocess.Popen([*program, str(ours)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, env=environment(threads), pass_fds=(ours,),
                                         start_new_session=True)  # fmt: skip
        os.close(ours)
        self._said, self._ready, self._born = b"", False, list[int]()
        self.gone = False
        """Whether it has ended; whoever asks then must start cells in another way."""
        self.codes: dict[int, int] = {}

    @property
    def ready(self) -> bool:
        """Whether it would fork at once, or never will."""
        self.listen()
        return self._ready or self.gone

    def fork(self, folder: Path, log: Path) -> Forked | None:
        """Return the process of the cell in this folder; None where the nursery is gone."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"folder": str(folder), "log": str(log)}).encode() + b"\n")
            self._process.stdin.flush()
        while not self._born and not self.gone:
            self.listen(PAUSE)
        return Forked(self._born.pop(), self) if self._born else None

    def listen(self, seconds: float = 0.0) -> None:
        """Take in what it has said."""
        assert self._process.stdout
        while not self.gone and select.select([self._process.stdout], [], [], seconds)[0]:
            said = os.read(self._process.stdout.fileno(), 65536)
            self.gone = not said
            *lines, self._said = (self._said + said).split(b"\n")
            for what, *numbers in map(json.loads, lines):
                self._ready = True
                if what == "born":
                    self._born += numbers
                elif what == "ended":
                    self.codes[numbers[0]] = numbers[1]

    def close(self) -> None:
        """End it; children that still run end, too."""
        os.close(self._lifeline)
        self._process.terminate()
        self._process.communicate()


class Forked:
    """A child of the nursery. Its code is what the nursery tells; without a nursery it cannot be told, and is ended."""

    def __init__(self, pid: int, nursery: Nursery):
        self.pid, self._nursery = pid, nursery
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        self._nursery.listen()
        if self.returncode is None and self.pid not in self._nursery.codes and self._nursery.gone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.returncode = -signal.SIGKILL
        elif self.returncode is None:
            self.returncode = self._nursery.codes.pop(self.pid, None)  # the number may come again
        return self.returncode

    def wait(self) -> int:
        """Wait until it has ended; return its exit code."""
        while (code := self.poll()) is None:
            time.sleep(PAUSE)
        return code


class Launcher:
    """Starts cells, from nurseries where a program for them is given (one per number of threads), else by the command."""

    def __init__(self, command: Command, nursery: Sequence[str] = ()):
        self._command = command
        self._program = nursery if sys.platform == "linux" else ()
        self._nurseries: dict[int, Nursery] = {}

    def ready(self, threads: int) -> bool:
        """Whether a cell can be started without a wait; asking is what gets it ready."""
        if self._program and threads not in self._nurseries:
            self._nurseries[threads] = Nursery(self._program, threads)
        return not self._program or self._nurseries[threads].ready

    def start(self, folder: Path, threads: int) -> Process:
        """Start the cell in this folder; what it says is appended to its `log.txt`."""
        log = folder / "log.txt"
        forked = self._nurseries[threads].fork(folder, log) if threads in self._nurseries else None
        return forked or spawn(self._command(folder), log, threads)

    def close(self) -> None:
        """End the nurseries."""
        for nursery in self._nurseries.values():
            nursery.close()


def signal_group(process: Process, number: signal.Signals) -> None:
    """Reach what the child itself started, too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        elif isinstance(process, subprocess.Popen):
            process.send_signal(number)


def let_go(process: Process) -> None:
    """Close what tied a child that has ended to this process."""
    if isinstance(process, subprocess.Popen) and process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
