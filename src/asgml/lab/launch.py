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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from asgml.lab import loopback
from asgml.lab.engine import Task
from asgml.lab.gpus import Pool

Command = Callable[[Path, int], Sequence[str]]
NURSERY = (sys.executable, "-m", "asgml.lab.nursery")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PAUSE = 0.01
PATIENCE = 3.0
"""Seconds to wait for a process that was told to end, or for a nursery that was asked, before it is helped along."""
NOTHING: Mapping[str, str] = MappingProxyType({})


def environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with the number of threads that numeric libraries may use."""
    return dict(os.environ) | dict.fromkeys(THREADS, str(threads))


class Child:
    """A process of this machine that leads a session of its own, and the GPUs that it has."""

    pid: int
    began = True
    reason: str | None = None
    gpus: Callable[[], None] = staticmethod(lambda: None)
    """Gives its GPUs back."""

    def strike(self, number: int) -> None:
        """Send a signal to it and to what it has started itself; one that is stopped goes on, since it hears nothing else."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, number)
                os.killpg(self.pid, signal.SIGCONT)
            elif isinstance(self, Spawned):
                self.send_signal(number)


class Spawned(Child, subprocess.Popen[bytes]):
    """A child that started by itself."""

    part: Callable[[], None] = staticmethod(lambda: None)
    """Removes what its own processes met by."""

    def close(self) -> None:
        """Close what tied it to this process, once it has ended."""
        self.gpus()
        self.part()
        if self.stdin:
            with contextlib.suppress(OSError):
                self.stdin.close()


def spawn(
    command: Sequence[str],
    log: Path,
    threads: int,
    *,
    processes: int = 1,
    more: Mapping[str, str] = NOTHING,
    where: str | None = None,
) -> Spawned:
    """Start a command; what it says goes to the log. Its standard input closes when this process ends, however it ends.

    `processes` are those that the command starts itself, `more` are variables of its environment, `where` is its working
    directory.
    """
    meeting, part = loopback.meeting(processes)
    with log.open("ab") as file:
        child = Spawned(command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT, cwd=where,
                        env=environment(threads) | meeting | dict(more), start_new_session=True)  # fmt: skip
    child.part = part
    return child


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

    def fork(self, folder: Path, log: Path, more: Mapping[str, str] = NOTHING) -> Forked | None:
        """Return the process of the cell in this folder; None where the nursery is gone."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            wanted = {"folder": str(folder), "log": str(log), "more": dict(more)}
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._process.stdin.flush()
        asked = time.monotonic()
        while not self._born and not self.gone:
            self.listen(PAUSE)
            if time.monotonic() - asked > PATIENCE:
                self.wake()  # somebody may have stopped it
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

    def wake(self) -> None:
        """Let it go on where it was stopped."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, by force where it does not end by itself; children that still run end, too."""
        os.close(self._lifeline)
        self._process.terminate()
        self.wake()
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class Forked(Child):
    """A child of the nursery. Its code is what the nursery tells; without a nursery it cannot be told, and is ended."""

    def __init__(self, pid: int, nursery: Nursery):
        self.pid, self._nursery = pid, nursery
        self.returncode: int | None = None
        self._killed = False

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

    def strike(self, number: int) -> None:
        """Send a signal to it; a nursery that is stopped goes on, since it tells how the child ended."""
        self._nursery.wake()
        super().strike(number)
        self._killed = number == signal.SIGKILL

    def wait(self) -> int:
        """Wait until it has ended, some seconds at most once it was killed; return its exit code."""
        until = time.monotonic() + PATIENCE
        while (code := self.poll()) is None:
            time.sleep(PAUSE)
            if self._killed and time.monotonic() > until:  # the nursery does not tell
                self.returncode = code = -signal.SIGKILL
        return code

    def close(self) -> None:
        """Give back what it had."""
        self.gpus()


class Launcher:
    """Starts cells here, from nurseries where a program for them is given (one per number of threads), else by the command."""

    def __init__(self, command: Command, nursery: Sequence[str] = (), gpus: Pool | None = None):
        self._command, self._gpus = command, gpus or Pool()
        self._program = nursery if sys.platform == "linux" else ()
        self._nurseries: dict[int, Nursery] = {}

    def ready(self, threads: int) -> bool:
        """Whether a cell can be started without a wait; asking is what gets it ready."""
        if self._program and threads not in self._nurseries:
            self._nurseries[threads] = Nursery(self._program, threads)
        return self._gpus.ready and (not self._program or self._nurseries[threads].ready)

    def start(self, task: Task) -> Spawned | Forked:
        """Start a cell; what it says is appended to its `log.txt`. torchrun's processes are no forks."""
        log, more = task.folder / "log.txt", self._gpus.take()
        nursery = self._nurseries.get(task.threads) if task.processes == 1 else None
        forked = nursery.fork(task.folder, log, more) if nursery else None
        child = forked or spawn(
            self._command(task.folder, task.processes), log, task.threads, processes=task.processes, more=more
        )
        child.gpus = lambda: self._gpus.give_back(more)
        return child

    def close(self) -> None:
        """End the nurseries."""
        for nursery in self._nurseries.values():
            nursery.close()
